"""A difference with its interval as one line of a table: the parts of every forest plot here."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from tamis.pipeline.report.look import UNKNOWN, escaped, signed
from tamis.pipeline.report.plot import Scale, marked, padded

Content = dict[str, Any]
HEIGHT = 24
SHAPES = {"better": "round", "worse": "diamond", "undecided": "hollow", "plain": "dot"}
"""Each outcome has a shape of its own: colours alone are lost on paper and on some eyes."""
SIGNS = {"better": "\u25cf", "worse": "\u25c6", "undecided": "\u25cb"}
LONG = 3.0  # times what the values span: an interval that is longer is cut, with an arrow


def scale_of(effects: Sequence[Content]) -> Scale:
    """A scale that holds the values, 0, and intervals that are not far longer than those span."""
    values = [0.0, *(one["value"] for one in effects if one["value"] is not None)]
    ends = [end for one in effects for end in (one["low"], one["high"]) if end is not None]
    half = [abs(one["high"] - one["low"]) / 2 for one in effects if _has_interval(one)]
    reach = LONG * max(max(values) - min(values), statistics.median(half) if half else 0.0)
    low, high = min(values) - reach, max(values) + reach
    return padded([*values, *(min(max(end, low), high) for end in ends)])


def _has_interval(effect: Content) -> bool:
    return effect["low"] is not None and effect["high"] is not None


def drawn(effect: Content, scale: Scale, outcome: str) -> str:
    """The SVG of an effect: a line for 0, the interval, a mark at the value."""
    zero, middle = scale.percent(0), HEIGHT / 2
    parts = [f'<line class="zero" x1="{zero}" x2="{zero}" y1="0" y2="{HEIGHT}"/>']
    if _has_interval(effect):
        parts.append(whisker(effect["low"], effect["high"], scale, middle))
    if effect["value"] is not None:
        parts.append(marked(scale.percent(effect["value"]), middle, SHAPES[outcome], outcome))
    return _row("".join(parts))


def whisker(low: float, high: float, scale: Scale, middle: float) -> str:
    """A line from one end of an interval to the other, with an arrow at an end that is cut."""
    ends = f'x1="{scale.percent(low)}" x2="{scale.percent(high)}"'
    parts = [f'<line class="whisker" {ends} y1="{middle}" y2="{middle}"/>']
    for value, side in ((low, "left"), (high, "right")):
        at = scale.percent(value)
        if scale.holds(value):
            span = f'y1="{middle - 4}" y2="{middle + 4}"'
            parts.append(f'<line class="whisker" x1="{at}" x2="{at}" {span}/>')
        else:
            parts.append(marked(at, middle, side, "cut"))
    return "".join(parts)


def axis(scale: Scale, form: str = "signed") -> str:
    """The SVG of the ticks under a column of effects."""
    parts = []
    ticks = min((scale.ticks(about) for about in (3, 6)), key=lambda some: len(some) < 2)
    digits = _digits(ticks)
    for value in ticks:
        at = scale.percent(value)
        text = f"{value:.{digits}f}" if form == "plain" else _signed(value, digits)
        parts.append(f'<line class="axis" x1="{at}" x2="{at}" y1="0" y2="4"/>')
        parts.append(f'<text class="mid" x="{at}" y="16">{text}</text>')
    return _row(f'<line class="axis" x1="0" x2="100%" y1="0" y2="0"/>{"".join(parts)}')


def _digits(ticks: Sequence[float]) -> int:
    return max((len(f"{tick:g}".partition(".")[2]) for tick in ticks), default=0)


def _signed(value: float, digits: int) -> str:
    return "0" if value == 0 else signed(value)[0] + f"{abs(value):.{digits}f}"


def _row(inner: str) -> str:
    return f'<svg class="fluid row" height="{HEIGHT}" aria-hidden="true">{inner}</svg>'


def in_numbers(effect: Content) -> str:
    """-0.123 (-0.150 to -0.096)"""
    value = signed(effect["value"])
    if not _has_interval(effect):
        return f"{value} <small>(no interval)</small>"
    return f"{value} <small>({signed(effect['low'])} to {signed(effect['high'])})</small>"


def badge(outcome: str) -> str:
    """An outcome as a sign and a word."""
    sign = SIGNS.get(outcome, "")
    return f'<span class="verdict {escaped(outcome)}"><i>{sign}</i> {escaped(outcome)}</span>'


def probability(p: float | None) -> str:
    """A p value to two digits."""
    if p is None:
        return UNKNOWN
    return "&lt; 0.001" if p < 0.001 else f"{p:.2g}"
