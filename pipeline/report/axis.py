"""Which bins a histogram has: linear or logarithmic, at round numbers, with the bounds in view.

The rules, so that the same signal is always drawn in the same way:

* Logarithmic if no value is negative and the 99th percentile of those above 0 is ten times their
  median or more; zeros then have a bar of their own.
* All values from the least to the greatest, unless that is over four times as wide as the middle
  99 %: then these, and what lies beyond is counted in a bar at either end.
* A bound outside is brought into view if that at most doubles the width; else it is drawn at the
  edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tamis.pipeline.report.sketch import Sketch

MOST_BINS = 50
HEAVY = 10.0  # times the median: a tail worth a logarithmic axis
LONG = 4.0  # times the middle 99 %: a tail to cut
_PER_DECADE = (20, 10, 5, 2, 1, 0.5, 0.25)

Edges = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """Bin n holds edges[n] <= value < edges[n + 1]."""

    edges: Edges
    log: bool


def choose(sketch: Sketch, bounds: Iterable[float], whole: bool) -> Axis | None:
    """The axis for a signal, None if it has no finite value; whole means integers only."""
    if sketch.low > sketch.high:
        return None
    positive = sketch.quantile(0.5, positive=True)
    heavy = sketch.quantile(0.99, positive=True) >= HEAVY * positive
    if sketch.low >= 0 and heavy:
        return Axis(_log_edges(sketch, bounds, whole), log=True)
    low, high = _in_view(sketch.low, sketch.high, *(sketch.quantile(q) for q in (0.005, 0.995)))
    low, high = _with_bounds(low, high, bounds)
    return Axis(_round_edges(low, high, whole), log=False)


def _in_view(low: float, high: float, body_low: float, body_high: float) -> tuple[float, float]:
    """The whole range, or the middle of one with long tails."""
    if 0 < LONG * (body_high - body_low) < high - low:
        return body_low, body_high
    return low, high


def _with_bounds(low: float, high: float, bounds: Iterable[float]) -> tuple[float, float]:
    width = high - low
    near = [b for b in bounds if low - width <= b <= high + width]
    return min([low, *near]), max([high, *near])


def _round_edges(low: float, high: float, whole: bool) -> Edges:
    """At most some fifty edges at multiples of 1, 2.5 or 5 times a power of ten.

    With 2.5 rather than 2 there are edges at 0.15 and 0.65, where bounds like to be. Those for
    integers are 1, 2 or 5 apart and lie half-way between two integers.
    """
    # Of values that are as good as equal there are no steps that a float64 could tell apart.
    span = max((high - low) or abs(low) / 2 or 1.0, 1e-9 * abs(high), 1e-30)
    exponent = math.floor(math.log10(span / MOST_BINS))
    if whole:
        exponent = max(0, exponent)
    factors = (1, 2, 5, 10) if whole else (1, 2.5, 5, 10)
    factor = next((f for f in factors if f * 10.0**exponent * MOST_BINS >= span), 10)
    half = 0.5 if whole else 0.0
    step = factor * 10.0**exponent
    first, last = math.floor((low + half) / step), math.floor((high + half) / step) + 1
    steps = np.arange(first - 1, last + 2) * factor
    edges = (steps * 10.0**exponent if exponent >= 0 else steps / 10.0**-exponent) - half
    inside = slice(
        max(0, int(np.searchsorted(edges, low, side="right")) - 1),
        int(np.searchsorted(edges, high, side="right")) + 1,
    )
    found: Edges = edges[inside].astype(np.float64)
    return found


def _log_edges(sketch: Sketch, bounds: Iterable[float], whole: bool) -> Edges:
    """Edges at equal ratios, so many in each decade that there are at most some fifty."""
    least, low = sketch.quantile(0, positive=True), sketch.quantile(0.005, positive=True)
    body = math.log10(low), math.log10(sketch.quantile(0.995, positive=True))
    start, end = _in_view(math.log10(least), math.log10(sketch.high), *body)
    start, end = _with_bounds(start, end, [math.log10(b) for b in bounds if b > 0])
    fits = (n for n in _PER_DECADE if n * (end - start) <= MOST_BINS)
    dense = next(fits, _PER_DECADE[-1])
    # A thousandth of a bin, lest rounding puts the least value outside.
    first, last = math.floor(start * dense - 1e-3), math.floor(end * dense + 1e-3) + 1
    edges = 10.0 ** (np.arange(first, last + 1) / dense)
    if whole:
        edges = np.unique(np.round(edges)) - 0.5
        edges = edges[edges > 0]
    return edges
