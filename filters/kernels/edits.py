"""Edited texts: from the buffers of one Arrow column to those of another, no object a document."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tamis.filters.kernels.arrays import Bytes, Flags, Ints, Longs
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.kernels.unicode_tables import SPACE


class Texts(NamedTuple):
    """A column of texts: the one of index i is data[ends[i]:ends[i + 1]]."""

    data: Bytes
    ends: Longs


class Room(NamedTuple):
    """Where one document is decoded to; both hold at least its number of bytes."""

    codes: Ints
    props: Flags


class Edited(NamedTuple):
    """Edited texts as they are written: `data` as large as the texts, `ends` one more than these.

    An edit only ever takes characters away or puts a newline for a longer line end.
    """

    data: Bytes
    ends: Longs
    changed: Bytes


def texts(column: pa.LargeStringArray) -> Texts:
    """The buffers of a column without nulls, not copied; read-only, however Arrow made them.

    Kernels are compiled for one of both kinds of arrays, and anew for the other.
    """
    _, ends, data = column.buffers()
    found = Texts(np.frombuffer(data or b"", np.uint8), np.zeros(1, np.int64))
    if len(column):
        places = np.frombuffer(ends, np.int64)[column.offset : column.offset + len(column) + 1]
        found = found._replace(ends=places)
    for part in found:
        part.flags.writeable = False
    return found


def room(source: Texts) -> Room:
    """Room for the longest of the texts; the memory is only touched as far as it is used."""
    longest = int(np.diff(source.ends).max(initial=0))
    return Room(np.empty(longest, np.int32), np.empty(longest, np.uint32))


def edited(source: Texts) -> Edited:
    """Room for the edited texts."""
    number = len(source.ends) - 1
    size = int(source.ends[-1] - source.ends[0])
    return Edited(
        np.empty(size, np.uint8), np.zeros(number + 1, np.int64), np.zeros(number, np.uint8)
    )


def column(done: Edited) -> pa.LargeStringArray:
    """The edited texts as an Arrow column, null where an edit changed nothing."""
    valid = np.packbits(done.changed, bitorder="little")
    used = done.data[: done.ends[-1]]
    buffers: list[Any] = [pa.py_buffer(array) for array in (valid, done.ends, used)]
    return pa.LargeStringArray.from_buffers(len(done.changed), buffers[1], buffers[2], buffers[0])


@kernel
def write(codes: Ints, start: int, stop: int, data: Bytes, place: int) -> int:
    """Writes codes[start:stop] as UTF-8 into data from a place; gives where it ends."""
    for k in range(start, stop):
        code = codes[at(k)]
        if code < 0x80:
            data[at(place)] = code
            place += 1
            continue
        width = 2 if code < 0x800 else 3 if code < 0x10000 else 4
        for tail in range(width - 1, 0, -1):
            data[place + tail] = 0x80 | (code & 0x3F)
            code >>= 6
        data[place] = (0xF00 >> width) & 0xFF | code
        place += width
    return place


@kernel
def finish(done: Edited, number: int, place: int, data: Bytes, start: int, stop: int) -> None:
    """Ends an edited text, written up to a place; takes it back if it equals data[start:stop]."""
    begin = done.ends[number]
    same = place - begin == stop - start
    k = 0
    while same and k < stop - start:
        same = done.data[at(begin + k)] == data[at(start + k)]
        k += 1
    done.changed[number] = 0 if same else 1
    done.ends[number + 1] = begin if same else place


@kernel
def left(props: Flags, start: int, stop: int) -> int:
    """The start of props[start:stop] without its leading whitespace."""
    while start < stop and props[start] & SPACE:
        start += 1
    return start


@kernel
def right(props: Flags, start: int, stop: int) -> int:
    """The stop of props[start:stop] without its trailing whitespace."""
    while stop > start and props[stop - 1] & SPACE:
        stop -= 1
    return stop


@kernel
def has_words(props: Flags, start: int, stop: int, number: int) -> bool:
    """Whether str.split finds at least so many words in props[start:stop]."""
    spaced = True
    for place in range(start, stop):
        if number <= 0:
            return True
        space = props[place] & SPACE != 0
        number -= spaced & (not space)
        spaced = space
    return number <= 0
