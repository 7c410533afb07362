"""Sections of the page about how many: the head, the funnel, the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tamis.pipeline.report.look import escaped, megabytes, number, share, track

Content = dict[str, Any]


def head(content: Content) -> str:
    """What the corpus is and what became of it, and what this report cannot say."""
    ledger, recipe = content["ledger"], content["recipe"]
    kept, all_documents = ledger["kept"], ledger["ingested"]["documents"]
    links = "".join(
        f'<a href="#{escaped(s["name"])}">{escaped(s["name"])}</a>' for s in content["stages"]
    )
    return f"""<header>
<h1>Recipe {escaped(recipe["name"])}</h1>
<p>{escaped(recipe["description"])}</p>
<p>Of {number(all_documents)} records ({megabytes(ledger["ingested"]["bytes"])} MB of text),
<strong>{number(kept["documents"])}</strong> documents were kept
({megabytes(kept["bytes"])} MB), {share(kept["documents"], all_documents)}.</p>
{_missing(content)}
<nav><a href="#funnel">Funnel</a><a href="#reasons">Reasons</a>
<a href="#composition">Composition</a>{links}<a href="#samples">Samples</a></nav>
</header>"""


def _missing(content: Content) -> str:
    lines = [
        f"Stage {escaped(name)} has no signals and takes no part."
        for name in content["ledger"]["took_no_part"]
    ]
    if not content["recipe"]["is_the_corpus_own"]:
        lines.insert(0, "This recipe is not the one whose answer the corpus holds.")
    lines += [
        f"Stage {escaped(stage['name'])} has not measured {number(stage['not_measured'])} "
        "documents that reach it by these rules: its figures are incomplete."
        for stage in content["stages"]
        if stage["not_measured"]
    ]
    return "".join(f'<p class="warn">{line}</p>' for line in lines)


def funnel(content: Content) -> str:
    """Documents and bytes that are left after ingest and after each stage, drawn."""
    rows = list(_left(content))
    documents, size = (max(1, rows[0][1][key]) for key in ("documents", "bytes"))
    body = "".join(
        f'<tr><td>{escaped(name)}</td><td class="drawn">{_bar(left, gone, documents)}</td>'
        f'<td class="n" data-label="documents">{number(left["documents"])}</td>'
        f'<td class="n">{share(left["documents"], documents)}</td>'
        f'<td class="n" data-label="MB">{megabytes(left["bytes"])}</td>'
        f'<td class="n">{share(left["bytes"], size)}</td></tr>'
        for name, left, gone in rows
    )
    return f"""<h2 id="funnel">Funnel</h2>
<p class="key note">How to read it: documents <i class="passes"></i>left after each step
<i class="fails"></i>lost in it; the shares are of what was read.</p>
<div class="wide"><table class="stack funnel">
<thead><tr><th>after</th><th></th><th class="n">documents</th><th class="n">share</th>
<th class="n">MB</th><th class="n">share</th></tr></thead><tbody>{body}</tbody></table></div>"""


def _left(content: Content) -> Iterator[tuple[str, dict[str, int], int]]:
    """Step, what is left after it, and the documents that it took."""
    ledger = content["ledger"]
    left = {"documents": content["documents"], "bytes": content["bytes"]}
    gone = ledger["ingested"]["documents"] - content["documents"]
    yield "records read", dict(ledger["ingested"]), 0
    yield "ingest", dict(left), gone
    for stage in ledger["stages"]:
        left = {key: left[key] - stage["rejected"][key] for key in left}
        yield stage["name"], dict(left), stage["rejected"]["documents"]


def _bar(left: dict[str, int], gone: int, whole: int) -> str:
    return track((left["documents"], gone), whole)


def reasons(content: Content) -> str:
    """Everybody who left, by reason, and whom that reason alone turned away."""
    ledger = content["ledger"]
    records, size = ledger["ingested"]["documents"], ledger["ingested"]["bytes"]

    def row(name: str, amount: dict[str, Any], style: str = "", inner: str = "") -> str:
        count, alone = amount.get("bytes"), amount.get("alone")
        cells = [
            number(amount["documents"]),
            share(amount["documents"], records),
            "" if count is None else megabytes(count),
            "" if count is None else share(count, size),
            "" if alone is None else number(alone["documents"]),
        ]
        numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
        return f'<tr class="{style}"><td class="{inner}">{escaped(name)}</td>{numbers}</tr>'

    rows = [row("records read", ledger["ingested"], "stage")]
    rows.append(row("unreadable", ledger["errors"], "stage"))
    rows += [
        row(reason, {"documents": count}, inner="in")
        for reason, count in ledger["errors"]["reasons"].items()
    ]
    rows += [row(f"set aside: {side}", n, "stage") for side, n in ledger["set_aside"].items()]
    for stage in ledger["stages"]:
        rows.append(row(f"rejected by {stage['name']}", stage["rejected"], "stage"))
        rows += [
            row(f"{stage['name']}.{rule}", amount, inner="in")
            for rule, amount in stage["rules"].items()
            if rule != "error" or amount["documents"]
        ]
    rows.append(row("kept", ledger["kept"], "stage"))
    return f"""<h2 id="reasons">Reasons</h2>
<p class="note">Shares are of all records read. A document that fails several rules of a stage
counts under each; “by it alone” counts those that fail no other rule there.</p>
<div class="wide"><table>
<tr><th>reason</th><th class="n">documents</th><th class="n">share</th><th class="n">MB</th>
<th class="n">share</th><th class="n">by it alone</th></tr>{"".join(rows)}</table></div>
{_passed_over(ledger["passed_over"])}"""


def _passed_over(passed: dict[str, Any]) -> str:
    if not passed["records"]:
        return ""
    most = sorted(passed["reasons"].items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{escaped(reason)} {number(count)}" for reason, count in most)
    return (
        f'<p class="note">Passed over, being no documents: {number(passed["records"])} '
        f"records ({named}).</p>"
    )
