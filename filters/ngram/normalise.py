"""A document as an n-gram model reads it: UTF-8 to UTF-8, in a form of normalise_tables."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Ints
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.unicode_tables import CASED, IGNORABLE, SPACE
from tamis.filters.ngram.normalise_tables import (
    BREAK,
    DROPPED,
    KEPT,
    KIND_BITS,
    MARKS,
    OTHER,
    SIGMA,
    SIZE_BITS,
    WIDEST,
    Form,
    tables,
)

SLACK = 8
_NEWLINE = 0x0A
_KIND, _SIZE = (1 << KIND_BITS) - 1, (1 << SIZE_BITS) - 1


def normalised(text: str, form: str) -> str:
    """A text in a form; in `fixed`, sentences stand between newlines.

    >>> normalised("Ein Café\\r\\n\\r\\n１２ „Größen“", "fixed")
    'ein cafe\\n00 "großen"'
    """
    data = np.frombuffer(text.encode(), np.uint8)
    out = np.empty(WIDEST * len(data) + SLACK, np.uint8)
    return out[: normalise(data, 0, len(data), tables(form), out)].tobytes().decode()


@kernel
def normalise(data: Bytes, start: int, stop: int, form: Form, out: Bytes) -> int:
    """Writes the normalised text of data[start:stop]; gives its size in bytes.

    out holds at least WIDEST * (stop - start) + SLACK. Bytes that are no UTF-8 are read as
    something, never beyond stop.
    """
    ascii_, entries, pool, flags = form.ascii, form.entries, form.pool, form.flags
    lines = form.lines[0] != 0
    if not lines:
        start, stop = _stripped(data, start, stop, flags)
    place, size, line = start, 0, 0
    while place < stop:
        byte = ascii_[at(data[at(place)])]
        if byte != OTHER:
            out[at(size)] = byte
            size += byte != 0
            place += 1
            continue
        code, width = _character(data, place, stop)
        entry = entries[at(code)]
        kind = entry & _KIND
        if kind == KEPT:
            for k in range(width):
                out[at(size + k)] = data[at(place + k)]
            size += width
        elif kind == MARKS:
            place, size = _marks(data, place, stop, entries, pool, form.combining, out, size)
            continue
        elif kind == BREAK:
            size = line = _close(out, line, size, flags)
        elif kind == SIGMA:
            out[at(size)] = 0xCF
            out[at(size + 1)] = 0x82 if _is_final(data, start, stop, place, flags) else 0x83
            size += 2
        else:
            size = _append(entry, pool, out, size)
        place += width
    if not lines:
        return size
    size = _close(out, line, size, flags)
    return size - 1 if size else 0


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
def _append(entry: int, pool: Bytes, out: Bytes, size: int) -> int:
    where = entry >> (KIND_BITS + SIZE_BITS)
    length = entry >> KIND_BITS & _SIZE
    for k in range(length):
        out[at(size + k)] = pool[at(where + k)]
    return size + length


@kernel
def _before(data: Bytes, start: int, place: int) -> int:
    """Where the character before a place begins; start < place."""
    place -= 1
    while place > start and data[place] & 0xC0 == 0x80:
        place -= 1
    return place


@kernel
def _stripped(data: Bytes, start: int, stop: int, flags: Flags) -> tuple[int, int]:
    """The range without whitespace at its ends."""
    while start < stop:
        code, width = _character(data, start, stop)
        if not flags[code] & SPACE:
            break
        start += width
    while start < stop:
        place = _before(data, start, stop)
        code, _ = _character(data, place, stop)
        if not flags[code] & SPACE:
            break
        stop = place
    return start, stop


@kernel
def _close(out: Bytes, line: int, size: int, flags: Flags) -> int:
    """Ends the line out[line:size] by a newline, stripped, unless it is empty; gives the size."""
    first, last = _stripped(out, line, size, flags)
    if first == last:
        return line
    for place in range(first, last) if first > line else range(0):
        out[place - first + line] = out[place]
    size = line + last - first
    out[size] = _NEWLINE
    return size + 1


@kernel
def _is_final(data: Bytes, start: int, stop: int, place: int, flags: Flags) -> bool:
    """Whether a capital sigma ends its word: a cased letter stands before it and none behind."""
    before, prop = place, IGNORABLE
    while before > start and prop & IGNORABLE:
        before = _before(data, start, before)
        prop = flags[_character(data, before, stop)[0]]
    if not prop & CASED:
        return False
    after, prop = place + 2, IGNORABLE
    while after < stop and prop & IGNORABLE:
        code, width = _character(data, after, stop)
        prop = flags[code]
        after += width
    return not prop & CASED


@kernel
def _marks(
    data: Bytes,
    place: int,
    stop: int,
    entries: Ints,
    pool: Bytes,
    combining: Bytes,
    out: Bytes,
    size: int,
) -> tuple[int, int]:
    """Writes characters with marks from a place on, the marks in order; gives the next place and
    the size.

    Marks are in canonical order when they come one after another by combining class, up to the next
    character that is none.
    """
    run, highest, disordered = size, 0, False
    while place < stop:
        code, width = _character(data, place, stop)
        entry = entries[code]
        if entry & _KIND != MARKS and entry & _KIND != DROPPED:
            break
        place += width
        end = _append(entry, pool, out, size)
        while size < end:
            mark, width = _character(out, size, end)
            rank = int(combining[mark])
            if rank == 0:
                if disordered:
                    _order(out, run, size, combining)
                run, highest, disordered = size + width, 0, False
            disordered |= 0 < rank < highest
            highest = max(highest, rank)
            size += width
    if disordered:
        _order(out, run, size, combining)
    return place, size


@kernel
def _order(out: Bytes, start: int, stop: int, combining: Bytes) -> None:
    """Sorts marks by combining class, equal ones as they stood, in linear time."""
    first = np.zeros(257, np.int64)
    place = start
    while place < stop:
        mark, width = _character(out, place, stop)
        first[combining[mark] + 1] += width
        place += width
    for rank in range(1, 257):
        first[rank] += first[rank - 1]
    marks = out[start:stop].copy()
    place = 0
    while place < len(marks):
        mark, width = _character(marks, place, len(marks))
        rank = combining[mark]
        for k in range(width):
            out[start + first[rank] + k] = marks[place + k]
        first[rank] += width
        place += width
