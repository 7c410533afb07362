"""Sorting 64-bit keys, each with a row: by their first digit, then those of a digit by the next.

A digit is taken from the highest bit in which keys still differ, so bits that are equal everywhere
cost nothing, and keys that are hashes are in order after the first two or three digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Hashes, Longs
from tamis.filters.kernels.compiled import at, kernel

Rows = npt.NDArray[Any]
"""uint32 or int64."""
WIDEST, NARROWEST = 11, 6
"""Bits of a digit: 2048 counters fit the first cache, and fewer than 64 are not worth a pass."""
FEW = 32
"""So many are sorted by insertion."""
_ROOM = -(-64 // NARROWEST) << WIDEST
_ONE = np.uint64(1)


def sort(keys: Hashes, rows: Rows) -> None:
    """Sorts in place by key; rows of equal keys stay in the order they had.

    keys: uint64[n]; rows: uint32[n] or int64[n]. Takes as much memory again.
    """
    _sort(keys, rows, np.empty_like(keys), np.empty_like(rows))


@kernel
def _sort(keys: Hashes, rows: Rows, spare_keys: Hashes, spare_rows: Rows) -> None:
    """Ranges that are still to be sorted wait on a stack, the last one first."""
    waiting = np.empty((_ROOM, 2), np.int64)
    ends = np.empty((1 << WIDEST) + 1, np.int64)
    waiting[0, 0], waiting[0, 1] = 0, len(keys)
    depth = 1
    while depth:
        depth -= 1
        start, stop = waiting[depth, 0], waiting[depth, 1]
        if stop - start <= FEW:
            _insert(keys, rows, start, stop)
            continue
        differ = np.uint64(0)
        for place in range(start, stop):
            differ |= keys[at(place)] ^ keys[at(start)]
        if not differ:
            continue
        width, shift = _digit(differ, stop - start)
        _distribute(keys, rows, spare_keys, spare_rows, start, stop, shift, width, ends)
        for value in range(1 << width):
            if ends[value + 1] - ends[value] > 1:
                if ends[value + 1] - ends[value] <= FEW:
                    _insert(keys, rows, ends[value], ends[value + 1])
                else:
                    waiting[depth, 0], waiting[depth, 1] = ends[value], ends[value + 1]
                    depth += 1


@kernel
def _digit(differ: np.uint64, count: int) -> tuple[int, np.uint64]:
    """How many bits to take next, about a value for four keys, and how many lie below them."""
    bits = 0
    while differ >> np.uint64(bits) > _ONE:
        bits += 1
    bits += 1  # of all that may differ
    width = NARROWEST
    while width < WIDEST and (8 << width) <= count:
        width += 1
    return width, np.uint64(max(0, bits - width))


@kernel
def _distribute(
    keys: Hashes,
    rows: Rows,
    spare_keys: Hashes,
    spare_rows: Rows,
    start: int,
    stop: int,
    shift: np.uint64,
    width: int,
    ends: Longs,
) -> None:
    """Sorts a range by one digit; `ends` gets where each value's part begins, and the last ends.

    What is above the digit is the same in the whole range.
    """
    mask = (_ONE << np.uint64(width)) - _ONE
    ends[: (1 << width) + 1] = 0
    for place in range(start, stop):
        ends[at(((keys[at(place)] >> shift) & mask) + _ONE)] += 1
    ends[0] = start
    for value in range(1 << width):
        ends[value + 1] += ends[value]
    for place in range(start, stop):
        key = keys[at(place)]
        digit = (key >> shift) & mask
        target = at(ends[digit])
        spare_keys[target] = key
        spare_rows[target] = rows[at(place)]
        ends[digit] += 1
    for value in range(1 << width, 0, -1):
        ends[value] = ends[value - 1]
    ends[0] = start
    keys[start:stop] = spare_keys[start:stop]
    rows[start:stop] = spare_rows[start:stop]


@kernel
def _insert(keys: Hashes, rows: Rows, start: int, stop: int) -> None:
    for place in range(start + 1, stop):
        key, row = keys[at(place)], rows[at(place)]
        hole = place
        while hole > start and keys[at(hole - 1)] > key:
            keys[at(hole)] = keys[at(hole - 1)]
            rows[at(hole)] = rows[at(hole - 1)]
            hole -= 1
        keys[at(hole)] = key
        rows[at(hole)] = row
