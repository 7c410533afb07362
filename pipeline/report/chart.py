"""A histogram as SVG: bars, the part of each that fails, and the bounds as lines with labels.

Drawn by hand: 75 histograms are written in milliseconds, with the same bytes everywhere, and take
their colours from the page, by day and by night.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tamis.pipeline.report.look import escaped, short

WIDTH, PLOT = 420, 110  # units; the page scales them
LEFT, RIGHT, BOTTOM = 44, 10, 32
ROW = 13  # height of a row of labels
LETTER = 6.4  # width of one, in bold
SLOT, GAP = 10, 5  # of the bars for what lies beyond the axis, and for zeros
STEEP = 50.0  # the greatest bar over the median one: counts are drawn on a logarithmic scale


@dataclass(frozen=True)
class Bar:
    """A bar from left to right, in units, for so many documents, some of which fail."""

    left: float
    right: float
    documents: int
    failing: int
    beyond: bool = False


def histogram(figure: dict[str, Any]) -> str:
    """The SVG of an entry of report.json that has `edges`."""
    return _Histogram(figure).svg()


class _Histogram:
    def __init__(self, figure: dict[str, Any]) -> None:
        self.figure = figure
        self.log = figure["scale"] == "logarithmic"
        edges = [math.log10(edge) for edge in figure["edges"]] if self.log else figure["edges"]
        self.low, self.high = edges[0], edges[-1]
        before = figure["below"]["documents"] > 0
        after = figure["above"]["documents"] > 0
        self.start = LEFT + 2 + (SLOT + GAP if before else 0)
        self.end = WIDTH - RIGHT - (SLOT + GAP if after else 0)
        self.bars = list(self._bars(edges))
        heights = sorted(bar.documents for bar in self.bars if bar.documents)
        self.most = max(heights, default=1)
        self.steep = bool(heights) and self.most >= STEEP * heights[len(heights) // 2]
        self.labels, rows = _rows(list(self._marks()))
        self.top = 6 + ROW * rows
        self.base = self.top + PLOT

    def x(self, value: float) -> float:
        """Where a value stands; at an end what lies beyond it."""
        if self.log:
            value = math.log10(value) if value > 0 else -math.inf
        place = (value - self.low) / (self.high - self.low)
        return self.start + min(max(place, 0.0), 1.0) * (self.end - self.start)

    def height(self, documents: float) -> float:
        if self.steep:  # one document is a tenth of the way to ten
            return PLOT * math.log10(documents + 1) / math.log10(self.most + 1)
        return PLOT * documents / self.most

    def _bars(self, edges: Sequence[float]) -> Iterator[Bar]:
        wide = (self.end - self.start) / (self.high - self.low)
        lefts = [self.start + (edge - self.low) * wide for edge in edges]
        counts = zip(self.figure["counts"], self.figure["failing"], strict=True)
        for left, right, count in zip(lefts, lefts[1:], counts, strict=False):
            yield Bar(left, right, *count)
        for side, left in (("below", LEFT + 2), ("above", WIDTH - RIGHT - SLOT)):
            if (end := self.figure[side])["documents"]:
                yield Bar(left, left + SLOT, end["documents"], end["failing"], beyond=True)

    def _marks(self) -> Iterator[tuple[float, float, str]]:
        """Of every bound where its line begins and ends, and its label."""
        # Between integers, so that the bars on either side are those that fail and those that pass.
        half = 0.5 if "int" in self.figure["type"] else 0.0
        for line in self.figure["bounds"]:
            shift = -half if line["side"] == "min" else half
            ends = [line[key] + shift for key in ("at", "from", "to") if key in line]
            left, right = self.x(ends[0]), self.x(ends[-1])
            first, last = self.figure["edges"][0], self.figure["edges"][-1]
            arrow = " \u2192" if ends[0] > last else ""
            before = "\u2190 " if ends[-1] < first else ""
            yield left, right, f"{before}{line['label']}{arrow}"

    def svg(self) -> str:
        figure = self.figure
        name = escaped(figure["column"])
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {self.base + BOTTOM:.0f}" role="img" '
            f'aria-label="Histogram of {name}">',
            *self._scale(),
            *self._drawn_bars(),
            f'<path class="axis" d="M{LEFT} {self.base}H{WIDTH - RIGHT}"/>',
            *self._ticks(),
            *self._lines(),
            "</svg>",
        ]
        return "".join(parts)

    def _scale(self) -> Iterator[str]:
        """Counts at the left: the greatest, and round ones below it."""
        ticks = [0.0, *_counts(self.most, self.steep)]
        for tick in ticks:
            y = self.base - self.height(tick)
            if tick:
                yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT - 4}" y="{y + 3.5:.1f}" class="end">{short(tick)}</text>'

    def _drawn_bars(self) -> Iterator[str]:
        for name, beyond in (("bar", False), ("bar beyond", True)):
            bars = [bar for bar in self.bars if bar.documents and bar.beyond is beyond]
            passing = "".join(self._box(bar, bar.failing, bar.documents) for bar in bars)
            failing = "".join(self._box(bar, 0, bar.failing) for bar in bars if bar.failing)
            for kind, path in (("passes", passing), ("fails", failing)):
                if path:
                    yield f'<path class="{name} {kind}" d="{path}"/>'

    def _box(self, bar: Bar, first: int, last: int) -> str:
        """The part of a bar from one of its documents to another, by their share of its height."""
        height = max(self.height(bar.documents), 1.0)
        y0 = self.base - height * first / bar.documents
        tall = height * (last - first) / bar.documents
        width = max(bar.right - bar.left - 0.6, 0.6)
        return f"M{bar.left:.1f} {y0:.1f}h{width:.1f}v{-tall:.1f}h{-width:.1f}z" if tall else ""

    def _ticks(self) -> Iterator[str]:
        y = self.base + 13
        for value in _ticks(self.low, self.high, self.log, "int" in self.figure["type"]):
            x = self.x(value)
            yield f'<path class="axis" d="M{x:.1f} {self.base}v3"/>'
            yield f'<text x="{x:.1f}" y="{y}" class="mid">{short(value)}</text>'
        if self.figure["below"]["documents"]:
            only_zeros = self.figure["below"]["documents"] == self.figure["zeros"]
            word = "0" if self.log and only_zeros else "less"
            yield f'<text x="{LEFT}" y="{y}">{word}</text>'
        if self.figure["above"]["documents"]:
            yield f'<text x="{WIDTH - RIGHT}" y="{y}" class="end">more</text>'
        note = ", logarithmic" if self.log else ""
        across = f"{escaped(self.figure['column'])}{note}"
        yield f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{y + 14}" class="mid name">{across}</text>'
        up = "documents (log)" if self.steep else "documents"
        middle = self.top + PLOT / 2
        yield (
            f'<text class="mid name" transform="translate(9 {middle:.0f}) rotate(-90)">{up}</text>'
        )

    def _lines(self) -> Iterator[str]:
        for (left, right, label), (row, at, anchor) in self.labels:
            y = 11 + ROW * row
            if right - left >= 1:
                box = f"M{left:.1f} {y + 3}H{right:.1f}V{self.base}H{left:.1f}z"
                yield f'<path class="span" d="{box}"/>'
            else:
                yield f'<path class="bound" d="M{left:.1f} {y + 3}V{self.base}"/>'
            yield f'<text x="{at:.1f}" y="{y}" class="{anchor} label">{escaped(label)}</text>'


Mark = tuple[float, float, str]
Label = tuple[int, float, str]  # row, place, anchor


def _rows(marks: list[Mark]) -> tuple[list[tuple[Mark, Label]], int]:
    """Every label in the first row where it covers no other."""
    taken: list[list[tuple[float, float]]] = []
    placed = []
    for mark in sorted(marks):
        middle, wide = (mark[0] + mark[1]) / 2, LETTER * len(mark[2]) + 8
        left = min(max(middle - wide / 2, 0.0), WIDTH - wide)
        right = left + wide
        row = next(
            (n for n, spans in enumerate(taken) if all(right <= a or b <= left for a, b in spans)),
            len(taken),
        )
        if row == len(taken):
            taken.append([])
        taken[row].append((left, right))
        placed.append((mark, (row, (left + right) / 2, "mid")))
    return placed, len(taken)


def _counts(most: int, steep: bool) -> list[float]:
    """Round counts up to the greatest."""
    if steep:
        decades = range(1, math.floor(math.log10(most)) + 1)
        return [10.0**n for n in decades if n % (1 + len(decades) // 4) == 0 or len(decades) < 4]
    step = _nice(most / 5)
    return [n * step for n in range(1, math.floor(most / step) + 1)]


def _ticks(low: float, high: float, log: bool, whole: bool) -> list[float]:
    if log:
        first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
        every = max(1, math.ceil((last - first) / 7))
        if last - first >= 2:
            return [10.0**n for n in range(first, last + 1, every)]
        near = [f * 10.0**n for n in range(first - 1, last + 1) for f in (1, 2, 5)]
        return [value for value in near if low <= math.log10(value) <= high]
    step = _nice((high - low) / 6)
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{n * step:.12g}") for n in range(first, last + 1)]


def _nice(step: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= step * (1 - 1e-9))
