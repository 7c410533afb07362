"""What each stage is worth, asked in two ways: added one after the other, and left out alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tamis.pipeline.report.forest import main_comparison
from tamis.pipeline.report.interval import (
    HEIGHT,
    SHAPES,
    axis,
    badge,
    drawn,
    in_numbers,
    scale_of,
    whisker,
)
from tamis.pipeline.report.look import arm, escaped, fine
from tamis.pipeline.report.plot import Scale, marked, padded

Content = dict[str, Any]
Steps = list[tuple[Content, float, float]]  # comparison, macro before, macro after


def stages(content: Content) -> str:
    """The waterfall, and beside it what is lost without each stage."""
    blocks = [_waterfall(content), _left_out(content)]
    if not any(blocks):
        return ""
    return f"""<h2 id="stages">What each stage is worth</h2>
<div class="beside">{"".join(f"<div>{block}</div>" for block in blocks if block)}</div>"""


def _of_family(content: Content, family: str) -> list[Content]:
    comparisons = (content["verdict"] or {}).get("comparisons", [])
    return [one for one in comparisons if one["family"] == family]


def at_end(content: Content, arm: str) -> Content | None:
    """What an arm came to at the number of tokens that all arms are compared at."""
    goal = content["plan"]["training"]["tokens"]
    for one in (content["verdict"] or {}).get("arms", []):
        if one["name"] == arm:
            found: Content | None = next((p for p in one["points"] if p["tokens"] == goal), None)
            return found
    return None


def _waterfall(content: Content) -> str:
    steps: Steps = []
    for one in _of_family(content, "cumulative"):
        before, after = at_end(content, one["control"]), at_end(content, one["treated"])
        if before is not None and after is not None:
            steps.append((one, before["macro"], after["macro"]))
    if not steps:
        return ""
    reach = [
        before + (one["macro"][end] or 0) for one, before, _ in steps for end in ("low", "high")
    ]
    values = [value for _, *pair in steps for value in pair]
    room = 2 * (max(values) - min(values)) or 1.0
    reach = [min(max(end, min(values) - room), max(values) + room) for end in reach]
    scale = padded([*values, *reach])
    first = f'<tr><td>{escaped(steps[0][0]["control"])}</td><td class="drawn">'
    first += (
        f'{_level(steps[0][1], scale)}</td><td class="n">{fine(steps[0][1])}</td><td></td></tr>'
    )
    rows = "".join(_step(one, before, after, scale) for one, before, after in steps)
    return f"""<h3>Added one after the other</h3>
<p class="note">How to read it: each bar goes from the bits per byte before a stage is added to
those after; down and to the left is better. The line is the interval of that one step. What a stage
is worth here depends on the order: a stage that comes late finds only what earlier ones left.</p>
<table class="stack forest steps"><thead><tr><th>arm</th><th></th><th class="n">bits per byte</th>
<th>the step</th></tr></thead>
<tbody>{first}{rows}{_whole(content, steps, scale)}
<tr class="scale"><td></td><td class="drawn">{axis(scale, "plain")}</td>
<td class="note" colspan="2">\u2190 better</td></tr></tbody></table>"""


def _step(one: Content, before: float, after: float, scale: Scale) -> str:
    effect = one["macro"]
    return (
        f"<tr><td>{arm(one['treated'])}</td>"
        f'<td class="drawn">{_bar(effect, before, after, scale)}</td>'
        f'<td class="n">{fine(after)}</td>'
        f"<td>{badge(effect['verdict'])} <small>{in_numbers(effect)}</small></td></tr>"
    )


def _whole(content: Content, steps: Steps, scale: Scale) -> str:
    """The way from the first arm to the last, as the main comparison has it."""
    main = main_comparison(content)
    if main is None or main["control"] != steps[0][0]["control"]:
        return ""
    before, after = at_end(content, main["control"]), at_end(content, main["treated"])
    if before is None or after is None:
        return ""
    effect = main["macro"]
    return (
        f'<tr class="whole"><td>{escaped(main["treated"])}, in all</td>'
        f'<td class="drawn">{_bar(effect, before["macro"], after["macro"], scale)}</td>'
        f'<td class="n">{fine(after["macro"])}</td>'
        f"<td>{badge(effect['verdict'])} <small>{in_numbers(effect)}</small></td></tr>"
    )


def _bar(effect: Content, before: float, after: float, scale: Scale) -> str:
    low, high = sorted((before, after))
    wide = 100 * (scale.share(high) - scale.share(low))
    box = f'x="{scale.percent(low)}" width="{wide:.2f}%" y="5" height="{HEIGHT - 10}"'
    line = ""
    if effect["low"] is not None and effect["high"] is not None:
        line = whisker(before + effect["low"], before + effect["high"], scale, HEIGHT / 2)
    outcome = effect["verdict"]
    mark = marked(scale.percent(after), HEIGHT / 2, SHAPES[outcome], outcome)
    return _row(f'<rect class="{outcome}" {box}/>{line}{mark}')


def _level(value: float, scale: Scale) -> str:
    at = scale.percent(value)
    return _row(f'<line class="level" x1="{at}" x2="{at}" y1="2" y2="{HEIGHT - 2}"/>')


def _row(inner: str) -> str:
    return f'<svg class="fluid row" height="{HEIGHT}" aria-hidden="true">{inner}</svg>'


_MEANS = {
    "worse": "missed: it helps",
    "better": "better without it",
    "undecided": "undecided",
}


def _left_out(content: Content) -> str:
    comparisons = _of_family(content, "leave one out")
    if not comparisons:
        return ""
    scale = scale_of([one["macro"] for one in comparisons])
    rows = "".join(_missed(one, scale) for one in _by_loss(comparisons))
    return f"""<h3>Left out alone</h3>
<p class="note">How to read it: the full recipe without one stage, against the full recipe; right of
0 the stage is missed. It says what a stage does that no other does for it: two stages that
remove the same documents both look as if they were worth nothing.</p>
<table class="stack forest steps"><thead><tr><th>recipe</th><th></th><th class="n">difference</th>
<th>the stage</th></tr></thead>
<tbody>{rows}<tr class="scale"><td></td><td class="drawn">{axis(scale)}</td>
<td class="note" colspan="2">missed \u2192</td></tr></tbody></table>"""


def _by_loss(comparisons: Sequence[Content]) -> list[Content]:
    return sorted(comparisons, key=lambda one: -(one["macro"]["value"] or 0.0))


def _missed(one: Content, scale: Scale) -> str:
    effect = one["macro"]
    sign = badge(effect["verdict"]).partition("</i>")[0]
    said = f"{sign}</i> {_MEANS[effect['verdict']]}</span>"
    return (
        f"<tr><td>{escaped(one['name'])}</td>"
        f'<td class="drawn">{drawn(effect, scale, effect["verdict"])}</td>'
        f'<td class="n">{in_numbers(effect)}</td><td>{said}</td></tr>'
    )
