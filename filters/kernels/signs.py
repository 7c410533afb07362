"""Signs that rules look for, and shares."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Hashes, Ints
from tamis.filters.kernels.compiled import inlined, kernel

SPACE_CODE, HASH, DOT, ELLIPSIS = 0x20, 0x23, 0x2E, 0x2026


@inlined
def share(part: int, whole: int) -> float:
    """part / whole, NaN of nothing."""
    return part / whole if whole else np.nan


@kernel
def ends_in_ellipsis(codes: Ints, start: int, stop: int) -> bool:
    """Whether codes[start:stop] ends with three full stops or U+2026."""
    if stop > start and codes[stop - 1] == ELLIPSIS:
        return True
    dots = 0
    for place in range(max(start, stop - 3), stop):
        dots += codes[place] == DOT
    return dots == 3


@inlined
def is_in(table: Hashes, key: np.uint64) -> bool:
    """Whether a hash is in a table: open addressing, a power of two long, 0 where it is empty."""
    mask = np.uint64(len(table) - 1)
    place = key & mask
    while table[place] and table[place] != key:
        place = (place + np.uint64(1)) & mask
    return bool(table[place] == key)
