"""Drawing that fits any width: places across are percentages, letters keep their size.

An SVG with a viewBox shrinks its letters with its width, to nothing on a telephone. Here the height
is fixed, in pixels; what must be a path stands in an inner SVG that is stretched, its lines are
not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tamis.pipeline.report.look import escaped

WIDE = 1000  # units of the inner SVG across
MARKS = {
    "round": '<circle r="4.5"/>',
    "hollow": '<circle r="4.5" class="open"/>',
    "diamond": '<path d="M0-6L6 0L0 6L-6 0z"/>',
    "dot": '<circle r="2.5"/>',
    "left": '<path d="M-5 0L2-4.5V4.5z"/>',
    "right": '<path d="M5 0L-2-4.5V4.5z"/>',
}
Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """From values to a share of the axis."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high one, beyond neither."""
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return min(max((value - low) / (high - low), 0.0), 1.0)

    def percent(self, value: float) -> str:
        return f"{100 * self.share(value):.2f}%"

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self, about: int) -> list[float]:
        """Round values inside, some `about` of them."""
        if self.log:
            return [value for value in _round_logs(self.low, self.high, about) if self.holds(value)]
        step = nice((self.high - self.low) / about)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{n * step:.12g}") for n in range(first, last + 1)]


def padded(values: Iterable[float], share: float = 0.06) -> Scale:
    """A linear scale that holds values with some room on either side."""
    known = list(values)
    low, high = min(known), max(known)
    room = share * (high - low) or 0.05 * abs(high) or 1.0
    return Scale(low - room, high + room)


def nice(step: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= step * (1 - 1e-9))


def _round_logs(low: float, high: float, about: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [f * 10.0**n for n in range(first, last + 1) for f in factors]
        if sum(low <= value <= high for value in found) <= 2 * about:
            break
    return found


@dataclass
class Plot:
    """A drawing with a scale across and one upwards; parts are added, then `svg` is the whole."""

    across: Scale
    up: Scale
    height: int
    label: str
    """What it shows, for those who cannot see it."""
    stretched: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def y(self, value: float) -> float:
        return round(self.height * (1 - self.up.share(value)), 1)

    def _places(self, points: Iterable[Point]) -> str:
        return "L".join(f"{WIDE * self.across.share(x):.1f} {self.y(y)}" for x, y in points)

    def line(self, points: Iterable[Point], style: str) -> None:
        """A line through points."""
        self._stretch(f'<path class="{style}" d="M{self._places(points)}"/>')

    def band(self, lower: Sequence[Point], upper: Sequence[Point]) -> None:
        """What lies between two lines."""
        self._stretch(f'<path class="band" d="M{self._places([*lower, *reversed(upper)])}z"/>')

    def _stretch(self, path: str) -> None:
        self.stretched.append(path.replace("/>", ' vector-effect="non-scaling-stroke"/>'))

    def upright(self, x: float, low: float, high: float, style: str) -> None:
        """A vertical line from one value to another."""
        at = self.across.percent(x)
        ends = f'x1="{at}" x2="{at}" y1="{self.y(low)}" y2="{self.y(high)}"'
        self.parts.append(f'<line class="{style}" {ends}/>')

    def level(self, y: float, first: float, last: float, style: str) -> None:
        """A horizontal line from one value to another."""
        ends = f'x1="{self.across.percent(first)}" x2="{self.across.percent(last)}"'
        self.parts.append(f'<line class="{style}" {ends} y1="{self.y(y)}" y2="{self.y(y)}"/>')

    def mark(self, x: float, y: float, shape: str, style: str) -> None:
        """A mark of one of MARKS at a point."""
        self.parts.append(marked(self.across.percent(x), self.y(y), shape, style))

    def text(self, x: float, y: float, words: str, style: str, down: float = 0.0) -> None:
        """Words at a point, so many pixels below it."""
        at = f'x="{self.across.percent(x)}" y="{self.y(y) + down:.1f}"'
        self.parts.append(f'<text class="{style}" {at}>{escaped(words)}</text>')

    def axes(self, across: str, up: str, names: dict[float, str]) -> None:
        """The grid; names are those of the ticks across."""
        for value in self.up.ticks(7):
            y = self.y(value)
            self.parts.append(
                f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
                f'<text class="end" x="-6" y="{y + 4:.1f}">{value:g}</text>'
            )
        base = self.height
        for value, name in names.items():
            at = self.across.percent(value)
            self.parts.append(
                f'<line class="axis" x1="{at}" x2="{at}" y1="{base}" y2="{base + 4}"/>'
                f'<text class="mid" x="{at}" y="{base + 17}">{escaped(name)}</text>'
            )
        self.parts.append(
            f'<line class="axis" x1="0" x2="100%" y1="{base}" y2="{base}"/>'
            f'<text class="mid name" x="50%" y="{base + 35}">{escaped(across)}</text>'
            f'<text class="name" x="-42" y="-12">{escaped(up)}</text>'
        )

    def svg(self) -> str:
        """The whole; the grid lies under the lines, marks and words on them."""
        grid = "".join(part for part in self.parts if 'class="grid"' in part)
        rest = "".join(part for part in self.parts if 'class="grid"' not in part)
        inner = "".join(self.stretched)
        return (
            f'<svg class="fluid plot" height="{self.height}" role="img" '
            f'aria-label="{escaped(self.label)}">{grid}'
            f'<svg width="100%" height="{self.height}" viewBox="0 0 {WIDE} {self.height}" '
            f'preserveAspectRatio="none">{inner}</svg>{rest}</svg>'
        )


def marked(across: str, y: float, shape: str, style: str) -> str:
    """A mark at a percentage across and a height in pixels."""
    return f'<svg class="mark {style}" x="{across}" y="{y}">{MARKS[shape]}</svg>'
