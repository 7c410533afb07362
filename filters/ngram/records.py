"""N-grams with a number each, as records of three 64-bit integers: the key's halves and the value.

What is done to many of them at once is compiled: sorting, adding up, taking words off and putting
them on. A value is a count, two float32 or one float64, as the step at hand has it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.compiled import at, inlined, kernel

Records = npt.NDArray[np.uint64]
"""Shape (n, 3)."""
COLUMNS = 3
SIZE = 8 * COLUMNS
DIGIT = 11
"""The widest digit that sorting takes at once, in bits: 2048 counters and as many open lines fit
the caches."""
_ZERO, _ONE, _WORD = np.uint64(0), np.uint64(1), np.uint64(64)


def empty(count: int) -> Records:
    """Room for so many; memory is only taken as far as it is written to."""
    return np.empty((count, COLUMNS), np.uint64)


@inlined
def right(high: np.uint64, low: np.uint64, by: np.uint64) -> tuple[np.uint64, np.uint64]:
    """A key shifted to the right by 0 to 127 bits."""
    if by >= _WORD:
        low = high >> (by - _WORD)
        high = _ZERO
    elif by > _ZERO:
        low = (low >> by) | (high << (_WORD - by))
        high = high >> by
    return high, low


@inlined
def placed(word: np.uint64, by: np.uint64) -> tuple[np.uint64, np.uint64]:
    """A word shifted to the left by 0 to 127 bits."""
    high, low = _ZERO, word
    if by >= _WORD:
        high = word << (by - _WORD)
        low = _ZERO
    elif by > _ZERO:
        high = word >> (_WORD - by)
        low = word << by
    return high, low


@kernel
def radix_sort(
    records: Records, spare: Records, count: int, first: np.uint64, last: np.uint64
) -> bool:
    """Sorts by the bits of the key from `first` up to `last`; what is equal there stays as it was.

    spare: as much room again. Gives whether the result is there.
    """
    passes = (last - first + np.uint64(DIGIT - 1)) // np.uint64(DIGIT)
    width = (last - first + passes - _ONE) // passes
    seen = np.zeros((int(passes), 1 << int(width)), np.int64)
    _count_digits(records, count, first, last, width, seen)
    moved = False
    for digit in range(int(passes)):
        if seen[digit].max() == count:
            continue
        shift = first + np.uint64(digit) * width
        mask = (_ONE << min(width, last - shift)) - _ONE
        start = 0
        for value in range(1 << int(width)):
            start, seen[digit, value] = start + seen[digit, value], start
        if moved:
            _distribute(spare, records, count, shift, mask, seen[digit])
        else:
            _distribute(records, spare, count, shift, mask, seen[digit])
        moved = not moved
    return moved


@kernel
def _count_digits(
    records: Records,
    count: int,
    first: np.uint64,
    last: np.uint64,
    width: np.uint64,
    seen: npt.NDArray[np.int64],
) -> None:
    passes = seen.shape[0]
    top = last - first - np.uint64(passes - 1) * width
    mask, top_mask = (_ONE << width) - _ONE, (_ONE << top) - _ONE
    for item in range(count):
        high, low = right(records[at(item), 0], records[at(item), 1], first)
        for digit in range(passes - 1):
            seen[at(digit), low & mask] += 1
            low = (low >> width) | (high << (_WORD - width))
            high = high >> width
        seen[at(passes - 1), low & top_mask] += 1


@kernel
def _distribute(
    source: Records,
    target: Records,
    count: int,
    shift: np.uint64,
    mask: np.uint64,
    starts: npt.NDArray[np.int64],
) -> None:
    for item in range(count):
        high, low = source[at(item), 0], source[at(item), 1]
        _, digit = right(high, low, shift)
        place = at(starts[digit & mask])
        target[place, 0] = high
        target[place, 1] = low
        target[place, 2] = source[at(item), 2]
        starts[digit & mask] += 1


@kernel
def add_up(records: Records, count: int) -> int:
    """Leaves one record of neighbours with equal keys, with their sum; gives how many are left."""
    kept = 0
    for item in range(1, count):
        same = (
            records[at(item), 0] == records[at(kept), 0]
            and records[at(item), 1] == records[at(kept), 1]
        )
        if same:
            records[at(kept), 2] += records[at(item), 2]
        else:
            kept += 1
            for column in range(COLUMNS):
                records[at(kept), at(column)] = records[at(item), at(column)]
    return kept + 1 if count else 0


@kernel
def not_above(records: Records, high: np.uint64, low: np.uint64) -> int:
    """How many of these sorted records have keys up to this one."""
    start, stop = 0, len(records)
    while start < stop:
        middle = (start + stop) // 2
        there = records[at(middle), 0]
        if there < high or (there == high and records[at(middle), 1] <= low):
            start = middle + 1
        else:
            stop = middle
    return start


@kernel
def last_word_last(records: Records, width: np.uint64, bits: np.uint64) -> None:
    """Puts the last word, which stands above `width` bits, below the others, in place.

    So records of one context are neighbours when they are sorted, and contexts come in the order
    of the shorter n-grams that they are.
    """
    word_mask = (_ONE << bits) - _ONE
    for item in range(len(records)):
        high, low = records[at(item), 0], records[at(item), 1]
        word = right(high, low, width)[1] & word_mask
        top, rest = placed(word, width)
        high ^= top
        low ^= rest
        records[at(item), 0] = (high << bits) | (low >> (_WORD - bits))
        records[at(item), 1] = (low << bits) | word


@kernel
def last_word_first(records: Records, width: np.uint64, bits: np.uint64) -> None:
    """Undoes `last_word_last`."""
    word_mask = (_ONE << bits) - _ONE
    for item in range(len(records)):
        high, low = records[at(item), 0], records[at(item), 1]
        top, rest = placed(low & word_mask, width)
        records[at(item), 0] = (high >> bits) | top
        records[at(item), 1] = (low >> bits) | (high << (_WORD - bits)) | rest
