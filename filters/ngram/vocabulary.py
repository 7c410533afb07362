"""The numbers of words: a hash table by KenLM's hash, and the words themselves while it grows."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Hashes, Longs
from tamis.filters.kernels.compiled import at, kernel, signed
from tamis.filters.kernels.murmur import murmur
from tamis.filters.ngram.levels import END, SPECIAL, UNKNOWN

RESERVED = (*SPECIAL, b"<UNK>")
"""No words of a text when a model is made, as for lmplz: they are unknown there."""
FULL = -1
_FIRST = 1 << 14


class Words(NamedTuple):
    """What kernels are given of a vocabulary."""

    keys: Hashes
    """The hash of the word at every slot, 0 where it is empty. A word's slot is its hash modulo
    the number of slots, or the next empty one: as in KenLM the hash alone decides."""
    ids: Flags
    pool: Bytes
    """The words that were added, one after another."""
    ends: Longs
    """Where they end in pool, by number; of the special ones, 0."""
    size: Longs
    """How many numbers there are, as the only item; 0 if words that are not there are unknown."""


class Vocabulary:
    """Words and their numbers; UNKNOWN for those that it does not have.

    Of a model, when its arrays are given (see Words; at least one slot empty; copied if they cannot
    be written to, as kernels ask for that). Else it grows: a word not seen before gets the next
    number, from 3 on; RESERVED ones are unknown.
    """

    words_of: Words

    def __init__(self, keys: Hashes | None = None, ids: Flags | None = None) -> None:
        none = np.zeros(0, np.uint8), np.zeros(1, np.int64), np.zeros(1, np.int64)
        if keys is not None and ids is not None:
            keys = np.require(keys, np.uint64, ["C", "W"])
            self.words_of = Words(keys, np.require(ids, np.uint32, ["C", "W"]), *none)
            return
        self.words_of = Words(
            np.zeros(2 * _FIRST, np.uint64),
            np.zeros(2 * _FIRST, np.uint32),
            np.empty(8 * _FIRST, np.uint8),
            np.zeros(_FIRST, np.int64),
            np.array([len(SPECIAL)], np.int64),
        )
        _reserve(self.words_of, RESERVED)

    @property
    def grows(self) -> bool:
        """Whether new words are added."""
        return bool(self.words_of.size[0])

    def words(self) -> list[bytes]:
        """The words of a vocabulary that grows, by number, from the special ones on."""
        pool = self.words_of.pool.tobytes()
        ends = self.words_of.ends[END : int(self.words_of.size[0])].tolist()
        return [*SPECIAL, *(pool[a:b] for a, b in pairwise(ends))]

    def enlarge(self) -> None:
        """Makes twice the room."""
        old = self.words_of
        keys = np.zeros(2 * len(old.keys), np.uint64)
        ids = np.zeros(len(keys), np.uint32)
        _rehash(old.keys, old.ids, keys, ids)
        pool = np.empty(2 * len(old.pool), np.uint8)
        ends = np.zeros(2 * len(old.ends), np.int64)
        pool[: len(old.pool)], ends[: len(old.ends)] = old.pool, old.ends
        self.words_of = Words(keys, ids, pool, ends, old.size)


def _reserve(words: Words, reserved: tuple[bytes, ...]) -> None:
    for word in reserved:
        data = np.frombuffer(word, np.uint8)
        key = np.uint64(murmur(data, 0, len(data)))
        slot = _slot(key, words.keys)
        words.keys[slot], words.ids[slot] = key, UNKNOWN


@kernel
def _slot(key: np.uint64, keys: Hashes) -> int:
    """Where a hash is, or the empty slot where it would be."""
    slot = signed(key % np.uint64(len(keys)))
    while keys[at(slot)] != key and keys[at(slot)] != 0:
        slot = slot + 1 if slot + 1 < len(keys) else 0
    return slot


@kernel
def _rehash(old_keys: Hashes, old_ids: Flags, keys: Hashes, ids: Flags) -> None:
    for place in range(len(old_keys)):
        if old_keys[place] != 0:
            slot = _slot(old_keys[place], keys)
            keys[slot] = old_keys[place]
            ids[slot] = old_ids[place]


@kernel
def number(
    data: Bytes,
    start: int,
    stop: int,
    keys: Hashes,
    ids: Flags,
    pool: Bytes,
    ends: Longs,
    count: Longs,
) -> int:
    """The number of the word data[start:stop], after it is added if the vocabulary grows.

    FULL if there is no room for it. A word whose hash is 0 is unknown.
    """
    key = murmur(data, start, stop)
    slot = _slot(key, keys)
    if keys[slot] == key or count[0] == 0:
        return int(ids[slot])
    new = count[0]
    before = ends[new - 1]
    after = before + stop - start
    if 2 * (new + 2) > len(keys) or new >= len(ends) or after > len(pool):
        return FULL
    for k in range(stop - start):
        pool[before + k] = data[start + k]
    ends[new] = after
    keys[slot] = key
    ids[slot] = new
    count[0] = new + 1
    return int(new)
