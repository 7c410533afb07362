"""Shingles of texts as 64-bit hashes, and the MinHash signatures of these.

A text is read in parts of CHUNK shingles, so that its memory does not grow with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Hashes, Ints, Longs, Values
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.hashes import BASE, power
from tamis.filters.kernels.simple_words import (
    PLACE,
    SLACK,
    STATE,
    SimpleWords,
    read_characters,
    read_words,
)

CHUNK = 1024
GROUP = 8
"""So many hashes are permuted together: fewer reads and writes of the signature."""
ROOM = CHUNK + GROUP + SLACK
"""Hashes that a part may take."""
BLOCK = 1024
"""So many permutations at once: these and their values stay in the nearest cache."""
KEPT, MADE = STATE + 1, STATE + 2
"""What else a cursor holds: items that belong to the next shingles too, and shingles so far."""
_FIRST, _SECOND = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)


class Cut(NamedTuple):
    """What shingles a text is cut into, and room for a part of them."""

    known: SimpleWords
    characters: bool
    size: int
    items: Hashes
    hashes: Hashes


def cut(known: SimpleWords, characters: bool, size: int) -> Cut:
    """Shingles of so many words or characters."""
    items = np.empty(CHUNK + size + SLACK, np.uint64)
    return Cut(known, characters, size, items, np.empty(ROOM, np.uint64))


@inlined
def mixed(value: np.uint64) -> np.uint64:
    """Every bit of the result depends on every bit of the value: MurmurHash3's 64-bit finaliser."""
    value = (value ^ (value >> _SHIFT)) * _FIRST
    value = (value ^ (value >> _SHIFT)) * _SECOND
    return value ^ (value >> _SHIFT)


@kernel
def next_shingles(data: Bytes, cursor: Longs, stop: int, cut: Cut) -> int:
    """Writes the hashes of the next shingles, yet to be mixed, to cut.hashes; gives how many.

    None is the end. cursor: PLACE is where the text starts, all else 0.
    """
    items, size, kept = cut.items, cut.size, cursor[KEPT]
    limit = CHUNK + size - 1
    if cut.characters:
        count = read_characters(data, cursor, stop, cut.known, items, kept, limit)
    else:
        count = read_words(data, cursor, stop, cut.known, items, kept, limit)
    for place in range(kept, count):
        items[place] = mixed(items[place])
    made = windows(items, count, size, cut.hashes)
    if made == 0 and cursor[MADE] == 0 and count > 0:
        made = windows(items, count, count, cut.hashes)
    kept = min(count, size - 1)
    for place in range(kept):
        items[place] = items[count - kept + place]
    cursor[KEPT] = kept
    cursor[MADE] += made
    return made


@kernel
def windows(items: Hashes, count: int, size: int, hashes: Hashes) -> int:
    """Writes a polynomial of every `size` items in a row; gives how many there are."""
    if count < size:
        return 0
    state = np.uint64(0)
    for place in range(size):
        state = state * BASE + items[at(place)]
    hashes[0] = state
    leaving = power(size)
    for place in range(count - size):
        state = state * BASE + items[at(place + size)] - items[at(place)] * leaving
        hashes[at(place + 1)] = state
    return count - size + 1


@kernel
def sign(
    data: Bytes,
    offsets: Longs,
    cut: Cut,
    factors: Values,
    summands: Values,
    base: Values,
    signatures: Values,
    shingles: Ints,
) -> None:
    """Writes the signature of every text, and its number of shingles.

    base: room for ROOM values. A text without words has the greatest value
    everywhere.
    """
    cursor = np.zeros(MADE + 1, np.int64)
    shift = np.uint64(64 - 8 * base.itemsize)
    for row in range(len(offsets) - 1):
        cursor[:] = 0
        cursor[PLACE] = offsets[row]
        signature = signatures[row]
        signature[:] = np.uint64(0xFFFFFFFFFFFFFFFF) >> shift
        while True:
            made = next_shingles(data, cursor, offsets[row + 1], cut)
            if made == 0:
                break
            for k in range(made):
                base[at(k)] = mixed(cut.hashes[at(k)]) >> shift
            lower(base, made, factors, summands, signature)
        shingles[row] = cursor[MADE]


@kernel
def lower(base: Values, count: int, factors: Values, summands: Values, signature: Values) -> None:
    """Lowers a signature to what the permutations make of base[:count], which is room for more."""
    for k in range(count, (count + GROUP - 1) // GROUP * GROUP):
        base[k] = base[0]
    for start in range(0, len(signature), BLOCK):
        stop = min(start + BLOCK, len(signature))
        for first in range(0, count, GROUP):
            _lower_by_group(base, first, factors, summands, signature, start, stop)


@kernel
def _lower_by_group(
    base: Values,
    first: int,
    factors: Values,
    summands: Values,
    signature: Values,
    start: int,
    stop: int,
) -> None:
    """Lowers values start to stop by GROUP hashes; sums are taken modulo 2^32 or 2^64 by `kind`."""
    kind = signature.dtype.type
    h0, h1, h2, h3 = base[first], base[first + 1], base[first + 2], base[first + 3]
    h4, h5, h6, h7 = base[first + 4], base[first + 5], base[first + 6], base[first + 7]
    for k in range(start, stop):
        a, b, low = factors[at(k)], summands[at(k)], signature[at(k)]
        low = min(low, kind(h0 * a + b), kind(h1 * a + b))
        low = min(low, kind(h2 * a + b), kind(h3 * a + b))
        low = min(low, kind(h4 * a + b), kind(h5 * a + b))
        low = min(low, kind(h6 * a + b), kind(h7 * a + b))
        signature[at(k)] = low


@kernel
def write_keys(signatures: Values, rows: int, keys: Hashes) -> None:
    """Writes the key of every band of every signature: its values and its number, mixed."""
    for row in range(len(signatures)):
        for band in range(len(keys)):
            key = mixed(np.uint64(band + 1))
            for k in range(band * rows, (band + 1) * rows):
                key = mixed(key * BASE + np.uint64(signatures[row, k]))
            keys[band, row] = key


@kernel
def write_all(
    data: Bytes, offsets: Longs, cut: Cut, found: Hashes, ends: Longs, mix: bool = True
) -> None:
    """Writes the hashes of all shingles of every text; ends: where each text's end, after a zero.

    found holds as many as the texts have bytes: no text has more shingles.
    """
    cursor = np.zeros(MADE + 1, np.int64)
    total = 0
    for row in range(len(offsets) - 1):
        cursor[:] = 0
        cursor[PLACE] = offsets[row]
        while True:
            made = next_shingles(data, cursor, offsets[row + 1], cut)
            if made == 0:
                break
            for k in range(made):
                value = cut.hashes[at(k)]
                found[total + k] = mixed(value) if mix else value
            total += made
        ends[row + 1] = total


@kernel
def drop_repeated(values: Hashes, ends: Longs) -> None:
    """Keeps one of equal neighbours within every text, and closes the gaps."""
    total = start = 0
    for row in range(len(ends) - 1):
        stop = ends[row + 1]
        for k in range(start, stop):
            if k == start or values[k] != values[total - 1]:
                values[total] = values[k]
                total += 1
        start = stop
        ends[row + 1] = total
