"""Counts of n-grams: real ones of the highest order, adjusted ones of those below.

The adjusted count of an n-gram is how many different words stand to its left, the beginning of a
sentence being one; nothing stands to the left of an n-gram that begins with <s>, which keeps its
real count. All follow from the n-grams of the highest order in suffix order, in one pass: those
with a common ending are neighbours there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Longs
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.ngram.levels import BEGIN, END
from tamis.filters.ngram.records import Records, empty, placed, right
from tamis.filters.ngram.sorting import Sorter, block_size, write

Words = npt.NDArray[np.uint32]
_ONE = np.uint64(1)
_BEGIN, _END = np.uint64(BEGIN), np.uint64(END)
MOST = 4
"""Discounts are made of how many n-grams have a count of 1, 2, 3 or this."""


class Counted(NamedTuple):
    """What counting leaves, beside a file of records in suffix order of every order from 2."""

    unigrams: Longs
    """The adjusted count of every word."""
    counts: list[int]
    """How many n-grams there are, by order; the first is nothing."""
    of_counts: Longs
    """Shape (order + 1, MOST + 2): how many n-grams of an order have a count; the last is those
    with more."""


def grams_path(scratch: Path, order: int) -> Path:
    """The file with the counts of an order."""
    return scratch / f"counts-{order}"


def count(text: Path, words: int, order: int, bits: int, memory: int, scratch: Path) -> Counted:
    """Counts the n-grams of a file of words, which it removes."""
    block = block_size(memory)
    sorter = Sorter(scratch / "grams", memory * 13 // 16, 0, order * bits, block, sums=True)
    start = sum(BEGIN << bits * place for place in range(order))
    beginning = np.array([start >> 64, start & (1 << 64) - 1], np.uint64)
    state, records = beginning.copy(), empty(block)
    with text.open("rb") as file:
        while len(ids := np.fromfile(file, np.uint32, block)):
            gather(ids, beginning, np.uint64((order - 1) * bits), np.uint64(bits), state, records)
            sorter.add(records[: len(ids)])
    text.unlink()
    return _adjust(sorter.merged(), words, order, bits, block, scratch)


def _adjust(
    grams: Iterator[Records], words: int, order: int, bits: int, block: int, scratch: Path
) -> Counted:
    """Writes a file of counts for every order from 2, and counts the counts."""
    unigrams, before, first = np.zeros(words, np.int64), np.zeros(2, np.uint64), True
    with ExitStack() as opened:
        files = [
            opened.enter_context(grams_path(scratch, k).open("wb")) for k in range(2, order + 1)
        ]
        tables = _Tables(files, block + 1)
        for records in grams:
            found, filled = tables.found, tables.filled
            adjust(records, first, before, order, np.uint64(bits), found, filled, unigrams)
            tables.flush(1)
            first = False
        tables.flush(0)
    tables.counts[1] = words
    tables.of_counts[1] = _tally(unigrams)
    return Counted(unigrams, tables.counts, tables.of_counts)


def _tally(counts: npt.NDArray[np.int64] | npt.NDArray[np.uint64]) -> Longs:
    """How often each count is there; the last of what is given is how often larger ones are."""
    return np.bincount(np.minimum(counts, MOST + 1).astype(np.int64), minlength=MOST + 2)


class _Tables:
    """The n-grams of the orders from 2 that were found last, on their way to files."""

    def __init__(self, files: Sequence[BinaryIO], room: int) -> None:
        orders = len(files) + 2
        self._files = files
        self.found = np.empty((orders, room, 3), np.uint64)
        self.filled = np.zeros(orders, np.int64)
        self.counts = [0] * orders
        self.of_counts = np.zeros((orders, MOST + 2), np.int64)

    def flush(self, most: int) -> None:
        """Writes all but so many of the last of every order."""
        for k, file in enumerate(self._files, 2):
            filled = int(self.filled[k])
            done = max(0, filled - most)
            write(file, self.found[k, :done])
            self.of_counts[k] += _tally(self.found[k, :done, 2])
            self.counts[k] += done
            self.found[k, : filled - done] = self.found[k, done:filled].copy()
            self.filled[k] = filled - done


@kernel
def gather(
    ids: Words,
    beginning: npt.NDArray[np.uint64],
    top: np.uint64,
    bits: np.uint64,
    state: npt.NDArray[np.uint64],
    records: Records,
) -> None:
    """The n-gram that ends at every word, with a count of one.

    beginning: the key of nothing but <s>; state: the key before these words, then behind them; top:
    where the last word stands in a key.
    """
    high, low = state[0], state[1]
    for item in range(len(ids)):
        word = np.uint64(ids[item])
        low = (low >> bits) | (high << (np.uint64(64) - bits))
        high = high >> bits
        top_high, top_low = placed(word, top)
        high |= top_high
        low |= top_low
        records[at(item), 0] = high
        records[at(item), 1] = low
        records[at(item), 2] = _ONE
        if word == _END:
            high, low = beginning[0], beginning[1]
    state[0], state[1] = high, low


@kernel
def adjust(
    grams: Records,
    first: bool,
    before: npt.NDArray[np.uint64],
    order: int,
    bits: np.uint64,
    found: npt.NDArray[np.uint64],
    filled: Longs,
    unigrams: Longs,
) -> None:
    """Appends to found[k] every n-gram of k words that is new, and counts what it tells of others.

    grams: of the highest order, in suffix order; before: the key before these, unless they are the
    first, then the last of them. The last of found[k] may still grow.
    """
    size = np.uint64(order) * bits
    mask = (_ONE << bits) - _ONE
    high_before, low_before = before[0], before[1]
    for item in range(len(grams)):
        high, low = grams[at(item), 0], grams[at(item), 1]
        other_high, other_low = high ^ high_before, low ^ low_before
        same = 0
        while same < order and not first:
            rest_high, rest_low = right(other_high, other_low, size - np.uint64(same + 1) * bits)
            if rest_high or rest_low:
                break
            same += 1
        length = order
        while length > 2:
            second = right(high, low, np.uint64(order - length + 1) * bits)[1] & mask
            if second != _BEGIN:
                break
            length -= 1
        if same <= 1:
            unigrams[at(right(high, low, size - bits)[1] & mask)] += 1
        else:
            found[at(same), at(filled[same] - 1), 2] += _ONE
        for k in range(max(2, same + 1), length + 1):
            key_high, key_low = right(high, low, np.uint64(order - k) * bits)
            place = at(filled[k])
            found[at(k), place, 0] = key_high
            found[at(k), place, 1] = key_low
            found[at(k), place, 2] = grams[at(item), 2] if k == length else _ONE
            filled[k] += 1
        high_before, low_before = high, low
        first = False
    before[0], before[1] = high_before, low_before
