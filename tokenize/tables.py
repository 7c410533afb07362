"""What a BPE vocabulary is made into, so that a text can be encoded without a string in sight.

Three things are asked of a vocabulary while a text is read: the id of a character; what two symbols
that stand side by side become, and how early; and whether two characters stand side by side inside
any piece at all. Where they do not, no merge ever crosses: what is left of that place and what is
right of it are encoded as if they were texts of their own. That is what encoding is fast by: the
parts are words and ends of words, the same ones again and again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.tokenize.arrays import Bytes, Ints, Keys, Longs
from tamis.tokenize.compiled import at, inlined, kernel, signed

NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
"""No key, and what a pair becomes that is none."""
_CODES = 0x110000
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


class Tables(NamedTuple):
    """A vocabulary as kernels take it."""

    characters: Ints
    """Of every code point the symbol: an id, a number from `size` on for one that is in pieces but
    is none itself, or -1."""
    pairs: Keys
    """Pairs of symbols, left << 32 | right, each followed by rank << 32 | id of what they become:
    an open table of 2^n such twos. The rank is that of the score, the highest first, equal ones
    alike."""
    plain: Bytes
    """Whether an ASCII character, 128 times the first, is followed by another in some piece."""
    joins: Keys
    """Other such pairs, first << 32 | second: an open table of 2^n."""
    bytes: Ints
    """The id of every byte."""
    size: int
    """How many ids there are."""


def tables(pieces: list[bytes], scores: npt.NDArray[np.float32], bytes_: Ints) -> Tables:
    """The tables of a vocabulary.

    pieces: what every id stands for; b"" for ids that no text gives, bytes and special ones.
    """
    characters, extra = _characters(pieces)
    symbols = [*pieces, *extra]
    data = np.frombuffer(b"".join(symbols) or b"\0", np.uint8)
    ends = np.cumsum([len(one) for one in symbols], dtype=np.int64)
    ranks = np.unique(-scores, return_inverse=True)[1].astype(np.int64)
    room = _power(2 * len(symbols))
    pairs, count = _pairs(data, ends, ranks, np.full(room, -1, np.int32), _open(2 * len(data)))
    plain = np.zeros(128 * 128, np.uint8)
    joins = _joins(data, ends, plain, _open(len(data))[:, 0].copy())
    return Tables(characters, _packed(pairs, count), plain, joins, bytes_, len(pieces))


def _characters(pieces: list[bytes]) -> tuple[Ints, list[bytes]]:
    """The symbol of every character; and those in pieces that are no pieces themselves."""
    alone = {piece.decode(): place for place, piece in enumerate(pieces) if piece}
    characters = np.full(_CODES, -1, np.int32)
    extra: list[bytes] = []
    for one in sorted(set("".join(alone))):
        if one not in alone:
            extra.append(one.encode())
        characters[ord(one)] = alone.get(one, len(pieces) + len(extra) - 1)
    return characters, extra


def _power(least: int) -> int:
    return 1 << max(least - 1, 15).bit_length()


def _open(items: int) -> Keys:
    """An open table for so many items, half empty."""
    return np.full((_power(2 * items), 2), NONE, np.uint64)


def _packed(pairs: Keys, count: int) -> Keys:
    """The same table in the room that it needs."""
    return _again(pairs, _open(count)).reshape(-1)


@inlined
def slot(key: np.uint64, mask: np.uint64) -> np.uint64:
    """Where to look for a key first."""
    mixed = (key ^ (key >> _HALF)) * _MIX
    return (mixed >> _HALF) & mask


@inlined
def becomes(left: int, right: int, pairs: Keys, mask: np.uint64) -> np.uint64:
    """rank << 32 | id of what two symbols become; NONE if they stay two."""
    key = np.uint64(left) << _HALF | np.uint64(right)
    place = slot(key, mask)
    while pairs[at(2 * place)] != key:
        if pairs[at(2 * place)] == NONE:
            return NONE
        place = (place + np.uint64(1)) & mask
    return np.uint64(pairs[at(2 * place + 1)])


@inlined
def joined(first: int, second: int, joins: Keys, mask: np.uint64) -> bool:
    """Whether two characters, one of them not ASCII, stand side by side in some piece."""
    key = np.uint64(first) << _HALF | np.uint64(second)
    place = slot(key, mask)
    while joins[at(place)] != key:
        if joins[at(place)] == NONE:
            return False
        place = (place + np.uint64(1)) & mask
    return True


@inlined
def width(byte: np.uint8) -> int:
    """How many bytes the character has that begins with this one."""
    return 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4


@inlined
def code_at(data: Bytes, place: int) -> int:
    """The character whose first byte is at a place, in valid UTF-8."""
    byte = signed(data[at(place)])
    if byte < 0x80:
        return byte
    second = signed(data[at(place + 1)]) & 0x3F
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | second
    third = signed(data[at(place + 2)]) & 0x3F
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | second << 6 | third
    return (byte & 0x07) << 18 | second << 12 | third << 6 | signed(data[at(place + 3)]) & 0x3F


@kernel
def _put(table: Keys, key: np.uint64, value: np.uint64) -> bool:
    """Puts a key into an open table; False if it was there."""
    mask = np.uint64(len(table) - 1)
    place = slot(key, mask)
    while table[place, 0] != NONE:
        if table[place, 0] == key:
            return False
        place = (place + np.uint64(1)) & mask
    table[place, 0], table[place, 1] = key, value
    return True


@kernel
def _again(table: Keys, into: Keys) -> Keys:
    for place in range(len(table)):
        if table[place, 0] != NONE:
            _put(into, table[place, 0], table[place, 1])
    return into


@kernel
def _hash(data: Bytes, start: int, stop: int) -> np.uint64:
    state = np.uint64(stop - start)
    for place in range(start, stop):
        state = (state ^ np.uint64(data[place])) * _MIX
    return state


@kernel
def _find(data: Bytes, ends: Longs, names: Ints, start: int, stop: int) -> int:
    """The place in an open table of symbols where data[start:stop] is, or would be."""
    mask = np.uint64(len(names) - 1)
    place = slot(_hash(data, start, stop), mask)
    while names[place] >= 0:
        one = names[place]
        begin = ends[one - 1] if one else 0
        if ends[one] - begin == stop - start:
            same = True
            for k in range(stop - start):
                same &= data[begin + k] == data[start + k]
            if same:
                break
        place = (place + np.uint64(1)) & mask
    return signed(place)


@kernel
def _pairs(data: Bytes, ends: Longs, ranks: Longs, names: Ints, table: Keys) -> tuple[Keys, int]:
    """Of every piece all ways to be made of two symbols."""
    for one in range(len(ends)):
        begin = ends[one - 1] if one else 0
        if ends[one] > begin:
            names[_find(data, ends, names, begin, ends[one])] = one
    count = 0
    for one in range(len(ranks)):
        begin = ends[one - 1] if one else 0
        middle = begin
        while middle < ends[one]:
            middle += width(data[middle])
            if middle >= ends[one]:
                break
            left = names[_find(data, ends, names, begin, middle)]
            right = names[_find(data, ends, names, middle, ends[one])]
            if left >= 0 and right >= 0:
                key = np.uint64(left) << _HALF | np.uint64(right)
                value = np.uint64(ranks[one]) << _HALF | np.uint64(one)
                count += _put(table, key, value)
    return table, count


@kernel
def _joins(data: Bytes, ends: Longs, plain: Bytes, table: Keys) -> Keys:
    """Every two characters that stand side by side in a piece."""
    mask = np.uint64(len(table) - 1)
    for one in range(len(ends)):
        place = ends[one - 1] if one else 0
        while place + width(data[place]) < ends[one]:
            first = code_at(data, place)
            place += width(data[place])
            second = code_at(data, place)
            if first < 128 and second < 128:
                plain[128 * first + second] = 1
                continue
            key = np.uint64(first) << _HALF | np.uint64(second)
            where = slot(key, mask)
            while table[where] != NONE and table[where] != key:
                where = (where + np.uint64(1)) & mask
            table[where] = key
    return table
