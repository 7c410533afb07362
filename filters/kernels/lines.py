"""Segmentation into lines, and pieces of text that repeat."""

from __future__ import annotations

from tamis.filters.kernels.arrays import Flags, Ints
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.ngrams import Counting, number
from tamis.filters.kernels.unicode_tables import BREAK, SPACE

NEWLINE = 0x0A
_RETURN = 0x0D


@kernel
def lines(codes: Ints, count: int, starts: Ints, stops: Ints) -> int:
    """Writes start and stop of what newlines separate, as `str.split("\\n")`; gives how many.

    The arrays hold at least count + 2. There is always one, be it empty.
    """
    found = 0
    starts[0] = 0
    for place in range(count):
        stops[at(found)] = place
        starts[at(found + 1)] = place + 1
        found += codes[place] == NEWLINE
    stops[found] = count
    return found + 1


@inlined
def next_break(codes: Ints, props: Flags, start: int, count: int) -> tuple[int, int]:
    """Where the line from start ends as `str.splitlines` has it, and where the next begins."""
    stop = start
    while stop < count and not props[at(stop)] & BREAK:
        stop += 1
    both = stop + 1 < count and codes[stop] == _RETURN and codes[stop + 1] == NEWLINE
    return stop, stop + 2 if both else stop + 1


@inlined
def strip(props: Flags, start: int, stop: int) -> tuple[int, int]:
    """The range without whitespace at its ends."""
    while start < stop and props[at(start)] & SPACE:
        start += 1
    while stop > start and props[at(stop - 1)] & SPACE:
        stop -= 1
    return start, stop


@kernel
def spaced(props: Flags, count: int, starts: Ints, stops: Ints) -> int:
    """Writes start and stop of what whitespace separates, as `str.split()`; gives how many.

    The arrays hold at least count // 2 + 2. Whitespace must stand behind the last character.
    """
    opened = closed = 0
    blank = True
    for place in range(count + 1):
        space = props[place] & SPACE != 0
        starts[at(opened)] = place
        stops[at(closed)] = place
        opened += blank and not space
        closed += space and not blank
        blank = space
    return closed


@kernel
def repeated(count: int, room: Counting, sizes: Ints) -> tuple[int, int, int, int]:
    """Pieces that occur more than once, given by the hashes in room.keys and their sizes.

    Number and size of those that an earlier one equals, then number and size of all copies.
    """
    number(room.keys, count, room, room.numbers)
    again = again_size = copies = copies_size = classes = 0
    for piece in range(count):
        numbered = room.numbers[piece]
        if numbered < classes:
            again += 1
            again_size += sizes[piece]
        else:
            classes += 1
        if room.counts[at(numbered)] > 1:
            copies += 1
            copies_size += sizes[piece]
    return again, again_size, copies, copies_size
