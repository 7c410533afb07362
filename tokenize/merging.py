"""Byte pair encoding of one part of a text: of all pairs that become a piece the earliest, leftmost
first, again and again.

Source: Sennrich, Haddow & Birch 2016, "Neural machine translation of rare words with subword
units", in the order in which SentencePiece takes pairs.
"""

from __future__ import annotations

import numpy as np

from tamis.tokenize.arrays import Ints, Keys
from tamis.tokenize.compiled import at, inlined, kernel, signed
from tamis.tokenize.tables import NONE, becomes

FEW = 64
"""Symbols up to which looking at every pair again is faster than a heap."""
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@kernel
def merge_few(symbols: Ints, starts: Ints, count: int, pairs: Keys, found: Keys) -> int:
    """Merges symbols[:count] in place, and where they start; gives how many are left.

    found: room for as many.
    """
    mask = np.uint64(len(pairs) // 2 - 1)
    for k in range(count - 1):
        found[at(k)] = becomes(symbols[at(k)], symbols[at(k + 1)], pairs, mask)
    while True:
        best, where = NONE >> _HALF, -1
        for k in range(count - 1):
            if found[at(k)] >> _HALF < best:
                best, where = found[at(k)] >> _HALF, k
        if where < 0:
            return count
        symbols[at(where)] = np.int32(found[at(where)] & _LOW)
        count -= 1
        for k in range(where + 1, count):
            symbols[at(k)], starts[at(k)] = symbols[at(k + 1)], starts[at(k + 1)]
            found[at(k - 1)] = found[at(k)]
        if where:
            left = symbols[at(where - 1)]
            found[at(where - 1)] = becomes(left, symbols[at(where)], pairs, mask)
        if where + 1 < count:
            found[at(where)] = becomes(symbols[at(where)], symbols[at(where + 1)], pairs, mask)


@kernel
def merge_many(symbols: Ints, starts: Ints, count: int, pairs: Keys) -> int:
    """As merge_few, in the time that a heap takes; 24 bytes of memory for a symbol."""
    mask = np.uint64(len(pairs) // 2 - 1)
    behind, before = np.empty(count, np.int32), np.empty(count, np.int32)
    # A merge takes one entry off and adds two at most: no more than twice the symbols at once.
    heap, size = np.empty(2 * count + 2, np.uint64), 0
    for k in range(count):
        behind[k], before[k] = k + 1, k - 1
    for k in range(count - 1):
        size = _push(heap, size, symbols, k, k + 1, pairs, mask)
    while size:
        top = heap[0]
        size = _pop(heap, size)
        here = signed(top & _LOW)
        there = behind[here] if symbols[here] >= 0 else count
        if there >= count:
            continue
        made = becomes(symbols[here], symbols[there], pairs, mask)
        if made >> _HALF != top >> _HALF:
            continue  # one of the two has been merged since
        symbols[here], symbols[there] = np.int32(made & _LOW), -1
        behind[here] = behind[there]
        if behind[here] < count:
            before[behind[here]] = here
            size = _push(heap, size, symbols, here, behind[here], pairs, mask)
        if before[here] >= 0:
            size = _push(heap, size, symbols, before[here], here, pairs, mask)
    left = 0
    for k in range(count):
        if symbols[k] >= 0:
            symbols[left], starts[left] = symbols[k], starts[k]
            left += 1
    return left


@inlined
def _push(
    heap: Keys, size: int, symbols: Ints, left: int, right: int, pairs: Keys, mask: np.uint64
) -> int:
    """Adds a pair of neighbours if they become something: rank << 32 | place of the left one."""
    made = becomes(symbols[left], symbols[right], pairs, mask)
    if made == NONE:
        return size
    entry = (made & ~_LOW) | np.uint64(left)
    place = size
    while place:
        parent = (place - 1) >> 1
        if heap[at(parent)] <= entry:
            break
        heap[at(place)] = heap[at(parent)]
        place = parent
    heap[at(place)] = entry
    return size + 1


@inlined
def _pop(heap: Keys, size: int) -> int:
    """Takes the first entry off."""
    size -= 1
    entry, place = heap[at(size)], 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and heap[at(child + 1)] < heap[at(child)]:
            child += 1
        if entry <= heap[at(child)]:
            break
        heap[at(place)] = heap[at(child)]
        place = child
    heap[at(place)] = entry
    return size
