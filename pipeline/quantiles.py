"""Quantiles of a signal over the rows alive, exactly, in memory that does not grow with the corpus.

A float64 is turned into an integer of the same order; the value at a rank is found 16 bits at a
time, by a histogram of the next 16 bits of the values that begin with the bits found so far: four
passes, whatever the number of groups; each costs half a megabyte for every share asked for.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]
_SIGN = np.uint64(1 << 63)
_BITS = 16


def quantile(values: Callable[[], Iterable[Values]], share: float) -> float | None:
    """The smallest value that at least `share` of the values are not above; None without values.

    values gives the same arrays each time it is called; NaNs are left out. The share is the decimal
    that its user wrote: 0.07 of a hundred values are seven of them.
    """
    found = quantiles(lambda: ((part, np.zeros(len(part), np.int64)) for part in values()), [share])
    return found[0][0] if found else None


def quantiles(
    values: Callable[[], Iterable[tuple[Values, Groups]]], shares: Sequence[float]
) -> dict[int, list[float]]:
    """The quantiles of every group that has values, in one go for all; a group is a number."""
    counts: Counter[int] = Counter()
    for part, groups in values():
        found, amounts = np.unique(groups[~np.isnan(part)], return_counts=True)
        counts.update(dict(zip(found.tolist(), amounts.tolist(), strict=True)))
    searches = {
        (group, share): _Search(max(0, math.ceil(Fraction(str(share)) * count) - 1))
        for group, count in counts.items()
        for share in shares
    }
    for shift in (np.uint64(s) for s in range(64 - _BITS, -1, -_BITS)):
        for part, groups in values():
            known = ~np.isnan(part)
            keys, groups = _ordered(part[known]), groups[known]
            for group in np.unique(groups).tolist():
                mine = keys[groups == group]
                for share in shares:
                    searches[group, share].count(mine, shift)
        for search in searches.values():
            search.narrow()
    return {group: [searches[group, s].value() for s in shares] for group in sorted(counts)}


class _Search:
    """The way to the value at a rank: the bits of its key that are known, and what comes next."""

    def __init__(self, rank: int) -> None:
        self.rank, self.prefix = rank, np.uint64(0)
        self.histogram = np.zeros(1 << _BITS, np.int64)

    def count(self, keys: npt.NDArray[np.uint64], shift: np.uint64) -> None:
        above = shift + np.uint64(_BITS)
        if above < 64:
            keys = keys[(keys >> above) == self.prefix]
        digits = (keys >> shift) & np.uint64((1 << _BITS) - 1)
        self.histogram += np.bincount(digits.astype(np.int64), minlength=1 << _BITS)

    def narrow(self) -> None:
        digit = int(np.searchsorted(np.cumsum(self.histogram), self.rank, side="right"))
        self.rank -= int(self.histogram[:digit].sum())
        self.prefix = (self.prefix << np.uint64(_BITS)) | np.uint64(digit)
        self.histogram[:] = 0

    def value(self) -> float:
        bits = self.prefix & ~_SIGN if self.prefix & _SIGN else ~self.prefix
        return float(np.array([bits], np.uint64).view(np.float64)[0])


def _ordered(values: Values) -> npt.NDArray[np.uint64]:
    """Integers in the order of the floats: negative numbers inverted, positive ones above them."""
    bits = (values + 0.0).view(np.uint64)  # + 0.0 makes the two zeros one
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)
