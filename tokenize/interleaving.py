"""Which of some sequences comes next: each as often as it shall, spread evenly, any place at once.

Item n has the residue (a n + b) mod m; a sequence owns as many consecutive residues as it has items
in m. With a prime to m every m items have each residue once, so the counts are exact; with a near m
divided by the golden ratio they are even in between. How many items of a sequence came before n is
a sum of floors, found as Euclid finds a divisor, in O(log m).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from math import gcd, isqrt

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Interleaving:
    """An endless order of sequences."""

    counts: tuple[int, ...]
    """Of each sequence in a period; at least 1."""
    first: int
    """The residue of item 0: where in the order it begins."""

    @cached_property
    def period(self) -> int:
        return sum(self.counts)

    @cached_property
    def step(self) -> int:
        """The number prime to the period that is nearest above the period / 1.618."""
        period = self.period
        step = max(1, (isqrt(5 * period * period) - period) // 2)
        while gcd(step, period) > 1:
            step += 1
        return step

    def before(self, item: int) -> list[int]:
        """How many of each sequence are among the items 0 ... item - 1."""
        period, step = self.period, self.step
        whole, rest = divmod(item, period)
        base = floor_sum(rest, period, step, self.first)
        # Of so many items, how many have a residue of at least `low`?
        above = [
            floor_sum(rest, period, step, self.first + period - low) - base
            for low in accumulate(self.counts, initial=0)
        ]
        return [
            whole * count + above[place] - above[place + 1]
            for place, count in enumerate(self.counts)
        ]

    def items(self, first: int, number: int) -> tuple[Longs, Longs]:
        """Of so many items from the first: which sequence each is of, and its number in that."""
        residue = (first * self.step + self.first) % self.period
        residues = (residue + self.step * np.arange(number)) % self.period
        bounds = np.cumsum(self.counts)
        which = np.searchsorted(bounds, residues, side="right").astype(np.int64)
        numbers = np.empty(number, np.int64)
        for place, before in enumerate(self.before(first)):
            own = np.flatnonzero(which == place)
            numbers[own] = before + np.arange(len(own))
        return which, numbers


def floor_sum(number: int, divisor: int, factor: int, offset: int) -> int:
    """The sum of (factor * j + offset) // divisor for j from 0 to number - 1; none is negative."""
    total = 0
    while number:
        whole, factor = divmod(factor, divisor)
        total += whole * number * (number - 1) // 2
        whole, offset = divmod(offset, divisor)
        total += whole * number
        number, offset = divmod(factor * number + offset, divisor)
        divisor, factor = factor, divisor
    return total


def largest_remainder(weights: Sequence[float], total: int) -> tuple[int, ...]:
    """Whole numbers in proportion to weights, which sum to total."""
    exact = [Fraction(weight) for weight in weights]
    whole = sum(exact)
    exact = [weight * total / whole for weight in exact]
    counts = [int(one) for one in exact]
    order = sorted(range(len(exact)), key=lambda place: (counts[place] - exact[place], place))
    for place in order[: total - sum(counts)]:
        counts[place] += 1
    return tuple(counts)
