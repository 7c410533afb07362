"""64-bit hashes of character sequences: FNV-1a over code points, one step a character."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Ints
from tamis.filters.kernels.compiled import inlined, kernel

OFFSET = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)
MULTIPLIERS = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_FIRST, _SECOND = MULTIPLIERS
_SHIFT = np.uint64(33)


@inlined
def step(state: np.uint64, code: int) -> np.uint64:
    """The hash of a sequence with one more character."""
    return (state ^ np.uint64(code)) * PRIME


@inlined
def scattered(state: np.uint64) -> np.uint64:
    """A bijection (MurmurHash3's finaliser) after which any bits of a hash may choose a place."""
    state = (state ^ (state >> _SHIFT)) * _FIRST
    state = (state ^ (state >> _SHIFT)) * _SECOND
    return state ^ (state >> _SHIFT)


@kernel
def hash_of(codes: Ints, start: int, stop: int) -> np.uint64:
    """The hash of codes[start:stop]."""
    state = OFFSET
    for place in range(start, stop):
        state = step(state, codes[place])
    return state
