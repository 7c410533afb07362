"""Intervals of what was measured: a bootstrap over groups, the same for every figure.

Groups, the hosts or packages that documents come from, are drawn with replacement, as many as there
are; the figure is computed of each draw; and the interval has 95 % of those figures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

DRAWS = 2_000
FEW = 20
"""Groups, below which the interval is too narrow: its ends are those of a few groups' luck."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Estimate:
    """A figure and the ends of its interval; None where all groups gave the same, or one was all.

    Every draw of those is the figure itself, which would say certainty of what is not known.
    """

    value: float
    low: float | None
    high: float | None


def by_group(groups: Sequence[str], *values: Sequence[float]) -> tuple[Doubles, ...]:
    """Sums of values over each group, in the order of their names."""
    _, place = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    return tuple(np.bincount(place, np.asarray(some)).astype(np.float64) for some in values)


def draws(above: Doubles, below: Doubles, seed: int, name: str, count: int = DRAWS) -> Doubles:
    """The ratio of two sums over groups, of so many draws of groups.

    name: of what is drawn, so that one figure does not depend on which others were asked for.
    """
    mixed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    draw = np.random.default_rng([seed, mixed])
    groups, found = len(above), []
    step = max(1, _BLOCK // groups)
    for first in range(0, count, step):
        chosen = draw.integers(groups, size=(min(step, count - first), groups))
        found.append(above[chosen].sum(1) / below[chosen].sum(1))
    return np.concatenate(found)


def estimate(value: float, drawn: Doubles, groups: int) -> Estimate:
    """The value with the middle 95 % of what was drawn."""
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    if groups < 2 or low == high:
        return Estimate(value, None, None)
    return Estimate(value, low, high)


def ratio(above: Doubles, below: Doubles, seed: int, name: str) -> Estimate:
    """The ratio of two sums over groups, with its interval."""
    value = float(above.sum() / below.sum())
    return estimate(value, draws(above, below, seed, name), len(above))


def mean(values: Iterable[float], seed: int, name: str) -> Estimate:
    """The mean of values that are a group each, with its interval."""
    each = np.fromiter(values, np.float64)
    return ratio(each, np.ones(len(each)), seed, name)
