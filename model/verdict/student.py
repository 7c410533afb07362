"""Student's t for whole degrees of freedom, by its finite series (Abramowitz and Stegun 26.7)."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def two_sided(t: npt.ArrayLike, freedom: int) -> Doubles:
    """The chance of a value at least as far from 0 as t, to 1e-14; t of any shape, also infinite.

    freedom: degrees of it, 1 at least.
    """
    angle = np.arctan(np.abs(np.asarray(t, np.float64)) / math.sqrt(freedom))
    sine, cosine = np.sin(angle), np.cos(angle)
    odd = freedom % 2
    k = np.arange(2 + odd, freedom, 2)
    terms = np.cumprod((cosine**2)[..., None] * ((k - 1) / k), axis=-1)
    total = (cosine if odd else 1.0) * (1 + terms.sum(axis=-1)) if freedom > 1 else 0.0
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return np.clip(1 - inside, 0.0, 1.0)


@cache
def quantile(confidence: float, freedom: int) -> float:
    """The t that values stay within, either side of 0, with this probability."""
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > 1 - confidence:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        if two_sided(middle, freedom) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high
