"""The S-curve of bands and rows: which share of pairs is found, by their similarity."""

from __future__ import annotations

import numpy as np

from tamis.filters.minhash_settings import Banding

WIDTH, HEIGHT = 61, 11  # of the plot, in characters: a similarity of 0 to 1, a share of 0 to 100 %
MARGIN = "        "


def curve(banding: Banding, least: float) -> str:
    """The curve in numbers and as a plot for a terminal; least: the similarity asked for."""
    steps = np.arange(1, 11) / 10
    shares = banding.found(steps)
    numbers = "".join(f"{step:6.1f}" for step in steps)
    found = "".join(f"{_percent(share):>6}" for share in shares.tolist())
    return "\n".join(
        [
            f"{banding.bands} bands of {banding.rows} values of {banding.bits} bits",
            f"similarity    {numbers}",
            f"pairs found, %{found}",
            f"Half are found at {banding.midpoint():.3f}; at {least:g} (:), the least that is "
            f"removed, {_percent(float(banding.found(least)))} %.",
            "",
            *_plot(banding, least),
        ]
    )


def _percent(share: float) -> str:
    """A share in percent: 100 only where no pair in two thousand is missed."""
    value = 100 * share
    if value == 0 or value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.05 else "<0.1"


def _plot(banding: Banding, least: float) -> list[str]:
    heights = np.rint(banding.found(np.linspace(0, 1, WIDTH)) * (HEIGHT - 1)).astype(int)
    asked = round(least * (WIDTH - 1))
    lines = []
    for level in range(HEIGHT - 1, -1, -1):
        cells = [
            "*" if _passes(heights, place, level) else ":" if place == asked else " "
            for place in range(WIDTH)
        ]
        lines.append(f"{100 * level // (HEIGHT - 1):5d} |{' '}{''.join(cells).rstrip()}")
    ticks = "".join(f"{tick / 10:<6.1f}" for tick in range(11))
    return [*lines, f"    % +{'-' * (WIDTH + 1)}", f"{MARGIN}{ticks.rstrip()}"]


def _passes(heights: np.ndarray[tuple[int], np.dtype[np.int64]], place: int, level: int) -> bool:
    """Whether the curve goes through a cell: from its height here up to the next column's."""
    here, after = int(heights[place]), int(heights[min(place + 1, WIDTH - 1)])
    return here <= level <= max(here, after - 1)
