"""The one interval: chance of seeds and chance of held-out groups, together.

SE² = variance over seeds / S + bootstrap variance over groups of what seeds gave on average, and
the quantile of Student's t with S - 1 degrees of freedom for all of it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tamis.model.verdict.student import Doubles, quantile, two_sided

MOST_SEEDS = 1_000
_BLOCK = 1 << 22


def resampled(values: Doubles, sizes: Doubles, draws: int, seed: int, name: str) -> Doubles:
    """Ratios of sums over groups that are drawn with replacement, as many as there are.

    values (..., groups), sizes (groups,): the result is (..., draws), NaN for a single group, whose
    chance cannot be known. Every row has the same draws, so that differences of rows are paired.
    name: of what is drawn; with the seed it decides the draws.
    """
    groups = len(sizes)
    if groups < 2:
        return np.full((*values.shape[:-1], draws), np.nan)
    mixed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    random = np.random.default_rng([seed, mixed])
    found, step = list[Doubles](), max(1, _BLOCK // groups)
    for first in range(0, draws, step):
        count = min(step, draws - first)
        chosen = random.integers(groups, size=(count, groups))
        places = chosen + groups * np.arange(count)[:, None]
        times = np.bincount(places.ravel(), minlength=count * groups).reshape(count, groups)
        times = times.astype(np.float64)
        # einsum and no product of matrices: that adds up otherwise with other threads.
        found.append(np.einsum("...g,dg->...d", values, times) / np.einsum("g,dg->d", sizes, times))
    return np.concatenate(found, axis=-1)


def spread(per_seed: Doubles, drawn: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """The mean (...), the variance of a seed (...) and that of groups (...).

    per_seed (..., S), drawn (..., draws): draws of groups of the mean of seeds. The variance of a
    seed is NaN for one seed.
    """
    seeds = per_seed.shape[-1]
    of_seed = (
        np.var(per_seed, axis=-1, ddof=1) if seeds > 1 else np.full(per_seed.shape[:-1], np.nan)
    )
    return per_seed.mean(axis=-1), of_seed, np.var(drawn, axis=-1, ddof=1)


@dataclass(frozen=True)
class Interval:
    """A value with what chance may have added to it; None for what cannot be known."""

    value: float
    of_seed: float
    """The variance of one seed; NaN for one seed."""
    of_groups: float
    """The variance of held-out groups; NaN where a domain has but one."""
    seeds: int
    confidence: float

    @property
    def se(self) -> float | None:
        return _known(self.error(self.seeds))

    @property
    def se_seeds(self) -> float | None:
        return _known(math.sqrt(self.of_seed / self.seeds))

    @property
    def se_groups(self) -> float | None:
        return _known(math.sqrt(self.of_groups))

    @property
    def half(self) -> float | None:
        """Half the width."""
        return None if self.se is None else quantile(self.confidence, self.seeds - 1) * self.se

    @property
    def low(self) -> float | None:
        return None if self.half is None else self.value - self.half

    @property
    def high(self) -> float | None:
        return None if self.half is None else self.value + self.half

    @property
    def p(self) -> float | None:
        return self.p_with(self.seeds)

    def error(self, seeds: int) -> float:
        """The standard error with so many seeds; more of them do not make groups more."""
        return math.sqrt(self.of_seed / seeds + self.of_groups)

    def p_with(self, seeds: int) -> float | None:
        """The chance of a value so far from 0 if there is no difference, with so many seeds."""
        error = self.error(seeds)
        if math.isnan(error) or seeds < 2:
            return None
        if error == 0.0:  # runs that are the same to the last bit
            return 0.0 if self.value else 1.0
        return float(two_sided(self.value / error, seeds - 1))


def interval(per_seed: Doubles, drawn: Doubles, confidence: float) -> Interval:
    """The interval of a value that every seed (S,) and every draw of groups (draws,) gave."""
    value, of_seed, of_groups = spread(per_seed, drawn)
    return Interval(float(value), float(of_seed), float(of_groups), len(per_seed), confidence)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p of each comparison, in the order given; None stays, and does not count."""
    order = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    adjusted, largest = list[float | None]([None] * len(ps)), 0.0
    for passed, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - passed) * p))
        adjusted[place] = largest
    return adjusted


def seeds_to_decide(family: Sequence[Interval], place: int) -> int | None:
    """The least number of seeds at which one of a family would be decided, had all as many.

    With these differences and these variances; None if not even MOST_SEEDS would do.
    """
    few, enough = 1, MOST_SEEDS
    if not _decided(family, place, enough):
        return None
    while enough - few > 1:  # more seeds never undecide: each p falls, and so do Holm's
        middle = (few + enough) // 2
        if _decided(family, place, middle):
            enough = middle
        else:
            few = middle
    return enough


def _decided(family: Sequence[Interval], place: int, seeds: int) -> bool:
    p = holm([one.p_with(seeds) for one in family])[place]
    return p is not None and p <= 1 - family[place].confidence


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
