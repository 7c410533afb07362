"""MurmurHash64A with seed 0, by which KenLM's files know their words."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Bytes
from tamis.filters.kernels.compiled import at, kernel

_FACTOR = np.uint64(0xC6A4A7935BD1E995)
_SHIFT = np.uint64(47)


@kernel
def murmur(data: Bytes, start: int, stop: int) -> np.uint64:
    """The hash of data[start:stop].

    Source: Appleby's MurmurHash2, its variant for 64-bit machines.
    """
    state = np.uint64(stop - start) * _FACTOR
    place = start
    while place + 8 <= stop:
        block = np.uint64(0)
        for k in range(8):
            block |= np.uint64(data[at(place + k)]) << np.uint64(8 * k)
        block *= _FACTOR
        block ^= block >> _SHIFT
        state = (state ^ (block * _FACTOR)) * _FACTOR
        place += 8
    if place < stop:
        for k in range(stop - place):
            state ^= np.uint64(data[at(place + k)]) << np.uint64(8 * k)
        state *= _FACTOR
    state = (state ^ (state >> _SHIFT)) * _FACTOR
    return state ^ (state >> _SHIFT)
