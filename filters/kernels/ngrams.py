"""Repeated n-grams of a sequence, exactly, in time and memory that its length bounds.

Equal items get equal numbers; an n-gram is then the pair of the number of its first n - 1 items
and its last item, 64 bits without loss. An n-gram occurs twice only if both (n-1)-grams in it do,
so each length looks just at the places that the one before left: fewer than three look-ups a word
for all of 2 to 10 on mail, logs and pages, where counting each length by itself takes nine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Hashes, Ints, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.hashes import place_of

LONGEST = 10
LONGEST_TOP = 4
"""Rules look at the most frequent n-grams up to this length, and at all longer repeated ones."""
_HALF, _ONE = np.uint64(32), np.uint64(1)


class Counting(NamedTuple):
    """Room to count up to n items in; slots hold at least `slots_for(n)`, the others n + 1."""

    slots: Ints
    """Hash table of what is known; 0 where it is empty."""
    known: Hashes
    """Keys in the order of their numbers, which count from one here."""
    counts: Ints
    keys: Hashes
    """What is to be numbered."""
    places: Ints
    """Where repeated n-grams start."""
    numbers: Ints
    """What is numbered how; later, the n-grams at these places."""


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
        np.empty(items + 1, np.int32),
        np.empty(items + 1, np.uint64),
        np.empty(items + 1, np.int32),
        np.empty(items + 1, np.int32),
    )


def repeats() -> Repeats:
    """Zeros."""
    return Repeats(*(np.zeros(LONGEST + 1, np.int64) for _ in Repeats._fields))


@inlined
def _mask_for(items: int) -> np.uint64:
    size = 4
    while size < 2 * items:
        size *= 2
    return np.uint64(size - 1)


@inlined
def _look_up(key: np.uint64, mask: np.uint64, slots: Ints, known: Hashes, classes: int) -> int:
    """The number of a key, counted from one; classes + 1, which it then has, if it is new.

    Whether it is new cannot be guessed, so both ways are one, without a branch.
    """
    known[0] = key  # an empty slot looks like the end of the search
    place = place_of(key, mask)
    found = slots[place]
    while known[at(found)] != key:
        place = (place + _ONE) & mask
        found = slots[place]
    known[at(classes + 1)] = key
    found = found if found else classes + 1
    slots[place] = found
    return found


@kernel
def number(keys: Hashes, count: int, room: Counting, numbers: Ints) -> int:
    """Gives equal keys equal numbers, in order of first occurrence; their counts are in room."""
    slots, known, counts = room.slots, room.known, room.counts
    mask = _mask_for(count)
    slots[: int(mask) + 1] = 0
    classes = 0
    for item in range(count):
        counts[at(classes)] = 0
        found = _look_up(keys[item], mask, slots, known, classes)
        classes += found > classes
        counts[at(found - 1)] += 1
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
    places, numbers = room.places, room.numbers
    left = 0
    for item in range(count):
        places[at(left)] = item
        numbers[at(left)] = items[item]
        left += again[item]
    for n in range(2, LONGEST + 1):
        left, classes = _extend(items, n, left, room)
        if n <= LONGEST_TOP:
            left = _most_frequent(ends, count, n, left, room, found)
        else:
            left = _cover(ends, n, left, classes, room, found)


@kernel
def _extend(items: Ints, n: int, left: int, room: Counting) -> tuple[int, int]:
    """Numbers the n-grams at places both of whose (n-1)-grams are repeated.

    Gives how many places and how many numbers there are.
    """
    slots, known, counts = room.slots, room.known, room.counts
    places, numbers = room.places, room.numbers
    mask = _mask_for(left)
    slots[: int(mask) + 1] = 0
    places[left] = -1
    kept = classes = 0
    for candidate in range(left):
        place = places[candidate]
        if places[candidate + 1] != place + 1:
            continue
        key = np.uint64(numbers[candidate]) << _HALF | np.uint64(items[at(place + n - 1)])
        counts[at(classes)] = 0
        found = _look_up(key, mask, slots, known, classes)
        classes += found > classes
        counts[at(found - 1)] += 1
        places[at(kept)] = place
        numbers[at(kept)] = found - 1
        kept += 1
    return kept, classes


@kernel
def _most_frequent(
    ends: Ints, count: int, n: int, left: int, room: Counting, found: Repeats
) -> int:
    """Leaves the repeated n-grams, and finds the first and the longest of the most frequent."""
    counts, places, numbers = room.counts, room.places, room.numbers
    best = kept = 0
    top = -1
    for candidate in range(left):
        place, kind = places[candidate], numbers[candidate]
        times = counts[at(kind)]
        if times > best:
            best, top = times, place
        places[at(kept)] = place
        numbers[at(kept)] = kind
        kept += times > 1
    if best < 2:  # every n-gram occurs once; the places left are not all
        best, top = min(1, max(0, count - n + 1)), 0
    longest = 0
    for candidate in range(kept):
        if counts[at(numbers[candidate])] == best:
            place = places[candidate]
            longest = max(longest, ends[place + n] - ends[place])
    found.top_count[n] = best
    found.top_size[n] = ends[top + n] - ends[top] if best else 0
    found.top_longest[n] = longest
    return kept


@kernel
def _cover(ends: Ints, n: int, left: int, classes: int, room: Counting, found: Repeats) -> int:
    """Leaves the repeated n-grams, and sums up what they cover: all of each, and greedily.

    The slots of `_extend` have done their service and serve to mark n-grams seen.
    """
    counts, places, numbers, seen = room.counts, room.places, room.numbers, room.slots
    seen[:classes] = 0
    kept = covered = greedy = until = following = 0
    for candidate in range(left):
        place, kind = places[candidate], numbers[candidate]
        if counts[at(kind)] < 2:
            continue
        stop = place + n
        covered += ends[at(stop)] - ends[at(max(place, until))]
        until = stop
        if place >= following:
            if seen[at(kind)]:
                greedy += ends[at(stop)] - ends[at(place)]
                following = stop
            seen[at(kind)] = 1
        places[at(kept)] = place
        numbers[at(kept)] = kind
        kept += 1
    found.covered[n] = covered
    found.greedy[n] = greedy
    return kept
