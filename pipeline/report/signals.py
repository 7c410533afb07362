"""The section of the stages: rules, a panel for every signal, samples beside every bound."""

from __future__ import annotations

from typing import Any

from tamis.pipeline.report.chart import histogram
from tamis.pipeline.report.look import escaped, number, share, track

Content = dict[str, Any]
_OUTCOMES = {"fails": "Rejected", "passes": "Let through"}
_SIDES = {"min": ("below", "at or above"), "max": ("above", "at or below")}


def signals(content: Content) -> str:
    """Every stage, in order."""
    counted = {stage["name"]: stage for stage in content["ledger"]["stages"]}
    return "\n".join(_stage(stage, counted.get(stage["name"])) for stage in content["stages"])


def _stage(stage: Content, counts: Content | None) -> str:
    name = escaped(stage["name"])
    kind = "" if stage["kind"] == stage["name"] else f" <small>({escaped(stage['kind'])})</small>"
    parts = [f'<h2 id="{name}">{name}{kind}</h2>', _entered(counts), _rules(stage, counts)]
    if stage["signals"]:
        parts.append(
            '<p class="key note">Documents that the stage evaluated: <i class="passes"></i>pass '
            '<i class="fails"></i>fail by the value drawn. A bar is split by their shares.</p>'
        )
    panels = "".join(_panel(figure) for figure in stage["signals"])
    parts.append(f'<div class="panels">{panels}</div>')
    if stage["not_drawn"]:
        named = ", ".join(
            f"<code>{escaped(c['column'])}</code> ({escaped(c['type'])})"
            for c in stage["not_drawn"]
        )
        parts.append(f'<p class="note">Not drawn: {named}</p>')
    parts += [_samples(rule) for rule in stage["rules"]]
    return "\n".join(part for part in parts if part)


def _entered(counts: Content | None) -> str:
    if counts is None:
        return ""
    amounts = [
        (counts["entered"], "documents reached it"),
        (counts["evaluated"], "were evaluated"),
        (counts["not_applicable"], "are none that it applies to"),
        (counts["rules"]["error"], "could not be evaluated"),
    ]
    said = [
        f"{number(amount['documents'])} {word}"
        for place, (amount, word) in enumerate(amounts)
        if place < 2 or amount["documents"]
    ]
    return f"<p>{', '.join(said)}.</p>"


def _rules(stage: Content, counts: Content | None) -> str:
    if not stage["rules"]:
        return '<p class="note">No rules.</p>'
    rows = "".join(_rule(rule, counts) for rule in stage["rules"])
    return (
        '<div class="wide"><table><tr><th>rule</th><th>bound</th><th class="n">rejects</th>'
        '<th class="n">of those that reached it</th><th class="n">by it alone</th></tr>'
        f"{rows}</table></div>"
    )


def _rule(rule: Content, counts: Content | None) -> str:
    written = rule["written"]
    bound = rule["bound"] + (f" (written: {written})" if written != rule["bound"] else "")
    cells = ["", "", ""]
    if counts is not None:
        amount = counts["rules"][rule["rule"].partition(".")[2]]
        cells = [
            number(amount["documents"]),
            share(amount["documents"], counts["entered"]["documents"]),
            number(amount["alone"]["documents"]),
        ]
    numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
    return (
        f"<tr><td>{escaped(rule['rule'])}</td><td><code>{escaped(bound)}</code></td>{numbers}</tr>"
    )


def _panel(figure: Content) -> str:
    drawn = _words(figure) if figure["form"] == "words" else _numbers(figure)
    return (
        f'<div class="panel"><h3>{escaped(figure["column"])}</h3>{drawn}'
        f'<p class="note">{_summary(figure)}</p></div>'
    )


def _numbers(figure: Content) -> str:
    return histogram(figure) if "edges" in figure else "<p>No value.</p>"


def _summary(figure: Content) -> str:
    said = [f"{number(figure['values'])} values"]
    if figure["nulls"]:
        said.append(f"{number(figure['nulls'])} null")
    if figure["form"] == "words":
        different = figure["different"]
        said.append("too many to list" if different is None else f"{number(different)} different")
    elif "edges" in figure:
        said.append(f"{number(figure['least'])} to {number(figure['greatest'])}")
        median = float(f"{figure['quantiles_about']['0.5']:.2g}")
        said.append(f"median about {number(median)}")
        if figure["zeros"] and figure["scale"] == "logarithmic":
            said.append(f"{number(figure['zeros'])} zeros")
        ends = [
            f"{number(figure[end]['documents'])} {word}"
            for end, word in (("below", "less"), ("above", "more"))
            if figure[end]["documents"]
        ]
        if ends:
            first, last = number(figure["edges"][0]), number(figure["edges"][-1])
            said.append(f"{' and '.join(ends)} than the axis holds ({first} to {last})")
    failing = _failing(figure)
    if failing:
        said.append(f"{share(failing, figure['values'])} fail")
    return "; ".join(said)


def _failing(figure: Content) -> int:
    if figure["form"] == "words":
        return sum(one["failing"] for one in (*figure["top"], figure["others"]))
    if "edges" not in figure:
        return 0
    ends = figure["below"]["failing"] + figure["above"]["failing"]
    return int(sum(figure["failing"]) + ends)


def _words(figure: Content) -> str:
    rows = list(figure["top"])
    if figure["others"]["documents"]:
        rows.append({"value": "(others)", **figure["others"]})
    most = max((row["documents"] for row in rows), default=1)
    body = "".join(
        f'<tr><td>{escaped(row["value"])}</td><td class="drawn">{_split(row, most)}</td>'
        f'<td class="n">{number(row["documents"])}</td>'
        f'<td class="n">{share(row["documents"], figure["values"])}</td></tr>'
        for row in rows
    )
    return f'<table class="words">{body}</table>'


def _split(row: Content, most: int) -> str:
    return track((row["documents"] - row["failing"], row["failing"]), most)


def _samples(rule: Content) -> str:
    if not rule["samples"]:
        return ""
    groups = "".join(_group(rule, group) for group in rule["samples"])
    title = f"Samples of {escaped(rule['rule'])}: <code>{escaped(rule['bound'])}</code>"
    return f"<details><summary>{title}</summary>{groups}</details>"


def _group(rule: Content, group: Content) -> str:
    outcome = group["outcome"]
    if group["side"] in _SIDES:
        where = _SIDES[group["side"]][outcome == "passes"]
        title = f"{_OUTCOMES[outcome]}: just {where} the {group['side']}"
    else:
        title = "Rejected"
    shown = "".join(_sample(document, rule, outcome) for document in group["documents"])
    return f'<h3>{title}</h3><div class="samples">{shown}</div>'


def _sample(document: Content, rule: Content, outcome: str) -> str:
    bound = "" if document["bound"] is None else f" (bound {_value(document['bound'])})"
    value = f"<strong><bdi>{_value(document['value'])}</bdi></strong>"
    return beginning(document, outcome, f"<br>{escaped(rule['column'])} {value}{bound}")


def beginning(document: Content, outcome: str, about: str) -> str:
    """The beginning of a document with its key and its id; about is HTML."""
    text, more = document["text"], document["characters"] - len(document["text"])
    rest = f'<p class="note">and {number(more)} more characters</p>' if more else ""
    return (
        f'<div class="sample {outcome}"><p><code>{escaped(document["key"])}</code> '
        f"<bdi>{escaped(document['id'])}</bdi>{about}</p>"
        f'<pre dir="auto">{escaped(text)}</pre>{rest}</div>'
    )


def _value(value: Any) -> str:
    """A value to six digits: those nearest to a bound may look like it with fewer."""
    return f"{value:.6g}" if isinstance(value, float) else number(value)
