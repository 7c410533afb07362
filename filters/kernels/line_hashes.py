"""Lines, paragraphs and sentences of a document, by the hash of their normalised form.

A unit is hashed as its characters come out of a form, so nothing normalised is ever written. The
hash is 64 bits, a multiplication and a shift a character. Collisions can be built by whoever wants
them: they make a line look like another that everybody may as well have copied, no more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels import edits
from tamis.filters.kernels.arrays import Bytes, Flags, Hashes, Ints, Longs
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.edits import Room, Texts
from tamis.filters.kernels.hashes import BASE, place_of
from tamis.filters.kernels.line_forms import (
    DOT_ABOVE,
    DOTTED,
    SIGMA,
    SMALL_I,
    form_table,
)
from tamis.filters.kernels.sentences import sentences
from tamis.filters.kernels.unicode_tables import CASED, IGNORABLE, SPACE, tables

BLANK = -1
"""The size of what is nothing but whitespace."""
SPAN = 3
"""Sentences of a span."""
UNCOUNTED = -1
"""The size of a unit that is neither counted nor dropped."""
NEWLINE = 0x0A
_HALF, _ONE, _SEED = np.uint64(32), np.uint64(1), np.uint64(0xD6E8FEB86659FD93)


class Units(NamedTuple):
    """The units of all documents of a column, one after another."""

    hashes: Hashes
    sizes: Ints
    """Characters of the normalised form."""
    starts: Longs
    """Where its bytes start and stop."""
    stops: Longs
    firsts: Longs
    """The first unit of every document, and behind them the number of all units."""


class Marks(NamedTuple):
    """Where the sentences of a text start and stop, in characters."""

    starts: Ints
    stops: Ints


def units(source: Texts, form: str, paragraphs: bool, blank: bool) -> Units:
    """The units of every text: lines between newlines, or paragraphs between blank lines.

    blank: lines of nothing but whitespace are units too; they never are among paragraphs. A text
    without a character has no unit.
    """
    first, last = int(source.ends[0]), int(source.ends[-1])
    lines = int(np.count_nonzero(source.data[first:last] == NEWLINE)) + len(source.ends)
    found = _room_for(lines, source)
    table, flags = form_table(form), tables().flags
    return _used(
        found, hash_units(source.data, source.ends, table, flags, paragraphs, blank, found)
    )


def spans(source: Texts, form: str) -> Units:
    """The sentences of every text, each with the hash of the span of three that it begins."""
    found = _room_for(int(source.ends[-1] - source.ends[0]), source)
    one = edits.room(source)
    marks = Marks(*(np.empty(len(one.codes), np.int32) for _ in Marks._fields))
    table, flags = form_table(form), tables().flags
    return _used(found, hash_spans(source.data, source.ends, table, flags, one, marks, found))


def _room_for(number: int, source: Texts) -> Units:
    return Units(
        np.empty(number, np.uint64),
        np.empty(number, np.int32),
        np.empty(number, np.int64),
        np.empty(number, np.int64),
        np.empty(len(source.ends), np.int64),
    )


def _used(found: Units, number: int) -> Units:
    hashes, sizes, starts, stops, firsts = found
    return Units(hashes[:number], sizes[:number], starts[:number], stops[:number], firsts)


@kernel
def hash_units(
    data: Bytes,
    ends: Longs,
    table: Ints,
    flags: Flags,
    paragraphs: bool,
    blank: bool,
    found: Units,
) -> int:
    """Writes the units of every text; gives how many there are."""
    hashes, sizes, starts, stops, firsts = found
    number = 0
    for document in range(len(ends) - 1):
        firsts[document] = number
        place, end = ends[document], ends[document + 1]
        if place == end:
            continue
        while place <= end:
            stop = line_stop(data, place, end)
            if paragraphs:
                stop = paragraph_stop(data, place, stop, end, flags)
            state, size = hash_of(data, place, stop, table, flags)
            hashes[number], sizes[number] = state, max(size, 0)
            starts[number], stops[number] = place, stop
            number += (size != BLANK) | (blank & (not paragraphs))
            place = stop + 1
    firsts[len(ends) - 1] = number
    return number


@kernel
def hash_spans(
    data: Bytes, ends: Longs, table: Ints, flags: Flags, room: Room, marks: Marks, found: Units
) -> int:
    """Writes the sentences of every text; gives how many there are.

    Each has the hash of the three that it begins, and their size; UNCOUNTED if there are fewer.
    marks hold the sentences of one text.
    """
    hashes, sizes, starts, stops, firsts = found
    number = 0
    for document in range(len(ends) - 1):
        firsts[document] = first = number
        count = decode(data, ends[document], ends[document + 1], flags, room.codes, room.props)
        here = sentences(room.codes, room.props, 0, count, marks.starts, marks.stops)
        place, char = ends[document], 0
        for sentence in range(here):
            place = _advance(room.codes, char, marks.starts[sentence], place)
            starts[number] = place
            place = _advance(room.codes, marks.starts[sentence], marks.stops[sentence], place)
            stops[number] = place
            char = marks.stops[sentence]
            hashes[number], sizes[number] = hash_of(data, starts[number], place, table, flags)
            number += 1
        for unit in range(first, number):
            if unit + SPAN > number:
                sizes[unit] = UNCOUNTED
                continue
            for k in range(1, SPAN):
                hashes[unit] = (_turned(hashes[unit]) ^ hashes[unit + k]) * BASE
                sizes[unit] += sizes[unit + k]
            hashes[unit] ^= hashes[unit] >> _HALF
    firsts[len(ends) - 1] = number
    return number


@inlined
def _turned(state: np.uint64) -> np.uint64:
    return (state << _HALF) | (state >> _HALF)


@kernel
def _advance(codes: Ints, start: int, stop: int, place: int) -> int:
    """The byte where codes[stop] is, if codes[start] is at a place."""
    for k in range(start, stop):
        code = codes[at(k)]
        place += 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)
    return place


@kernel
def line_stop(data: Bytes, place: int, end: int) -> int:
    """Where the line from a place ends: at a newline, or at the end of the text."""
    while place < end and data[at(place)] != NEWLINE:
        place += 1
    return place


@kernel
def paragraph_stop(data: Bytes, place: int, stop: int, end: int, flags: Flags) -> int:
    """Where the paragraph whose first line is data[place:stop] ends: before a blank line.

    A line that is blank itself is all there is of it.
    """
    if _is_blank(data, place, stop, flags):
        return stop
    while stop < end:
        following = line_stop(data, stop + 1, end)
        if _is_blank(data, stop + 1, following, flags):
            break
        stop = following
    return stop


@kernel
def _is_blank(data: Bytes, place: int, stop: int, flags: Flags) -> bool:
    while place < stop:
        code, width = _character(data, place, stop)
        if not flags[at(code)] & SPACE:
            return False
        place += width
    return True


@inlined
def _character(data: Bytes, place: int, stop: int) -> tuple[int, int]:
    """The code point at a place and its width in bytes."""
    code = int(data[at(place)])
    if code < 0x80:
        return code, 1
    width = 2 if code < 0xE0 else 3 if code < 0xF0 else 4
    width = min(width, stop - place)
    code &= 0x7F >> width
    for k in range(1, width):
        code = code << 6 | int(data[at(place + k)] & 0x3F)
    return min(code, 0x10FFFF), width


@inlined
def _mixed(state: np.uint64, code: int) -> np.uint64:
    """The hash of a sequence with one more character."""
    state = (state ^ np.uint64(code + 1)) * BASE
    return state ^ (state >> _HALF)


@kernel
def hash_of(data: Bytes, start: int, stop: int, table: Ints, flags: Flags) -> tuple[np.uint64, int]:
    """The hash of a unit in its form, without whitespace at its ends, and its size in characters.

    The size is BLANK if there is nothing but whitespace.
    """
    state = end = _SEED
    count, size = 0, BLANK
    place = start
    while place < stop:
        code, width = _character(data, place, stop)
        blank = flags[at(code)] & SPACE != 0
        if blank and size == BLANK:
            place += width
            continue
        becomes = table[at(code)]
        if becomes >= 0:
            state = _mixed(state, becomes)
            count += 1
        elif becomes == SIGMA:
            state = _mixed(state, _small_sigma(data, start, stop, place, flags))
            count += 1
        elif becomes == DOTTED:
            state = _mixed(_mixed(state, SMALL_I), DOT_ABOVE)
            count += 2
        place += width
        end = end if blank else state
        size = size if blank else count
    return end, size


@kernel
def _small_sigma(data: Bytes, start: int, stop: int, place: int, flags: Flags) -> int:
    """The small form of a capital sigma: another at the end of a word, as `str.lower` has it."""
    before, prop = place, np.uint32(IGNORABLE)
    while before > start and prop & IGNORABLE:
        before -= 1
        while before > start and data[before] & 0xC0 == 0x80:
            before -= 1
        prop = flags[_character(data, before, stop)[0]]
    if not prop & CASED:
        return 0x3C3
    after, prop = place + 2, np.uint32(IGNORABLE)
    while after < stop and prop & IGNORABLE:
        code, width = _character(data, after, stop)
        prop = flags[code]
        after += width
    return 0x3C3 if prop & CASED else 0x3C2


@kernel
def repeats(found: Units, shortest: int, again: Bytes) -> None:
    """Writes 1 for every unit that its document has had before, else 0; not for shorter ones."""
    hashes, sizes, _, _, firsts = found
    most = 0
    for document in range(len(firsts) - 1):
        most = max(most, firsts[document + 1] - firsts[document])
    # A slot of an earlier document holds a smaller number than this one's first: it is empty.
    slots = np.full(_slots(most), -1, np.int64)
    for document in range(len(firsts) - 1):
        first = firsts[document]
        mask = np.uint64(_slots(firsts[document + 1] - first) - 1)
        for unit in range(first, firsts[document + 1]):
            again[unit] = 0
            if sizes[unit] < shortest:
                continue
            place = place_of(hashes[unit], mask)
            while slots[place] >= first and hashes[slots[place]] != hashes[unit]:
                place = (place + _ONE) & mask
            again[unit] = slots[place] >= first
            if slots[place] < first:
                slots[place] = unit


@inlined
def _slots(units: int) -> int:
    size = 4
    while size < 2 * units:
        size *= 2
    return size


@kernel
def find(wanted: Hashes, table: Hashes, places: Longs) -> None:
    """Writes where in a sorted table every hash stands, -1 if it does not.

    Hashes are spread evenly, so a guess by proportion is hardly ever off by more than the square
    root of what is left; the rest is halved, for tables that somebody has made uneven.
    """
    for k in range(len(wanted)):
        key = wanted[k]
        low, high = 0, len(table)
        for _ in range(4):
            if high - low <= 16:
                break
            left, right = _guess(key, table, low, high)
            if table[at(right)] < key:
                low = right + 1
            elif table[at(left)] < key:
                low, high = left + 1, right
            else:
                high = left
        while low < high:
            middle = (low + high) >> 1
            if table[at(middle)] < key:
                low = middle + 1
            else:
                high = middle
        places[k] = low if low < len(table) and table[at(low)] == key else -1


@inlined
def _guess(key: np.uint64, table: Hashes, low: int, high: int) -> tuple[int, int]:
    """Between which places of table[low:high] a hash probably is."""
    first, last = table[at(low)], table[at(high - 1)]
    share = 0.0
    if key > first:
        share = np.float64(key - first) / np.float64(max(last, key) - first)
    middle = low + int(share * np.float64(high - 1 - low))
    off = int(np.sqrt(np.float64(high - low))) + 1
    return max(low, middle - off), min(high - 1, middle + off)
