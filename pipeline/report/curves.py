"""Loss curves: what more tokens buy, beside what the sieve buys, and how training went."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tamis.pipeline.report.forest import main_comparison
from tamis.pipeline.report.interval import SHAPES
from tamis.pipeline.report.look import arm, count, escaped, fine, number, short
from tamis.pipeline.report.plot import Plot, Scale, padded
from tamis.pipeline.report.steps import at_end

Content = dict[str, Any]
HEIGHT = 300
STYLES = 6  # of lines; more arms share the last


def curves(content: Content) -> str:
    """Both kinds of curves."""
    return _heldout(content) + _training(content)


def gain_words(comparison: Content | None) -> str:
    """The token-equivalent gain as \u201c1.8 times (1.4 to more than 2)\u201d, or nothing."""
    gain = comparison and comparison.get("gain")
    if not gain or gain["value"] is None:
        return ""
    said = f"{_times(gain, 'value')} times"
    if gain["low"] is None or gain["high"] is None:
        return said
    return f"{said} ({_times(gain, 'low')} to {_times(gain, 'high')})"


def _times(gain: Content, which: str) -> str:
    beyond = gain.get("value_beyond" if which == "value" else f"{which}_beyond") or ""
    word = {"<": "less than ", ">": "more than "}.get(beyond, "")
    return f"{word}{gain[which]:.3g}"


def _curve_of(content: Content, arm: str) -> list[Content]:
    for one in (content["verdict"] or {}).get("arms", []):
        if one["name"] == arm:
            return sorted(one["points"], key=lambda point: point["tokens"])
    return []


def _heldout(content: Content) -> str:
    main = main_comparison(content)
    if main is None:
        return ""
    curve = _curve_of(content, main["control"])
    if not curve:
        return ""
    others = [
        one for one in content["arms"] if one["name"] not in (main["control"], main["treated"])
    ]
    goal = content["plan"]["training"]["tokens"]
    ends = {one["name"]: at_end(content, one["name"]) for one in others}
    treated = at_end(content, main["treated"])
    known = [point for point in (*curve, treated, *ends.values()) if point]
    plot = _axes(curve, known, goal, main)
    _draw_curve(plot, curve, main["control"])
    for name, point in ends.items():
        if point and name != main["control"]:
            plot.mark(goal, point["macro"], "dot", "other")
    if treated:
        _draw_gain(plot, main, treated["macro"], goal)
        _draw_point(plot, treated, goal, main)
    return f"""<h2 id="curves">What more tokens buy</h2>
<p class="note">How to read it: the line is {escaped(main["control"])}, trained on more and more
tokens (each step to the right is a multiple); small dots are single seeds, the band is the interval
of their mean. The large mark is {escaped(main["treated"])}; the dashed arrow from it to the line
says how many tokens of {escaped(main["control"])} come to the same. Grey dots are
the other arms.</p>
{_gain_sentence(main, goal)}
{plot.svg()}
{_table(curve, main["control"])}"""


def _axes(curve: list[Content], known: list[Content], goal: int, main: Content) -> Plot:
    seeds = [value for point in known for value in point.get("seeds") or []]
    macros = [point["macro"] for point in known]
    spread = max([*macros, *seeds]) - min([*macros, *seeds])
    low, high = min([*macros, *seeds]) - spread, max([*macros, *seeds]) + spread
    ends = [
        min(max(point[end], low), high)
        for point in known
        for end in ("low", "high")
        if point.get(end) is not None
    ]
    sizes = [*(point["tokens"] for point in curve), goal]
    across = Scale(min(sizes) / 1.25, max(sizes) * 1.25, log=True)
    label = f"Bits per byte of {main['control']} by trained tokens, and of {main['treated']}"
    plot = Plot(across, padded([*macros, *seeds, *ends]), HEIGHT, label)
    names = {float(size): short(size) for size in sorted(set(sizes))}
    plot.axes("trained tokens (logarithmic)", "held-out bits per byte, lower is better", names)
    return plot


def _draw_curve(plot: Plot, curve: list[Content], name: str) -> None:
    bounded = [p for p in curve if p.get("low") is not None and p.get("high") is not None]
    if len(bounded) > 1:
        plot.band(*([(p["tokens"], p[end]) for p in bounded] for end in ("low", "high")))
    plot.line([(p["tokens"], p["macro"]) for p in curve], "curve control")
    for point in curve:
        if point.get("low") is not None and point.get("high") is not None:
            plot.upright(point["tokens"], point["low"], point["high"], "whisker")
        for value in point.get("seeds") or []:
            plot.mark(point["tokens"], value, "dot", "seed")
    plot.text(curve[0]["tokens"], curve[0]["macro"], name, "strong right", 4)


def _draw_point(plot: Plot, point: Content, goal: int, main: Content) -> None:
    if point.get("low") is not None and point.get("high") is not None:
        plot.upright(goal, point["low"], point["high"], "whisker treated")
    for value in point.get("seeds") or []:
        plot.mark(goal, value, "dot", "treated")
    outcome = main["macro"]["verdict"]
    plot.mark(goal, point["macro"], SHAPES[outcome], "treated big")
    plot.text(goal, point["macro"], main["treated"], "end name strong treated shift", 18)


def _draw_gain(plot: Plot, main: Content, macro: float, goal: int) -> None:
    gain = main.get("gain")
    if not gain or gain["value"] is None:
        return
    end = gain["value"] * goal
    plot.level(macro, goal, end, "gain")
    plot.mark(end, macro, "right" if end >= goal else "left", "gain")
    middle = (goal * end) ** 0.5
    plot.text(middle, macro, f"\u00d7 {_times(gain, 'value')}", "mid strong name", -8)
    if not gain.get("value_beyond"):
        plot.upright(end, plot.up.low, macro, "drop")


def _gain_sentence(main: Content, goal: int) -> str:
    words = gain_words(main)
    if not words:
        return (
            '<p class="note">How many tokens of the raw text come to the same cannot be said from '
            "these runs.</p>"
        )
    return (
        f"<p>{escaped(main['treated'])} with {number(goal)} tokens does as well as "
        f"{escaped(main['control'])} with <strong>{words}</strong> as many. Beyond the measured "
        "sizes nothing is extrapolated.</p>"
    )


def _table(curve: list[Content], name: str) -> str:
    rows = "".join(
        f'<tr><td class="n">{number(p["tokens"])}</td><td class="n">{fine(p["macro"])}</td>'
        f'<td class="n">{fine(p.get("low"))} to {fine(p.get("high"))}</td>'
        f"<td>{' '.join(map(fine, p.get('seeds') or []))}</td></tr>"
        for p in curve
    )
    return (
        f'<details><summary>{escaped(name)} in numbers</summary><div class="wide"><table>'
        '<tr><th class="n">tokens</th><th class="n">bits per byte</th><th class="n">interval</th>'
        f"<th>seeds</th></tr>{rows}</table></div></details>"
    )


def _training(content: Content) -> str:
    found = [one for one in content["training"] if one["points"]]
    if not found:
        return '<h2 id="training">Training</h2><p class="warn">No run has metrics yet.</p>'
    main = main_comparison(content)
    order = {name: n for n, name in enumerate([main["control"], main["treated"]] if main else [])}
    found.sort(key=lambda one: order.get(one["arm"], len(order)))
    points = [p for one in found for p in one["points"]]
    most = max(p["tokens"] for p in points)
    plot = Plot(Scale(0, most), padded(_settled(points, most)), HEIGHT, "Training loss by tokens")
    ticks = {value: short(value) for value in plot.across.ticks(5)}
    plot.axes("trained tokens", "training loss, nats per token", ticks)
    for place, one in reversed(list(enumerate(found))):
        style = f"curve c{min(place, STYLES - 1)}"
        for line in (one["points"], *(branch["points"] for branch in one["branches"])):
            inside = [(p["tokens"], p["loss"]) for p in line if plot.up.holds(p["loss"])]
            if len(inside) > 1:
                plot.line(inside, style)
    return f"""<h2 id="training">Training</h2>
<p class="note">How to read it: the loss on the text each arm is trained on, mean over its seeds. It
shows whether training went as it should, and <em>not</em> which arm is better: every arm reads a
text of its own, and an easy text has a low loss. Short lines that leave the long one are its
branches, which end their training early so as to be measured.</p>
{plot.svg()}
<ul class="legend">{"".join(_legend(place, one) for place, one in enumerate(found))}</ul>"""


def _settled(points: Iterable[Content], most: int) -> list[float]:
    """The losses that the axis has to hold: the fall of the first steps would flatten the rest."""
    losses = [p["loss"] for p in points if p["tokens"] >= most / 20]
    return losses or [p["loss"] for p in points]


def _legend(place: int, one: Content) -> str:
    last = one["points"][-1]
    return (
        f'<li><svg class="fluid swatch" height="10" width="28" aria-hidden="true"><line '
        f'class="curve c{min(place, STYLES - 1)}" x1="0" x2="28" y1="5" y2="5"/></svg> '
        f"{arm(one['arm'])} <small>{last['loss']:.3f} after {short(last['tokens'])}, "
        f"{count(len(one['seeds']), 'seed')}</small></li>"
    )
