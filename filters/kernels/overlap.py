"""N-grams of words that texts share with references, found by their 64-bit hashes.

A text is read in parts of CHUNK words, so that memory does not grow with it. Nearly no n-gram is in
the table: a map of bits, small enough for the caches, says so at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Hashes, Ints, Longs
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.kernels.shingles import mixed, windows
from tamis.filters.kernels.simple_words import PLACE, SLACK, STATE, SimpleWords, read_words

CHUNK = 1024
_ONE, _ALL, _WORD = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(63)
_BITS = 4
"""The map has 16 to 32 bits an n-gram: one in some 20 that are not there gets past it."""


class Table(NamedTuple):
    """The distinct n-grams of all references: 22 to 28 bytes each, and 4 for each more that has it.

    Places in these arrays are 32 bits wide: 2 billion n-grams.
    """

    keys: Hashes
    """Ascending."""
    begins: Ints
    """[keys + 1]: where the references of each begin in `owners`."""
    owners: Ints
    """Ascending within a key."""
    directory: Ints
    """By the upper bits of a key: where the first with these bits is."""
    seen: Hashes
    """The map: bit k is set if the upper bits of some key are k."""
    sizes: Longs
    """How many words n-grams have, ascending."""
    bits: int
    """How many upper bits the directory is by; the map is by _BITS more."""
    references: int


class Room(NamedTuple):
    """Room for a part of a text: see `room`."""

    known: SimpleWords
    items: Hashes
    hashes: Hashes
    ending: Bytes
    """How many words the longest n-gram has that was found to end at a word, else 0."""


class Found(NamedTuple):
    """What is found in every text."""

    ngrams: Ints
    """Words at which an n-gram ends that a reference has."""
    covered: Longs
    """Words that such n-grams cover."""
    words: Longs
    ends: Ints
    """[n + 1]: where the references of each end in what `find` gives."""


def room(known: SimpleWords, longest: int) -> Room:
    """Room for texts whose n-grams have so many words at most."""
    size = CHUNK + longest + SLACK
    return Room(
        known, np.empty(size, np.uint64), np.empty(size, np.uint64), np.zeros(size, np.uint8)
    )


def table(hashes: Hashes, owners: Ints, sizes: Longs, references: int) -> Table:
    """The table of n-grams, given in the order of the references that have them.

    While it is made it takes three times the memory.
    """
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], owners[order]
    del order
    fresh = np.ones(len(hashes), np.bool_)
    fresh[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    hashes, owners = hashes[fresh], owners[fresh]
    first = np.ones(len(hashes), np.bool_)
    first[1:] = hashes[1:] != hashes[:-1]
    keys, begins = hashes[first], np.append(np.flatnonzero(first), len(hashes))
    bits = max(6, len(keys).bit_length())
    lowest = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    directory = np.append(np.searchsorted(keys, lowest), len(keys))
    marks = np.zeros(1 << (bits + _BITS), np.uint8)
    marks[keys >> np.uint64(64 - bits - _BITS)] = 1
    seen = np.packbits(marks, bitorder="little").view(np.uint64)
    places = begins.astype(np.int32), owners, directory.astype(np.int32)
    return Table(keys, *places, seen, sizes, bits, references)


def by_gram(table: Table) -> Table:
    """The table in which every n-gram is a reference of its own."""
    places = np.arange(len(table.keys) + 1, dtype=np.int32)
    return table._replace(begins=places, owners=places[:-1], references=len(table.keys))


@kernel
def write_grams(
    data: Bytes,
    ends: Longs,
    room: Room,
    size: int,
    shortest: int,
    found: Hashes,
    stops: Longs,
    used: Bytes,
) -> None:
    """Writes the n-grams of `size` words of every piece of text; stops: where each piece's end.

    A piece of fewer words, but at least `shortest`, is one n-gram. used[words] becomes 1 where
    there is an n-gram of so many. found has room for as many as the pieces have bytes.
    """
    items, hashes = room.items, room.hashes
    cursor = np.zeros(2, np.int64)
    total = 0
    for piece in range(len(ends) - 1):
        cursor[PLACE], cursor[STATE] = ends[piece], 0
        kept = words = 0
        while True:
            count = _read(data, cursor, ends[piece + 1], room.known, items, kept)
            if count == kept:
                break
            words += count - kept
            made, length = windows(items, count, size, hashes), size
            if words < size and words >= shortest:  # then all of it is here
                made, length = windows(items, count, count, hashes), count
            used[length] |= made > 0
            for k in range(made):
                found[at(total + k)] = mixed(hashes[at(k)])
            total += made
            kept = _keep(items, count, size)
        stops[piece] = total


@kernel
def find(data: Bytes, ends: Longs, room: Room, table: Table, found: Found, most: int) -> Ints:
    """Writes what is found of every text; gives the references that it shares n-grams with.

    Of more than `most` those of the lowest numbers.
    """
    marks = np.full(table.references, -1, np.int32)
    mine = np.empty(table.references + 1, np.int32)
    named, total = np.empty(1 << 12, np.int32), 0
    cursor = np.zeros(2, np.int64)
    longest = table.sizes[-1]
    found.ends[0] = 0
    for row in range(len(ends) - 1):
        cursor[PLACE], cursor[STATE] = ends[row], 0
        kept = words = grams = covered = others = 0
        mask = np.uint64(0)
        while True:
            count = _read(data, cursor, ends[row + 1], room.known, room.items, kept)
            if count == kept:
                break
            words += count - kept
            more = _look_up(room, kept, count, table, row, marks, mine, others)
            if more >= 0:
                others = more
                here, over, mask = _cover(room.ending, kept, count, mask)
                grams += here
                covered += over
            else:
                mask = mask << np.uint64(count - kept) if count - kept < 64 else np.uint64(0)
            kept = _keep(room.items, count, longest)
        found.ngrams[row], found.covered[row], found.words[row] = grams, covered, words
        mine[:others].sort()
        others = min(others, most)
        if total + others > len(named):
            named = _larger(named, total, others)
        named[total : total + others] = mine[:others]
        total += others
        found.ends[row + 1] = total
    return named[:total]


@kernel
def _read(
    data: Bytes, cursor: Longs, stop: int, known: SimpleWords, items: Hashes, kept: int
) -> int:
    """Reads some words behind those kept; gives how many there are then, as before at the end."""
    count = read_words(data, cursor, stop, known, items, kept, kept + CHUNK)
    for place in range(kept, count):
        items[at(place)] = mixed(items[at(place)])
    return count


@kernel
def _keep(items: Hashes, count: int, longest: int) -> int:
    """Moves the words that n-grams yet to come begin with to the front; gives how many."""
    kept = min(count, longest - 1)
    for place in range(kept):
        items[at(place)] = items[at(count - kept + place)]
    return kept


@kernel
def _look_up(
    room: Room, kept: int, count: int, table: Table, row: int, marks: Ints, mine: Ints, others: int
) -> int:
    """Looks for the n-grams that end at words kept to count; -1 if there is none.

    Writes where they end, and references that the row has not had yet behind the others of it;
    gives how many these are then.
    """
    seen, hashes = table.seen, room.hashes
    shift = np.uint64(64 - _BITS - table.bits)
    hit = False
    for size in table.sizes:
        start = max(0, kept - size + 1)
        made = windows(room.items[start:], count - start, size, hashes)
        for k in range(made):
            key = mixed(hashes[at(k)])
            spot = key >> shift
            if (seen[at(spot >> np.uint64(6))] >> (spot & _WORD)) & _ONE == 0:
                continue
            index = _index_of(key, table)
            if index < 0:
                continue
            hit = True
            room.ending[start + k + size - 1] = size
            for place in range(table.begins[index], table.begins[index + 1]):
                owner = table.owners[place]
                mine[others] = owner
                others += marks[owner] != row
                marks[owner] = row
    return others if hit else -1


@kernel
def _index_of(key: np.uint64, table: Table) -> int:
    """Where a key stands in the table, -1 if it does not."""
    spot = key >> np.uint64(64 - table.bits)
    low, high = table.directory[at(spot)], table.directory[at(spot + _ONE)]
    while low < high and table.keys[at(low)] < key:
        low += 1
    return low if low < high and table.keys[at(low)] == key else -1


@kernel
def _cover(ending: Bytes, kept: int, count: int, mask: np.uint64) -> tuple[int, int, np.uint64]:
    """How many n-grams end at words kept to count, how many more words they cover, and the mask.

    Bit k of the mask: the word k before the last one is covered. Clears `ending`.
    """
    grams = covered = 0
    for place in range(kept, count):
        mask <<= _ONE
        size = ending[at(place)]
        if size:
            ending[at(place)] = 0
            grams += 1
            fresh = (_ALL >> np.uint64(64 - size)) & ~mask
            mask |= fresh
            while fresh:
                fresh &= fresh - _ONE
                covered += 1
    return grams, covered, mask


@kernel
def _larger(named: Ints, used: int, others: int) -> Ints:
    more = np.empty(2 * len(named) + others, np.int32)
    more[:used] = named[:used]
    return more
