"""The rules by which a SentencePiece model rewrites text before it is segmented.

They are a trie over what is replaced, as a double array of Darts-clone, and replacements that end
with a zero. Of those that begin a text, the longest is replaced.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags
from tamis.filters.kernels.compiled import at, inlined, kernel, signed

LONGEST, MOST, WIDEST = 64, 1 << 20, 64
"""A rule's text in bytes, rules, and how many times as long a text may become: of nmt_nfkc 12,
220,000 and 13."""
MARK = (0xE2, 0x96, 0x81)
"""What stands for a space: U+2581."""
_FAULTS = ("", "are broken", "are too many or too long", "replace spaces")
_BROKEN, _MANY, _SPACES = 1, 2, 3
_SPACE = 0x20
_LEAF, _VALUE, _LABEL = 0x100, 0x7FFFFFFF, 0x800000FF


class Charsmap(NamedTuple):
    """The rules."""

    units: Flags
    """The double array; without rules, empty."""
    replacements: Bytes
    plain: Bytes
    """Of every byte, 1 if it is ASCII and no rule concerns it where no other than ASCII follows."""
    widest: int
    """A text becomes at most so many times as long, and three bytes."""


def charsmap(blob: bytes) -> Charsmap:
    """Reads precompiled rules; ValueError if they are broken, absurd, or concern spaces."""
    plain = (np.arange(256) < 0x80).astype(np.uint8)
    plain[_SPACE] = 0
    if not blob:
        return Charsmap(np.zeros(0, np.uint32), np.zeros(1, np.uint8), plain, 3)
    size = int.from_bytes(blob[:4], "little")
    if size % 1024 or not 1024 <= size < len(blob) - 4 or blob[-1]:
        raise ValueError("its normalisation rules are broken")
    units = np.frombuffer(blob, "<u4", size // 4, 4).astype(np.uint32)
    replacements = np.frombuffer(blob, np.uint8, -1, 4 + size).copy()
    widest = _walk(units, replacements, plain)
    if widest <= 0:
        raise ValueError(f"its normalisation rules {_FAULTS[-widest]}")
    return Charsmap(units, replacements, plain, max(widest, 3))


@kernel
def _walk(units: Flags, replacements: Bytes, plain: Bytes) -> int:
    """Goes through all rules; gives how many times as long a text may become, or minus the fault.

    A trie in circles is too long or too many: MOST times 256 steps at most.
    """
    nodes, tried = np.zeros(LONGEST + 1, np.int64), np.zeros(LONGEST + 1, np.int64)
    spaced = np.zeros(LONGEST + 2, np.bool_)
    depth, seen, widest = 0, 0, 1
    nodes[0] = _shift(units[0])
    while depth >= 0:
        if nodes[depth] >= len(units):
            return -_BROKEN
        tried[depth] += 1
        byte = tried[depth]
        if byte == 256:
            depth -= 1
            continue
        place = nodes[depth] ^ byte
        unit = units[place]
        if unit & _LABEL != byte:
            continue
        depth += 1
        seen += 1
        if seen > MOST or depth > LONGEST:
            return -_MANY
        nodes[depth], tried[depth] = place ^ _shift(unit), 0
        spaced[depth] = spaced[depth - 1] or byte == _SPACE
        if (depth == 2 and byte < 0x80) or (depth == 1 and unit & _LEAF):
            plain[tried[0]] = 0
        if unit & _LEAF:
            if spaced[depth]:
                return -_SPACES
            width = _width(nodes[depth], depth, units, replacements)
            if width <= 0:
                return width
            widest = max(widest, width)
    return widest


@kernel
def _width(leaf: int, length: int, units: Flags, replacements: Bytes) -> int:
    """How many times as long the replacement at a leaf is, a space as three bytes."""
    if leaf >= len(units) or units[leaf] & _VALUE >= len(replacements):
        return -_BROKEN
    place, size = np.int64(units[leaf] & _VALUE), 0
    while replacements[place] != 0 and size <= WIDEST * length:
        size += 3 if replacements[place] == _SPACE else 1
        place += 1
    return -_MANY if size > WIDEST * length else max(1, (size + length - 1) // length)


@inlined
def _shift(unit: np.uint32) -> int:
    return signed(unit >> np.uint32(10)) << signed((unit & np.uint32(0x200)) >> np.uint32(6))


@kernel
def rewrite(
    data: Bytes,
    start: int,
    stop: int,
    units: Flags,
    replacements: Bytes,
    plain: Bytes,
    out: Bytes,
) -> int:
    """Writes the text data[start:stop] as the model's pieces have it; gives its size in bytes.

    A U+2581 stands before every word: of spaces in a row, and of those at the ends, none is left.
    out holds at least Charsmap.widest * (stop - start) + 3.
    """
    size = mark = _mark(out, 0)
    place, spaced = start, True
    while place < stop:
        byte = data[at(place)]
        if plain[at(byte)] and (place + 1 == stop or data[at(place + 1)] < 0x80):
            out[at(size)] = byte
            size += 1
            place += 1
            spaced = False
            continue
        if byte == _SPACE:  # no rule begins with one
            size = size if spaced else _mark(out, size)
            spaced = True
            place += 1
            continue
        width, rule = _longest(data, place, stop, units)
        if width == 0:
            width = _valid(data, place, stop)
            if width == 0:
                out[size], out[size + 1], out[size + 2] = 0xEF, 0xBF, 0xBD  # U+FFFD
                size += 3
                width = 1
            else:
                for k in range(width):
                    out[at(size + k)] = data[at(place + k)]
                size += width
            spaced = False
        else:
            while replacements[rule] == _SPACE and spaced:
                rule += 1
            while replacements[rule] != 0:
                spaced = replacements[rule] == _SPACE
                if spaced:
                    size = _mark(out, size)
                else:
                    out[at(size)] = replacements[rule]
                    size += 1
                rule += 1
        place += width
    while size >= mark and (out[size - 3], out[size - 2], out[size - 1]) == MARK:
        size -= 3
    return size


@inlined
def _mark(out: Bytes, size: int) -> int:
    out[at(size)], out[at(size + 1)], out[at(size + 2)] = MARK
    return size + 3


@inlined
def _longest(data: Bytes, place: int, stop: int, units: Flags) -> tuple[int, int]:
    """How many bytes the longest rule replaces, 0 if none does, and where its replacement is."""
    width = rule = 0
    if len(units) == 0:
        return width, rule
    unit = units[0]
    node = _shift(unit)
    for k in range(place, stop):
        byte = data[at(k)]
        node ^= int(byte)
        unit = units[at(node)]
        if unit & _LABEL != byte:
            break
        node ^= _shift(unit)
        if unit & _LEAF:
            width, rule = k + 1 - place, int(units[at(node)] & _VALUE)
    return width, rule


@inlined
def _valid(data: Bytes, place: int, stop: int) -> int:
    """The width of the character at a place; 0 where no UTF-8 stands."""
    byte = int(data[at(place)])
    if byte < 0x80:
        return 1
    width = 2 if 0xC2 <= byte < 0xE0 else 3 if 0xE0 <= byte < 0xF0 else 4
    if byte < 0xC2 or byte > 0xF4 or place + width > stop:
        return 0
    for k in range(1, width):
        if data[at(place + k)] & 0xC0 != 0x80:
            return 0
    second = int(data[at(place + 1)])
    low = 0xA0 if byte == 0xE0 else 0x90 if byte == 0xF0 else 0x80
    high = 0x9F if byte == 0xED else 0x8F if byte == 0xF4 else 0xBF
    return width if low <= second <= high else 0
