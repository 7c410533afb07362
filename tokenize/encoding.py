"""Texts to ids: each text is cut where no piece reaches across, and each part encoded once.

What a part became is remembered, by its bytes: of a hundred parts ninety-five were there before.
Whatever is remembered, the ids are those that the library gives.
"""

from __future__ import annotations

from threading import Lock

import numpy as np

from tamis.tokenize.arrays import Bytes, Encoded, Ids, Ints, Keys, Longs
from tamis.tokenize.compiled import at, eight_bytes, inlined, kernel, signed
from tamis.tokenize.merging import FEW, merge_few, merge_many
from tamis.tokenize.tables import Tables, code_at, joined, width

_SLOTS = 1 << 17
_WORDS = 8
"""Of a slot, which is a line of the processor's cache: the bytes of a part in five, zeros behind
them; then in three its ids, of 21 bits, the first of all in the lowest. Above the last ones are the
number of bytes, in 6 bits, and that of ids, in 4; both are 0 in an empty slot."""
_LONGEST, _MOST = 40, 8
"""Bytes and ids of a part that is remembered."""
_ID = np.uint64((1 << 21) - 1)
_FACTS = np.uint64(42)
_ONE, _ALL = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_CUTS = 1024
_ROOM = 2
"""Of ids behind the last one, which copying three at once writes to."""


class Encoder:
    """Encodes texts by a vocabulary's tables; one call after the other, whatever the threads."""

    def __init__(self, tables: Tables, dtype: np.dtype[np.unsignedinteger]) -> None:
        self.tables, self.dtype = tables, dtype
        self._memory = np.zeros(_SLOTS * _WORDS, np.uint64)
        self._used = np.zeros(1, np.int64)
        self._lock = Lock()

    def encode(self, data: Bytes, offsets: Longs, bos: int = -1, eos: int = -1) -> Encoded:
        """The ids of texts in valid UTF-8; bos and eos go around each unless they are -1."""
        texts = len(offsets) - 1
        most = int(offsets[-1] - offsets[0]) + texts * ((bos >= 0) + (eos >= 0))
        ids: Ids = np.empty(most + _ROOM, self.dtype)
        ends = np.empty(texts, np.int64)
        with self._lock:
            count = _encode(
                data, offsets, bos, eos, self.tables, self._memory, self._used, ids, ends
            )
        return Encoded(ids[:count].copy(), ends)


@kernel
def _encode(
    data: Bytes,
    offsets: Longs,
    bos: int,
    eos: int,
    tables: Tables,
    memory: Keys,
    used: Longs,
    ids: Ids,
    ends: Longs,
) -> int:
    """Writes ids, and where each text ends among them; gives how many there are."""
    characters, pairs, plain, joins, bytes_, size = tables
    symbols, starts = np.empty(FEW, np.int32), np.empty(FEW, np.int32)
    found, key = np.empty(FEW, np.uint64), np.zeros(5, np.uint64)
    cuts = np.empty(_CUTS + 1, np.int64)
    count = 0
    for text in range(len(ends)):
        place, stop = offsets[text], offsets[text + 1]
        if bos >= 0:
            ids[at(count)] = bos
            count += 1
        while place < stop:
            for part in range(_cut(data, place, stop, plain, joins, cuts)):
                begin, place = place, cuts[at(part)]
                first = data[at(begin)]
                if place - begin == 1 and 0 <= characters[at(first)] < size:
                    ids[at(count)] = characters[at(first)]
                    count += 1
                    continue
                where, known = np.uint64(0), 0
                if place - begin <= _LONGEST:
                    _key(data, begin, place, key)
                    where, known = _recall(key, place - begin, memory)
                if known:
                    count = _copied(memory, where, known, ids, count)
                    continue
                before = count
                letters = _letters(data, begin, place)
                if letters > len(symbols):
                    symbols, starts = np.empty(letters, np.int32), np.empty(letters, np.int32)
                left = _symbols(data, begin, place, characters, symbols, starts)
                if letters <= FEW:
                    left = merge_few(symbols, starts, left, pairs, found)
                else:
                    left = merge_many(symbols, starts, left, pairs)
                count = _write(data, begin, place, symbols, starts, left, bytes_, size, ids, count)
                if place - begin <= _LONGEST and count - before <= _MOST:
                    _remember(key, place - begin, ids, before, count, where, memory, used)
        if eos >= 0:
            ids[at(count)] = eos
            count += 1
        ends[text] = count
    return count


@inlined
def _cut(data: Bytes, place: int, stop: int, plain: Bytes, joins: Keys, cuts: Longs) -> int:
    """Writes where the next parts of a text end; gives how many they are.

    Whether a part ends at a place cannot be guessed, so nothing branches on it: every place is
    written, over the one before if no part ended there.
    """
    mask = np.uint64(len(joins) - 1)
    code = code_at(data, place)
    place += width(data[at(place)])
    count = 0
    while place < stop and count < _CUTS:
        byte = data[at(place)]
        cuts[at(count)] = place
        if (byte | code) < 128:
            count += 1 - signed(plain[at(128 * code + byte)])
            code = signed(byte)
            place += 1
        else:
            after = code_at(data, place)
            count += 1 - signed(joined(code, after, joins, mask))
            code = after
            place += width(byte)
    if count < _CUTS:
        cuts[at(count)] = stop
        count += 1
    return count


@inlined
def _key(data: Bytes, begin: int, stop: int, key: Keys) -> None:
    """Writes the bytes of a part, 40 at most, as words; those behind its last are left alone."""
    place = begin
    while place < stop:
        size = min(stop - place, 8)
        if place + 8 <= len(data):
            key[at((place - begin) >> 3)] = eight_bytes(data, place) & _ALL >> at(64 - 8 * size)
        else:
            value = np.uint64(0)
            for k in range(size):
                value |= np.uint64(data[at(place + k)]) << at(8 * k)
            key[at((place - begin) >> 3)] = value
        place += 8


@inlined
def _first(key: Keys, size: int, memory: Keys) -> np.uint64:
    """The slot to look at first."""
    mixed = key[0] * _MIX
    for word in range(1, (size + 7) >> 3):
        mixed = (mixed ^ (mixed >> at(32)) ^ key[at(word)]) * _MIX
    mixed = (mixed ^ (mixed >> at(29))) * _MIX >> at(40)
    return np.uint64(mixed & np.uint64(len(memory) // _WORDS - 1))


@inlined
def _recall(key: Keys, size: int, memory: Keys) -> tuple[np.uint64, int]:
    """The slot of a part, and how many ids it became; the slot where it belongs, and 0."""
    mask = np.uint64(len(memory) // _WORDS - 1)
    slot = _first(key, size, memory)
    while True:
        where = slot * np.uint64(_WORDS)
        facts = memory[where + at(7)] >> _FACTS
        if not facts:
            return where, 0
        same = (facts >> at(4) == np.uint64(size)) & (memory[where] == key[0])
        for word in range(1, (size + 7) >> 3):
            same &= memory[where + at(word)] == key[at(word)]
        if same:
            return where, signed(facts & at(15))
        slot = (slot + _ONE) & mask


@inlined
def _copied(memory: Keys, where: np.uint64, known: int, ids: Ids, count: int) -> int:
    """Writes the ids of a slot, the first three at once: behind the last there is room."""
    word = memory[where + at(5)]
    ids[at(count)] = word & _ID
    ids[at(count + 1)] = word >> at(21) & _ID
    ids[at(count + 2)] = word >> at(42) & _ID
    for k in range(3, known):
        ids[at(count + k)] = memory[where + at(5 + k // 3)] >> at(21 * (k % 3)) & _ID
    return count + known


@kernel
def _letters(data: Bytes, begin: int, stop: int) -> int:
    """How many characters a part has."""
    letters = 0
    for place in range(begin, stop):
        letters += (data[at(place)] & 0xC0) != 0x80
    return letters


@kernel
def _symbols(
    data: Bytes, begin: int, stop: int, characters: Ints, symbols: Ints, starts: Ints
) -> int:
    """The characters of a part as symbols, and where each begins in it."""
    place, count = begin, 0
    while place < stop:
        symbols[at(count)] = characters[at(code_at(data, place))]
        starts[at(count)] = place - begin
        place += width(data[at(place)])
        count += 1
    return count


@kernel
def _write(
    data: Bytes,
    begin: int,
    stop: int,
    symbols: Ints,
    starts: Ints,
    left: int,
    bytes_: Ints,
    size: int,
    ids: Ids,
    count: int,
) -> int:
    """Writes the ids of symbols: of one that is no piece those of its bytes."""
    for k in range(left):
        if 0 <= symbols[at(k)] < size:
            ids[at(count)] = symbols[at(k)]
            count += 1
            continue
        end = begin + starts[at(k + 1)] if k + 1 < left else stop
        for place in range(begin + starts[at(k)], end):
            ids[at(count)] = bytes_[at(data[at(place)])]
            count += 1
    return count


@kernel
def _remember(
    key: Keys,
    size: int,
    ids: Ids,
    before: int,
    count: int,
    where: np.uint64,
    memory: Keys,
    used: Longs,
) -> None:
    """Keeps what a part became, in the slot where it belongs; a full memory is emptied first."""
    if used[0] >= len(memory) // _WORDS // 2:
        memory[:] = 0
        used[0] = 0
        where = _first(key, size, memory) * np.uint64(_WORDS)
    used[0] += 1
    for word in range((size + 7) >> 3):
        memory[where + at(word)] = key[word]
    for k in range(count - before):
        memory[where + at(5 + k // 3)] |= np.uint64(ids[before + k]) << at(21 * (k % 3))
    facts = np.uint64(size) << np.uint64(4) | np.uint64(count - before)
    memory[where + at(7)] |= facts << _FACTS
