"""The distribution of a signal in half a megabyte, whatever the number of rows.

A float32's bits are turned into an integer of the same order; its upper 16 bits are one of 65,536
bins, each 0.8 % of its value wide. Quantiles read from it are that exact, minimum and maximum
wholly.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

BINS = 1 << 16
_HALF = np.uint32(16)
_GREATEST = float(np.finfo(np.float32).max)
_SIGN = np.uint32(1 << 31)


class Sketch:
    """Counts of finite values in bins of equal relative width."""

    def __init__(self) -> None:
        self.counts = np.zeros(BINS, np.int64)
        self.low, self.high = math.inf, -math.inf

    def add(self, values: Values) -> None:
        """Counts values; NaN, infinities and what else is beyond float32 are left out."""
        finite = values[np.abs(values) <= _GREATEST]
        if not len(finite):
            return
        self.low = min(self.low, float(finite.min()))
        self.high = max(self.high, float(finite.max()))
        bins, counts = np.unique(_bins(finite), return_counts=True)
        self.counts[bins] += counts

    def quantile(self, share: float, positive: bool = False) -> float:
        """The lower edge of the bin that a share of the values lie below; of those above 0 if so
        asked. NaN without values."""
        counts = self.counts[BINS // 2 + 1 :] if positive else self.counts
        if not (total := int(counts.sum())):
            return math.nan
        rank = min(math.ceil(share * total), total)
        place = int(np.searchsorted(np.cumsum(counts), max(1, rank)))
        edge = _edge(place + (BINS // 2 + 1 if positive else 0))
        return min(max(edge, self.low), self.high)


def _bins(values: Values) -> npt.NDArray[np.uint16]:
    bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32)  # one zero, not two
    ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    bins: npt.NDArray[np.uint16] = (ordered >> _HALF).astype(np.uint16)
    return bins


def _edge(place: int) -> float:
    """The smallest float32 of a bin."""
    ordered = np.uint32(place) << _HALF
    bits = ordered & ~_SIGN if ordered & _SIGN else ~ordered
    return float(np.array([bits], np.uint32).view(np.float32)[0])
