"""Token-equivalent gain: how many times as many tokens of raw text do as well.

The losses of raw text at its sizes are joined by a monotone cubic in the logarithm of tokens, and
the curve is asked where it has a given loss. Beyond its ends nothing is claimed but "more" or less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tamis.model.verdict.student import Doubles


@dataclass(frozen=True)
class Factor:
    """A number of times as many tokens; None where the loss has no known end."""

    value: float | None
    beyond: str = ""
    """"<" or ">" where the raw curve was not measured so far: the value is the end of its range."""


@dataclass(frozen=True)
class Curve:
    """Losses (n,) that never rise, over x (n,) that rises: n at least 2."""

    x: Doubles
    y: Doubles
    slopes: Doubles

    def at(self, x: float) -> float:
        """The cubic between the two points around x, which must be within the curve."""
        place = int(np.clip(np.searchsorted(self.x, x, "right") - 1, 0, len(self.x) - 2))
        width = self.x[place + 1] - self.x[place]
        t = (x - self.x[place]) / width
        parts = (
            (1 + 2 * t) * (1 - t) ** 2 * self.y[place],
            t * (1 - t) ** 2 * width * self.slopes[place],
            t * t * (3 - 2 * t) * self.y[place + 1],
            t * t * (t - 1) * width * self.slopes[place + 1],
        )
        return float(sum(parts))


def curve(tokens: Doubles, losses: Doubles) -> Curve:
    """The curve of losses at rising numbers of tokens.

    A loss above that of fewer tokens is taken for chance: the lowest so far stands in its place.
    """
    x, y = np.log2(tokens), np.minimum.accumulate(losses)
    return Curve(x, y, slopes(x, y))


def slopes(x: Doubles, y: Doubles) -> Doubles:
    """Slopes of a cubic that is as monotone as its points are, after Fritsch and Butland (1984).

    Inside the weighted harmonic mean of those of both sides, 0 where these disagree or one is flat;
    at the ends that of the parabola of three points, kept monotone.
    """
    wide, steep = np.diff(x), np.diff(y) / np.diff(x)
    if len(x) == 2:
        return np.repeat(steep, 2)
    made = np.zeros(len(x))
    for k in range(1, len(x) - 1):
        left, right = steep[k - 1], steep[k]
        if left * right > 0:
            first, second = 2 * wide[k] + wide[k - 1], wide[k] + 2 * wide[k - 1]
            made[k] = (first + second) / (first / left + second / right)
    made[0] = _end(wide[0], wide[1], steep[0], steep[1])
    made[-1] = _end(wide[-1], wide[-2], steep[-1], steep[-2])
    return made


def _end(near: float, far: float, steep: float, next_steep: float) -> float:
    slope = ((2 * near + far) * steep - near * next_steep) / (near + far)
    if slope * steep <= 0:
        return 0.0
    return 3 * steep if steep * next_steep <= 0 and abs(slope) > abs(3 * steep) else slope


def factor(raw: Curve, tokens: int, difference: float | None) -> Factor:
    """How many times `tokens` of raw text have the loss of `tokens` of it plus a difference.

    tokens: within the curve. Where the curve is flat, the number nearest to `tokens`.
    """
    if difference is None:
        return Factor(None)
    here = float(np.log2(tokens))
    level = raw.at(here) + difference
    if difference == 0.0:
        return Factor(1.0)
    better = difference < 0
    far = float(raw.x[-1] if better else raw.x[0])
    if level < raw.y[-1] or level > raw.y[0]:
        return Factor(float(2 ** (far - here)), ">" if better else "<")
    near = here
    while near != (middle := (near + far) / 2) != far:
        reached = raw.at(middle) <= level if better else raw.at(middle) >= level
        near, far = (near, middle) if reached else (middle, far)
    return Factor(float(2 ** (far - here)))
