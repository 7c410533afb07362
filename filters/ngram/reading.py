"""The kernel behind tokens.Tokens: normalises, segments and numbers documents, one after another.

Most words of a text occurred before, so what became of them is kept by their bytes: a look-up
instead of rules, a search and as many look-ups as there are pieces. When anything is too small for
a document, the kernel stops before it and says what; what was kept or added stays true.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Hashes, Ints, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.ngram.charsmap import rewrite
from tamis.filters.ngram.normalise import normalise
from tamis.filters.ngram.normalise_tables import Form
from tamis.filters.ngram.unigram import Search, Trie, segment
from tamis.filters.ngram.vocabulary import FULL, Words, number

DOCUMENTS, TOKENS, SENTENCES, NEEDED = range(4)
"""Places in what tells the progress: how much was read, and the size of what is too small."""
DONE, IDS, _, VOCABULARY, WORD = range(5)
"""Why the kernel stops; or SENTENCES."""
_SPACE, _NEWLINE = 0x20, 0x0A
_SLOTS, _BYTES, _IDS = 1 << 18, 1 << 21, 1 << 19
_LONGEST = 64
_SEED, _FACTOR = np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15)
_HIGH, _ONE = np.uint64(32), np.uint64(1)


class Model(NamedTuple):
    """What tells how text becomes tokens: normalise_tables.Form, charsmap.Charsmap, unigram.Trie."""

    form: Form
    units: Flags
    replacements: Bytes
    widest: int
    trie: Trie
    pieces: bool
    """Else tokens are words."""


class Room(NamedTuple):
    """Room for a word, longer than what it becomes."""

    word: Bytes
    search: Search


class Cache(NamedTuple):
    """What became of words up to _LONGEST bytes; emptied when it is full."""

    keys: Hashes
    """Hashes of words, 0 where a slot is empty."""
    entries: Ints
    """Of every slot four items: where its word starts in `words`, its size, where its numbers start
    in `ids`, how many they are."""
    words: Bytes
    ids: Flags
    used: Longs
    """How many words, bytes and numbers there are."""


def cache() -> Cache:
    """An empty one."""
    return Cache(
        np.zeros(_SLOTS, np.uint64),
        np.empty(4 * _SLOTS, np.int32),
        np.empty(_BYTES, np.uint8),
        np.empty(_IDS, np.uint32),
        np.zeros(3, np.int64),
    )


@kernel
def read_documents(
    data: Bytes,
    offsets: Longs,
    model: Model,
    words: Words,
    kept: Cache,
    text: Bytes,
    room: Room,
    ids: Flags,
    ends: Longs,
    documents: Longs,
    progress: Longs,
) -> int:
    """Reads on from progress; gives DONE or why it stopped.

    text: room for the longest document, normalised. ids, ends, documents: see Tokens.read.
    """
    for document in range(progress[DOCUMENTS], len(offsets) - 1):
        size = normalise(data, offsets[document], offsets[document + 1], model.form, text)
        tokens, sentences = progress[TOKENS], progress[SENTENCES]
        reason, tokens, sentences = _read(
            text, size, model, words, kept, room, ids, ends, tokens, sentences, progress
        )
        if reason != DONE:
            return reason
        progress[DOCUMENTS], progress[TOKENS], progress[SENTENCES] = document + 1, tokens, sentences
        documents[document + 1] = sentences
    return DONE


@kernel
def _read(
    text: Bytes,
    size: int,
    model: Model,
    words: Words,
    kept: Cache,
    room: Room,
    ids: Flags,
    ends: Longs,
    tokens: int,
    sentences: int,
    progress: Longs,
) -> tuple[int, int, int]:
    """Reads a normalised text; gives DONE or why it stopped, and how many tokens and sentences."""
    keys, entries, kept_words, kept_ids = kept.keys, kept.entries, kept.words, kept.ids
    place, first = 0, tokens
    while place <= size:
        byte = text[at(place)] if place < size else np.uint8(_NEWLINE)
        if byte == _NEWLINE and tokens > first:
            if sentences == len(ends):
                return SENTENCES, tokens, sentences
            ends[at(sentences)] = tokens
            sentences += 1
            first = tokens
        if byte == _NEWLINE or byte == _SPACE:
            place += 1
            continue
        start, key = place, _SEED
        while place < size and text[at(place)] != _SPACE and text[at(place)] != _NEWLINE:
            key = (key ^ np.uint64(text[at(place)])) * _FACTOR
            place += 1
        key = (key ^ (key >> _HIGH)) | _ONE
        slot = _find(text, start, place, key, keys, entries, kept_words)
        if keys[at(slot)] == 0:
            count = _number(text, start, place, model, words, room, ids, tokens, progress)
            if count < 0:
                return -count, tokens, sentences
            _keep(text, start, place, key, slot, ids, tokens, count, kept)
        else:
            where, count = entries[at(4 * slot + 2)], entries[at(4 * slot + 3)]
            if tokens + count > len(ids):
                return IDS, tokens, sentences
            for k in range(count):
                ids[at(tokens + k)] = kept_ids[at(where + k)]
        tokens += count
    return DONE, tokens, sentences


@inlined
def _find(
    text: Bytes, start: int, stop: int, key: np.uint64, keys: Hashes, entries: Ints, words: Bytes
) -> int:
    """The slot of a word, or the empty one where it would be."""
    slot = np.int64(key >> np.uint64(40)) & (_SLOTS - 1)
    size = stop - start
    while keys[at(slot)] != 0:
        if keys[at(slot)] == key and entries[at(4 * slot + 1)] == size:
            where = entries[at(4 * slot)]
            k = 0
            while k < size and words[at(where + k)] == text[at(start + k)]:
                k += 1
            if k == size:
                break
        slot = (slot + 1) & (_SLOTS - 1)
    return slot


@kernel
def _keep(
    text: Bytes,
    start: int,
    stop: int,
    key: np.uint64,
    slot: int,
    ids: Flags,
    first: int,
    count: int,
    kept: Cache,
) -> None:
    """Keeps what a word became, in an empty slot; where there is no room, empties the cache."""
    size, used = stop - start, kept.used
    if size > _LONGEST:
        return
    if 2 * used[0] >= _SLOTS or used[1] + size > _BYTES or used[2] + count > _IDS:
        kept.keys[:] = 0
        used[:] = 0
        return
    kept.keys[slot] = key
    kept.entries[4 * slot], kept.entries[4 * slot + 1] = used[1], size
    kept.entries[4 * slot + 2], kept.entries[4 * slot + 3] = used[2], count
    for k in range(size):
        kept.words[used[1] + k] = text[start + k]
    for k in range(count):
        kept.ids[used[2] + k] = ids[first + k]
    used[0] += 1
    used[1] += size
    used[2] += count


@kernel
def _number(
    text: Bytes,
    start: int,
    stop: int,
    model: Model,
    words: Words,
    room: Room,
    ids: Flags,
    tokens: int,
    progress: Longs,
) -> int:
    """Numbers the tokens of a word; gives how many they are, or why it stops, negative."""
    best, origin, ends = room.search.best, room.search.origin, room.search.ends
    word, count = text, 1
    if model.pieces:
        needed = model.widest * (stop - start) + 3
        if needed > len(room.word):
            progress[NEEDED] = needed
            return -WORD
        word = room.word
        size = rewrite(text, start, stop, model.units, model.replacements, word)
        trie = model.trie
        count = segment(
            word, size, trie.slots, trie.scores, trie.unknown[0], best, origin, ends
        )
        start = 0
    else:
        ends[0] = stop
    if tokens + count > len(ids):
        return -IDS
    for token in range(count):
        end = int(ends[token])
        found = number(
            word, start, end, words.keys, words.ids, words.pool, words.ends, words.count
        )
        if found == FULL:
            return -VOCABULARY
        ids[tokens + token] = found
        start = end
    return count
