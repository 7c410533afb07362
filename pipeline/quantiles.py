"""Quantiles of a signal over the rows alive, exactly, in memory that does not grow with the corpus.

A float64 is turned into an integer of the same order; the value at a rank is found 16 bits at a
time, by a histogram of the next 16 bits of the values that begin with the bits found so far: four
passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
_SIGN = np.uint64(1 << 63)
_BITS = 16


def quantile(values: Callable[[], Iterable[Values]], share: float) -> float | None:
    """The smallest value that at least `share` of the values are not above; None without values.

    values gives the same arrays each time it is called; NaNs are left out. The share is the decimal
    that its user wrote: 0.07 of a hundred values are seven of them.
    """
    count = sum(int((~np.isnan(part)).sum()) for part in values())
    if not count:
        return None
    rank = max(0, math.ceil(Fraction(str(share)) * count) - 1)
    prefix = np.uint64(0)
    for shift in (np.uint64(s) for s in range(64 - _BITS, -1, -_BITS)):
        histogram = np.zeros(1 << _BITS, np.int64)
        for part in values():
            keys = _ordered(part[~np.isnan(part)])
            above = shift + np.uint64(_BITS)
            if above < 64:
                keys = keys[(keys >> above) == prefix]
            digits = (keys >> shift) & np.uint64((1 << _BITS) - 1)
            histogram += np.bincount(digits.astype(np.int64), minlength=1 << _BITS)
        digit = int(np.searchsorted(np.cumsum(histogram), rank, side="right"))
        rank -= int(histogram[:digit].sum())
        prefix = (prefix << np.uint64(_BITS)) | np.uint64(digit)
    return _value(prefix)


def _ordered(values: Values) -> npt.NDArray[np.uint64]:
    """Integers in the order of the floats: negative numbers inverted, positive ones above them."""
    bits = (values + 0.0).view(np.uint64)  # + 0.0 makes the two zeros one
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(key: np.uint64) -> float:
    bits = key & ~_SIGN if key & _SIGN else ~key
    return float(np.array([bits], np.uint64).view(np.float64)[0])
