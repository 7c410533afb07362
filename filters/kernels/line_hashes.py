"""Lines and paragraphs of a document, each by the hash of its normalised form, and texts without
some of them.

A unit is hashed as its characters come out of a form, so nothing normalised is ever written. The
hash is 64 bits, a multiplication and a shift a character. Collisions can be built by whoever wants
them: they make a line look like another that everybody may as well have copied, no more.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Hashes, Ints, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.edits import Edited, Texts
from tamis.filters.kernels.hashes import BASE, place_of
from tamis.filters.kernels.kept import kept
from tamis.filters.kernels.unicode_tables import CASED, IGNORABLE, LAST, SPACE, assigned

FORMS = ("ccnet", "exact")
PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
"""What `ccnet` deletes besides control characters; of `１` it makes a 0 before."""
BLANK = -1
"""The size of what is nothing but whitespace."""
NEWLINE = 0x0A
_DELETED, _SIGMA, _DOTTED = -1, -2, -3
_ZERO, _DOTTED_I = 0x30, 0x130
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


class _Form(NamedTuple):
    becomes: Ints
    """Of every code point: what it becomes, or what else is done with it."""


@lru_cache
def form_table(form: str) -> Ints:
    """What a form makes of every code point; ValueError for one that is none of FORMS."""
    if form not in FORMS:
        raise ValueError(f"No form of lines is called {form!r}; there are {FORMS}.")
    if form == "exact":
        return np.arange(LAST, dtype=np.int32)
    return kept("lines-ccnet", _Form, _make).becomes


def _make() -> _Form:
    becomes = np.arange(LAST, dtype=np.int32)
    for code in assigned():
        becomes[code] = _become(chr(code))
    return _Form(becomes)


def _become(char: str) -> int:
    if char == "\u03a3":
        return _SIGMA
    if ord(char) == _DOTTED_I:
        return _DOTTED  # i and a dot above: the one character whose lower case is two
    lower = char.lower()
    if lower.isdecimal():
        return _ZERO
    if lower in PUNCTUATION or unicodedata.category(lower) == "Cc":
        return _DELETED
    return ord(lower)


def units(source: Texts, form: str, paragraphs: bool, blank: bool) -> Units:
    """The units of every text: lines between newlines, or paragraphs between blank lines.

    blank: lines of nothing but whitespace are units too; they never are among paragraphs. A text
    without a character has no unit.
    """
    from tamis.filters.kernels.unicode_tables import tables

    first, last = int(source.ends[0]), int(source.ends[-1])
    most = int(np.count_nonzero(source.data[first:last] == NEWLINE)) + len(source.ends)
    found = Units(
        np.empty(most, np.uint64),
        np.empty(most, np.int32),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(len(source.ends), np.int64),
    )
    table = form_table(form)
    number = hash_units(source.data, source.ends, table, tables().flags, paragraphs, blank, found)
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
        elif becomes == _SIGMA:
            state = _mixed(state, _small_sigma(data, start, stop, place, flags))
            count += 1
        elif becomes == _DOTTED:
            state = _mixed(_mixed(state, 0x69), 0x307)
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


@kernel
def edit(
    data: Bytes, ends: Longs, found: Units, dropped: Bytes, counts: Longs, done: Edited
) -> None:
    """Writes every text without its dropped units.

    Between units that were no neighbours a blank line stays if there was any. counts: units, units
    dropped, their bytes and the bytes of the text that is left; texts x 4.
    """
    for document in range(len(ends) - 1):
        row = counts[document]
        first, last = found.firsts[document], found.firsts[document + 1]
        row[0] = last - first
        for unit in range(first, last):
            row[1] += dropped[unit]
            row[2] += (found.stops[unit] - found.starts[unit]) * dropped[unit]
        place = begin = done.ends[document]
        if row[1]:
            place = _write(data, ends[document], ends[document + 1], found, dropped, document, done)
        row[3] = place - begin if row[1] else ends[document + 1] - ends[document]
        done.changed[document] = row[1] > 0
        done.ends[document + 1] = place


@kernel
def _write(
    data: Bytes, start: int, stop: int, found: Units, dropped: Bytes, document: int, done: Edited
) -> int:
    """Writes one text; gives where it ends."""
    place = done.ends[document]
    behind, whole, blank = start, True, False  # of what stands before the next unit
    alone = True
    for unit in range(found.firsts[document], found.firsts[document + 1]):
        from_, to = found.starts[unit], found.stops[unit]
        blank |= from_ - behind > 1
        if dropped[unit]:
            behind, whole = to, False
            continue
        if whole:
            place = _copy(data, behind, from_, done.data, place)
        elif not alone:
            for _ in range(1 + blank):
                done.data[place] = NEWLINE
                place += 1
        place = _copy(data, from_, to, done.data, place)
        behind, whole, blank, alone = to, True, False, False
    return _copy(data, behind, stop, done.data, place) if whole else place


@kernel
def _copy(data: Bytes, start: int, stop: int, target: Bytes, place: int) -> int:
    for k in range(start, stop):
        target[at(place)] = data[at(k)]
        place += 1
    return place
