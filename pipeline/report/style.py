"""The style sheet of a report: by day and by night, on paper and on a telephone."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f5f6f8; --ink: #1c2024; --soft: #616a75; --line: #d8dde3;
  --pass: #3b71a8; --fail: #d9772b; --bound: #b3261e; --span: #b3261e22; --plain: #8b949e;
  --c2: #1b8a6b; --c3: #a3508f; --c4: #7a6a1d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15181c; --raised: #1e2329; --ink: #e4e7eb; --soft: #98a2ad; --line: #363d46;
    --pass: #6ba3db; --fail: #f0a050; --bound: #ff8a80; --span: #ff8a8022; --plain: #8b949e;
    --c2: #4cc9a0; --c3: #d991c8; --c4: #cdb95a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem; max-width: 78rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .6rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; }
.soft, .note { color: var(--soft); }
.warn { border-left: 3px solid var(--fail); padding-left: .7rem; }
nav a { margin-right: 1rem; }
a { color: var(--pass); }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
.wide { overflow: auto hidden; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: .15rem .7rem .15rem 0; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
tr.stage td { border-top: 1px solid var(--line); font-weight: 600; }
td code { display: block; min-width: 12rem; }
td.in { padding-left: 1.2rem; }
.funnel { width: 100%; }
.funnel td.drawn { width: 55%; min-width: 12rem; }
.track { display: block; height: 1.1rem; margin: .15rem 0; }
.track i { display: inline-block; min-width: 1px; height: 100%; background: var(--pass); }
.track i.fails { background: var(--fail); }
.panels, .samples {
  display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr));
}
.panel { background: var(--raised); border-radius: 6px; padding: .8rem; min-width: 0; }
.panel table { width: 100%; }
.words td.drawn { width: 45%; }
.words .track { height: .8rem; margin-top: .35rem; }
svg[viewBox] { display: block; width: 100%; height: auto; }
svg text { font: 10px system-ui, sans-serif; fill: var(--soft); }
svg .mid { text-anchor: middle; } svg .end { text-anchor: end; }
svg .label { fill: var(--bound); font-weight: 600; } svg .name { fill: var(--ink); }
svg path { fill: none; } svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); }
svg .passes { fill: var(--pass); } svg .fails { fill: var(--fail); } svg .beyond { opacity: .6; }
svg .bound { stroke: var(--bound); stroke-width: 1.4; stroke-dasharray: 4 2; }
svg .span { fill: var(--span); stroke: var(--bound); stroke-width: .7; }
details { margin: .5rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.sample { border-left: 3px solid var(--pass); padding-left: .6rem; min-width: 0; }
details h3 { margin-top: .8rem; }
.sample.fails { border-color: var(--fail); }
.sample p { overflow-wrap: anywhere; }
.sample pre {
  margin: .2rem 0; white-space: pre-wrap; overflow-wrap: anywhere; overflow: hidden;
  max-height: 16rem; overflow-y: auto; font: .82rem/1.4 ui-monospace, monospace;
}
.key i { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 .8rem; }
.key .before { background: var(--plain); }
.key .passes { background: var(--pass); } .key .fails { background: var(--fail); }
.pair { display: block; }
.pair i { display: block; min-width: 1px; height: .45rem; background: var(--pass); }
.pair i.before { background: var(--plain); margin-top: .3rem; }
.origins { table-layout: fixed; } .origins td { overflow-wrap: anywhere; }
.origins th:first-child { width: 42%; } .origins th.n { width: 4.1rem; }
.ragged { align-items: start; }
h2.part {
  font-size: 1.5rem; margin-top: 4rem; border-top: 3px solid var(--line); padding-top: 1rem;
}
small { font-size: .85em; color: var(--soft); font-weight: 400; }
.lead { font-size: 1.2rem; line-height: 1.45; margin: .8rem 0; max-width: 60rem; }
.lead p { margin: .5rem 0; }
.figures { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.figures div { background: var(--raised); border-radius: 6px; padding: .6rem 1rem; }
.figures strong { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); } .figures strong span { color: inherit; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem 1rem; }
nav a { display: inline-block; }
.verdict { white-space: nowrap; font-weight: 600; } .verdict i { font-style: normal; }
.better i { color: var(--pass); } .worse i { color: var(--fail); }
.undecided i { color: var(--soft); }
table.forest, table.arms { width: 100%; } .forest thead th.n { white-space: normal; }
.forest td, .forest th { vertical-align: middle; }
.forest td small, .arms td small { overflow-wrap: anywhere; }
.forest td.drawn { width: 34%; padding: 0 .9rem; }
.forest.steps td.drawn { width: 40%; } .forest.steps td small { display: block; }
.family th { padding-top: .8rem; color: var(--ink); border-bottom: 1px solid var(--line); }
tr.whole td { border-top: 1px solid var(--line); font-weight: 600; }
.beside { display: grid; gap: 1.5rem 2.5rem; }
.fluid { display: block; width: 100%; overflow: visible; }
.fluid svg { overflow: visible; }
.fluid .mark { width: 1px; height: 1px; } .fluid .mark path { fill: inherit; }
.fluid text { font-size: 12px; }
.fluid .right { transform: translateX(12px); }
.fluid .strong { font-weight: 600; font-size: 13px; fill: var(--ink); }
.fluid line { stroke: var(--soft); } .fluid line.grid { stroke: var(--line); }
.fluid .zero { stroke: var(--soft); stroke-dasharray: 3 3; }
.fluid .whisker { stroke: var(--ink); stroke-width: 1.5; } .fluid .cut { fill: var(--ink); }
.fluid .level { stroke: var(--ink); stroke-width: 3; }
.fluid .better { fill: var(--pass); } .fluid .worse { fill: var(--fail); }
.fluid .undecided { fill: var(--ground); stroke: var(--soft); stroke-width: 2; }
.fluid .plain { fill: var(--ink); }
.fluid rect { opacity: .35; } .fluid rect.undecided { fill: var(--plain); stroke: none; }
.plot { margin: 2rem 1rem 3rem 2.9rem; width: calc(100% - 3.9rem); }
.plot .curve { stroke-width: 2; fill: none; stroke: var(--plain); }
.plot .band { fill: var(--fail); opacity: .15; }
.plot .control, .curve.c0, .plot .curve.c0 { stroke: var(--fail); }
.curve.c1, .plot .curve.c1 { stroke: var(--pass); stroke-dasharray: 7 3; }
.curve.c2, .plot .curve.c2 { stroke: var(--c2); stroke-dasharray: 2 3; }
.curve.c3, .plot .curve.c3 { stroke: var(--c3); stroke-dasharray: 9 3 2 3; }
.curve.c4, .plot .curve.c4 { stroke: var(--c4); }
.plot .curve.c2, .plot .curve.c3, .plot .curve.c4, .plot .curve.c5 { stroke-width: 1.3; }
.plot .seed { fill: var(--fail); opacity: .7; } .plot .other { fill: var(--plain); }
.plot .mark.treated { fill: var(--pass); } .plot line.treated { stroke: var(--pass); }
.plot .mark.treated.big .open { fill: var(--ground); stroke: var(--pass); stroke-width: 3; }
.plot line.gain { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 3; }
.plot .mark.gain { fill: var(--ink); } .plot line.drop { stroke-dasharray: 2 3; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; }
.swatch { display: inline-block; width: 28px; vertical-align: middle; }
.swatch line.curve { stroke-width: 2.5; }
pre.code {
  background: var(--raised); padding: .8rem; border-radius: 6px; overflow-x: auto;
  font: .82rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
}
@media (min-width: 70rem) { .beside { grid-template-columns: 1.15fr 1fr; } }
@media (max-width: 60rem), print {
  .forest td.drawn { min-width: 11rem; } .forest td.n small { display: block; }
}
@media screen and (max-width: 52rem) {
  body { padding: 1rem; }
  .stack thead { display: none; }
  .stack tr { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .35rem 0; }
  .stack td { padding: 0; } .stack td.n { text-align: left; } .stack td:empty { display: none; }
  .stack td:first-child { flex: 1 1 100%; font-weight: 600; }
  .stack td.drawn { flex: 1 1 100%; width: auto; }
  td[data-label]::before { content: attr(data-label) " "; color: var(--soft); font-size: .85em; }
  tr.whole { border-top: 1px solid var(--line); } .forest tr.whole td { border: 0; }
  .wide td, .wide th { padding-right: .5rem; font-size: .8rem; } .wide td code { min-width: 7rem; }
  .wide .stack td { font-size: 1em; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  details > * { display: block; } details::details-content { content-visibility: visible; }
  nav, .plan { display: none; } table { font-size: .9em; } .forest td.drawn { min-width: 7rem; }
  tr, .panel, .sample, .plot, .figures div { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .track i, .pair i, svg, .figures div { print-color-adjust: exact; }
}
"""
