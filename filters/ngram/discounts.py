"""What is taken off counts: the three discounts of modified Kneser-Ney smoothing.

Source: Chen and Goodman, An Empirical Study of Smoothing Techniques for Language Modeling, 1998,
equation 26.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Discounts(NamedTuple):
    """What is taken off an n-gram of one order that has a count of one, of two, of more."""

    one: float
    two: float
    more: float


FALLBACK = Discounts(0.5, 1.0, 1.5)
"""What KenLM takes where counts of counts give none."""


def discounts(of_counts: Sequence[int]) -> Discounts | str:
    """The discounts of an order; why there are none if these counts of counts give none.

    of_counts: how many n-grams have a count of 0, 1, 2, 3, 4.
    """
    for count in (1, 2, 3):
        if of_counts[count] == 0:
            return f"no n-gram has a count of {count}"
    share = of_counts[1] / (of_counts[1] + 2 * of_counts[2])
    found = [n - (n + 1) * share * of_counts[n + 1] / of_counts[n] for n in (1, 2, 3)]
    for count, amount in enumerate(found, 1):
        if not 0 <= amount <= count:
            return f"{amount:.3f} would be taken off a count of {count}"
    return Discounts(*found)
