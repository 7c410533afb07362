"""The style sheet of a report: by day and by night, on paper and on a telephone."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f5f6f8; --ink: #1c2024; --soft: #616a75; --line: #d8dde3;
  --pass: #4a7fb5; --fail: #d9772b; --bound: #b3261e; --span: #b3261e22;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15181c; --raised: #1e2329; --ink: #e4e7eb; --soft: #98a2ad; --line: #363d46;
    --pass: #6ba3db; --fail: #f0a050; --bound: #ff8a80; --span: #ff8a8022;
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
svg { display: block; width: 100%; height: auto; }
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
.key .passes { background: var(--pass); } .key .fails { background: var(--fail); }
@media print { details > * { display: block; } body { max-width: none; } }
"""
