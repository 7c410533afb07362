"""The verdict table: every comparison with its interval drawn, then the domains of the main one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tamis.pipeline.report.budget import arms_epochs, control_note
from tamis.pipeline.report.interval import axis, badge, drawn, in_numbers, probability, scale_of
from tamis.pipeline.report.look import arm, escaped, number
from tamis.pipeline.report.plot import Scale

Content = dict[str, Any]
FAMILIES = {
    "main": ("The question", ""),
    "cumulative": (
        "Stages, one added after the other",
        "Each against the arm before it: what the stage adds there.",
    ),
    "leave one out": (
        "Stages, one left out",
        "Each against the full recipe: <em>worse</em> means that the stage is missed, so it helps.",
    ),
    "control": (
        "Controls",
        "Nothing that ought to make a difference: <em>undecided</em> is what one hopes for.",
    ),
    "recipe": ("Other recipes", ""),
}


def verdict(content: Content) -> str:
    """The comparisons, by family, on one scale."""
    found = content["verdict"]
    if not found or not found["comparisons"]:
        return ""
    comparisons = found["comparisons"]
    scale = scale_of([one["macro"] for one in comparisons])
    names = list(dict.fromkeys(one["family"] for one in comparisons))
    names.sort(key=lambda name: list(FAMILIES).index(name) if name in FAMILIES else len(FAMILIES))
    bodies = "".join(
        _family(content, name, [one for one in comparisons if one["family"] == name], scale)
        for name in names
    )
    confidence = 100 * content["plan"]["statistics"]["confidence"]
    return f"""<h2 id="verdict">Verdict</h2>
<p class="note">How to read it: each mark is a difference in bits per byte between two arms on text
that neither was trained on, the line through it its {confidence:g} % interval; left of the line at
0 is better, and an interval that crosses it decides nothing.</p>
<table class="stack forest"><thead>{_headings()}</thead>{bodies}
<tbody><tr class="scale"><td></td><td class="drawn">{axis(scale)}</td>
<td class="note" colspan="4">\u2190 better \u00b7 bits per byte \u00b7 worse \u2192</td>
</tr></tbody></table>
<p class="note">“p after Holm” is the chance of a difference this large by luck alone, corrected for
the number of comparisons; below {1 - content["plan"]["statistics"]["confidence"]:.2g} it is
decided. “Seeds to decide” is how many repetitions it would take if the difference is as large as it
seems.</p>
{_domains(content)}"""


def _headings() -> str:
    return (
        '<tr><th>comparison</th><th></th><th class="n">difference</th><th>verdict</th>'
        '<th class="n">p after Holm</th><th class="n">seeds to decide</th></tr>'
    )


def _family(content: Content, name: str, comparisons: Sequence[Content], scale: Scale) -> str:
    title, note = FAMILIES.get(name, (escaped(name), ""))
    if name == "control":
        note = control_note(content["plan"], note)
    head = f'<tr class="family"><th colspan="6">{title} <small>{note}</small></th></tr>'
    rows = (_comparison(content, one, scale) for one in comparisons)
    return f"<tbody>{head}{''.join(rows)}</tbody>"


def _comparison(content: Content, one: Content, scale: Scale) -> str:
    effect = one["macro"]
    outcome, seeds = effect["verdict"], effect["seeds_to_decide"]
    pair = one["treated"], one["control"]
    said = "" if seeds is None or outcome != "undecided" else number(seeds)
    name = escaped(one["name"])
    plain = one["name"] == " against ".join(pair)
    notes = ["" if plain else " against ".join(map(arm, pair)), arms_epochs(content, pair)]
    about = "".join(f"<br><small>{note}</small>" for note in notes if note)
    return (
        f"<tr><td>{name}{about}</td>"
        f'<td class="drawn">{drawn(effect, scale, outcome)}</td>'
        f'<td class="n">{in_numbers(effect)}</td><td>{badge(outcome)}</td>'
        f'<td class="n" data-label="p after Holm">{probability(effect["p_holm"])}</td>'
        f'<td class="n" data-label="seeds to decide">{said}</td></tr>'
    )


def main_comparison(content: Content) -> Content | None:
    """The comparison that the experiment is about."""
    comparisons = (content["verdict"] or {}).get("comparisons", [])
    mains: list[Content] = [one for one in comparisons if one["family"] == "main"]
    return mains[0] if mains else None


def _domains(content: Content) -> str:
    main = main_comparison(content)
    if main is None or not main["domains"]:
        return ""
    known = {one["name"]: one for one in content["plan"]["domains"]}
    groups: dict[str, list[str]] = {"target": [], "seen": [], "pool": []}
    for name in main["domains"]:
        groups[_role(known.get(name, {}))].append(name)
    scale = scale_of([main["macro"], *main["domains"].values()])
    bodies = "".join(
        f'<tr class="family"><th colspan="4">{_ROLES[role]}</th></tr>'
        + "".join(
            _domain(main["domains"][name], known.get(name, {}), name, scale) for name in names
        )
        for role, names in groups.items()
        if names
    )
    return f"""<h3 id="domains">{escaped(main["name"])}, domain by domain</h3>
<p class="note">How to read it: the same difference on each kind of held-out text by itself; a
sieve may help on one kind and hurt on another. These intervals are not corrected for their number,
so single ones are no verdict.</p>
<table class="stack forest domains">
<thead><tr><th>domain</th><th></th><th class="n">difference</th><th>interval</th></tr></thead>
<tbody>{bodies}<tr class="whole"><td>their mean: the verdict</td>
<td class="drawn">{drawn(main["macro"], scale, main["macro"]["verdict"])}</td>
<td class="n">{in_numbers(main["macro"])}</td><td>{badge(main["macro"]["verdict"])}</td></tr>
<tr class="scale"><td></td><td class="drawn">{axis(scale)}</td>
<td class="note" colspan="2">\u2190 better \u00b7 worse \u2192</td></tr></tbody></table>"""


_ROLES = {
    "target": "Held-out domains <small>the mean is over these</small>",
    "seen": "Seen <small>they share a source with what a model of the sieve was trained on: "
    "no part of the mean</small>",
    "pool": "A slice of the raw text itself <small>no part of the mean: it holds what the sieve "
    "removes, so it is expected to get worse</small>",
}


def _role(domain: Content) -> str:
    if domain.get("role") == "pool":
        return "pool"
    return "seen" if domain.get("seen") else "target"


def _domain(effect: Content, domain: Content, name: str, scale: Scale) -> str:
    about = ""
    if domain:
        about = f"<br><small>{number(domain['documents'])} documents</small>"
    return (
        f"<tr><td>{escaped(name)}{about}</td>"
        f'<td class="drawn">{drawn(effect, scale, "plain")}</td>'
        f'<td class="n">{in_numbers(effect)}</td><td>{_side(effect)}</td></tr>'
    )


def _side(effect: Content) -> str:
    if effect["low"] is None or effect["high"] is None:
        return "none"
    if effect["high"] < 0:
        return "below 0"
    return "above 0" if effect["low"] > 0 else "holds 0"
