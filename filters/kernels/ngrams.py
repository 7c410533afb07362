"""Repeated n-grams of a sequence, exactly, in time and memory that its length bounds.

Equal items get equal numbers; an n-gram is then the pair of the number of its first n - 1 items
and its last item, 64 bits without loss. An n-gram occurs twice only if both (n-1)-grams in it do,
so each length looks just at the places that the one before left: some 1.5 look-ups a word for all
of 2 to 10 in ordinary text, where counting each length by itself takes nine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Hashes, Ints, Longs
from tamis.filters.kernels.compiled import kernel
from tamis.filters.kernels.hashes import place_of

LONGEST = 10
LONGEST_TOP = 4
"""Rules look at the most frequent n-grams up to this length, and at all longer repeated ones."""
_HALF = np.uint64(32)


class Counting(NamedTuple):
    """Room to count up to n items in; slots hold at least `slots_for(n)`, the others n."""

    slots: Ints
    known: Hashes
    counts: Ints
    keys: Hashes
    places: Ints
    numbers: Ints
    level: Bytes


class Repeats(NamedTuple):
    """What is repeated, by length of n-gram; sizes in characters.

    The first three to LONGEST_TOP, the others from there to LONGEST.
    """

    top_count: Longs
    """How often the most frequent n-gram occurs."""
    top_size: Longs
    """The size of the first of the most frequent ones; 0 if there is no n-gram."""
    top_longest: Longs
    """The size of the longest of the most frequent ones."""
    covered: Longs
    """Size of the words that lie in any n-gram that occurs twice."""
    greedy: Longs
    """Size of n-grams seen before, reading on behind each."""


def slots_for(items: int) -> int:
    """How many slots counting so many items takes: a power of two, twice as many at least."""
    return max(4, 1 << (2 * items - 1).bit_length())


def counting(items: int) -> Counting:
    """Room for so many items; the memory is only touched as far as it is used."""
    return Counting(
        np.empty(slots_for(items), np.int32),
        np.empty(items + 1, np.uint64),
        np.empty(items, np.int32),
        np.empty(items, np.uint64),
        np.empty(items, np.int32),
        np.empty(items, np.int32),
        np.empty(items + 1, np.uint8),
    )


def repeats() -> Repeats:
    """Zeros."""
    return Repeats(*(np.zeros(LONGEST + 1, np.int64) for _ in Repeats._fields))


@kernel
def number(keys: Hashes, count: int, room: Counting, numbers: Ints) -> int:
    """Gives equal keys equal numbers, in order of first occurrence; their counts are in room."""
    size = 4
    while size < 2 * count:
        size *= 2
    mask = np.uint64(size - 1)
    slots, known, counts = room.slots, room.known, room.counts
    slots[:size] = 0
    classes = 0
    for item in range(count):
        key = keys[item]
        known[0] = key  # so an empty slot looks like the end of the search
        place = place_of(key, mask)
        found = slots[place]
        while known[found] != key:
            place = (place + np.uint64(1)) & mask
            found = slots[place]
        # Whether a key is new cannot be guessed: both ways are one, without a branch.
        counts[classes] = 0
        known[classes + 1] = key
        classes += found == 0
        found = found if found else classes
        slots[place] = found
        counts[found - 1] += 1
        numbers[item] = found - 1
    return classes


@kernel
def find_repeats(
    items: Ints, again: Bytes, ends: Ints, count: int, room: Counting, found: Repeats
) -> None:
    """Fills `found` for a sequence of items.

    items: numbers given by `number`; again: 1 where an item occurs more than once. ends: size of
    everything up to an item and with it, after a leading zero, so count + 1.
    """
    level, places, numbers = room.level, room.places, room.numbers
    left = 0
    for item in range(count):
        level[item] = again[item]
        if again[item]:
            places[left] = item
            numbers[left] = items[item]
            left += 1
    for n in range(2, LONGEST + 1):
        left = _extend(items, count, n, left, room)
        if n <= LONGEST_TOP:
            _most_frequent(ends, count, n, left, room, found)
        left = _keep_repeated(n, left, room)
        if n > LONGEST_TOP:
            _cover(ends, n, left, room, found)


@kernel
def _extend(items: Ints, count: int, n: int, left: int, room: Counting) -> int:
    """Numbers the n-grams at places both of whose (n-1)-grams are repeated; gives how many."""
    level, places, numbers, keys = room.level, room.places, room.numbers, room.keys
    kept = 0
    for candidate in range(left):
        place = places[candidate]
        if place + n <= count and level[place] == n - 1 and level[place + 1] == n - 1:
            keys[kept] = np.uint64(numbers[candidate]) << _HALF | np.uint64(items[place + n - 1])
            places[kept] = place
            kept += 1
    number(keys, kept, room, numbers)
    return kept


@kernel
def _keep_repeated(n: int, left: int, room: Counting) -> int:
    """Leaves the places whose n-gram occurs twice, and marks them with n."""
    kept = 0
    for candidate in range(left):
        if room.counts[room.numbers[candidate]] > 1:
            place = room.places[candidate]
            room.level[place] = n
            room.places[kept] = place
            room.numbers[kept] = room.numbers[candidate]
            kept += 1
    return kept


@kernel
def _most_frequent(
    ends: Ints, count: int, n: int, left: int, room: Counting, found: Repeats
) -> None:
    """The most frequent n-gram: the first among equals, and the longest among them."""
    best, place = 0, -1
    for candidate in range(left):
        times = room.counts[room.numbers[candidate]]
        if times > best:
            best, place = times, room.places[candidate]
    if best < 2:  # every n-gram occurs once; the places left are not all
        best, place = min(1, max(0, count - n + 1)), 0
    longest = 0
    if best > 1:
        for candidate in range(left):
            if room.counts[room.numbers[candidate]] == best:
                at = room.places[candidate]
                longest = max(longest, ends[at + n] - ends[at])
    found.top_count[n] = best
    found.top_size[n] = ends[place + n] - ends[place] if best else 0
    found.top_longest[n] = longest


@kernel
def _cover(ends: Ints, n: int, left: int, room: Counting, found: Repeats) -> None:
    """The sizes that repeated n-grams cover: all of each, and greedily without the first.

    The slots of `number` have done their service and serve to mark n-grams seen.
    """
    covered = greedy = until = following = 0
    seen = room.slots
    for candidate in range(left):
        seen[room.numbers[candidate]] = 0
    for candidate in range(left):
        place = room.places[candidate]
        covered += ends[place + n] - ends[max(place, until)]
        until = place + n
        if place >= following:
            if seen[room.numbers[candidate]]:
                greedy += ends[place + n] - ends[place]
                following = place + n
            else:
                seen[room.numbers[candidate]] = 1
    found.covered[n] = covered
    found.greedy[n] = greedy
