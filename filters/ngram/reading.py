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
from tamis.filters.ngram.trie import Trie
from tamis.filters.ngram.unigram import Search, segment
from tamis.filters.ngram.vocabulary import FULL, Words, number

DOCUMENTS, TOKENS, SENTENCES, NEEDED = range(4)
"""Places in what tells the progress: how much was read, and the size of what is too small."""
DONE, IDS, _, VOCABULARY, WORD, _NEW = range(6)
"""Why the kernel stops; or SENTENCES."""
_SPACE, _NEWLINE = 0x20, 0x0A
AHEAD = 24
"""How many bytes the kernel may read behind a text."""
_LINES = 1 << 19
_LONGEST, _COUNT, _MOST = 24, 6, 9
"""Of a line of the cache: a word in bytes, where its count of numbers stands, and the most of them."""
_LAST_LINE, _HIGH = np.uint64(_LINES - 1), np.uint64(32)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Model(NamedTuple):
    """What tells how text becomes tokens: normalise_tables.Form, charsmap.Charsmap, trie.Trie."""

    form: Form
    units: Flags
    replacements: Bytes
    plain: Bytes
    widest: int
    trie: Trie
    pieces: bool
    """Else tokens are words."""


class Room(NamedTuple):
    """Room for a word, longer than what it becomes."""

    word: Bytes
    search: Search


class Cache(NamedTuple):
    """What became of words up to _LONGEST bytes: one array, seen in two ways.

    A line of 64 bytes, what a processor reads at once, has a word in its first 24, filled up by
    zeros; then how many numbers it has, and these. A word has one line where it can be, and stays
    there until another one comes.
    """

    words: Hashes
    ids: Flags


def cache() -> Cache:
    """An empty one."""
    words = np.zeros(8 * _LINES, np.uint64)
    return Cache(words, words.view(np.uint32))


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

    text: room for the longest document, normalised, and AHEAD bytes more. ids, ends, documents: see Tokens.read.
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
    kept_words, kept_ids, word = kept.words, kept.ids, room.word
    best, origin, cuts = room.search.best, room.search.origin, room.search.ends
    rules, replacements, plain, widest = model.units, model.replacements, model.plain, model.widest
    units, scores, unknown = model.trie.units, model.trie.scores, model.trie.unknown[0]
    keys, numbers, pool, pool_ends, known = words.keys, words.ids, words.pool, words.ends, words.count
    text[size] = _NEWLINE
    place, first = 0, tokens
    while True:
        place, tokens, sentences, first, reason = _read_known(
            text, place, size, kept_words, kept_ids, ids, ends, tokens, sentences, first
        )
        if reason != _NEW:
            return reason, tokens, sentences
        stop = place
        while text[at(stop)] > _SPACE:
            stop += 1
        if model.pieces:
            needed = widest * (stop - place) + 3
            if needed > len(word):
                progress[NEEDED] = needed
                return WORD, tokens, sentences
            length = rewrite(text, place, stop, rules, replacements, plain, word)
            count = segment(word, length, units, scores, unknown, best, origin, cuts)
            count = _number(
                word, 0, cuts, count, keys, numbers, pool, pool_ends, known, ids, tokens
            )
        else:
            cuts[0] = stop
            count = _number(text, place, cuts, 1, keys, numbers, pool, pool_ends, known, ids, tokens)
        if count < 0:
            return -count, tokens, sentences
        if stop - place <= _LONGEST and count <= _MOST:
            _keep(text, place, stop, kept_words, kept_ids, ids, tokens, count)
        place, tokens = stop, tokens + count


@kernel
def _read_known(
    text: Bytes,
    place: int,
    size: int,
    kept_words: Hashes,
    kept_ids: Flags,
    ids: Flags,
    ends: Longs,
    tokens: int,
    sentences: int,
    first: int,
) -> tuple[int, int, int, int, int]:
    """Reads on up to a word that is not kept.

    Gives its place, how many tokens and sentences there are, the first token of the sentence, and
    why it stopped. Its arrays are few and its loop has no call, which costs more than the work.
    """
    while place <= size:
        byte = text[at(place)]
        if byte == _NEWLINE and tokens > first:
            if sentences == len(ends):
                return place, tokens, sentences, first, SENTENCES
            ends[at(sentences)] = tokens
            sentences += 1
            first = tokens
        if byte <= _SPACE:
            place += 1
            continue
        stop = place + 1
        while text[at(stop)] > _SPACE:  # no other control character is left
            stop += 1
        left = stop - place
        one, two, three = _word(text, place, left)
        line = _line(one, two, three)
        if (
            kept_words[at(line)] != one
            or kept_words[at(line + 1)] != two
            or kept_words[at(line + 2)] != three
            or left > _LONGEST
        ):
            return place, tokens, sentences, first, _NEW
        if tokens + _MOST > len(ids):
            return place, tokens, sentences, first, IDS
        count = np.int64(kept_ids[at(2 * line + _COUNT)])
        for k in range(count):
            ids[at(tokens + k)] = kept_ids[at(2 * line + _COUNT + 1 + k)]
        tokens += count
        place = stop
    return place, tokens, sentences, first, DONE


@kernel
def _keep(
    text: Bytes,
    place: int,
    stop: int,
    kept_words: Hashes,
    kept_ids: Flags,
    ids: Flags,
    first: int,
    count: int,
) -> None:
    one, two, three = _word(text, place, stop - place)
    line = _line(one, two, three)
    kept_words[line], kept_words[line + 1], kept_words[line + 2] = one, two, three
    kept_ids[2 * line + _COUNT] = count
    for k in range(count):
        kept_ids[2 * line + _COUNT + 1 + k] = ids[first + k]


@inlined
def _word(text: Bytes, place: int, size: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """The first 24 bytes of a word as numbers."""
    zero = np.uint64(0)
    one = _eight(text, place, size)
    two = _eight(text, place + 8, size - 8) if size > 8 else zero
    three = _eight(text, place + 16, size - 16) if size > 16 else zero
    return one, two, three


@inlined
def _eight(text: Bytes, start: int, left: int) -> np.uint64:
    """The next eight bytes of a word of which some are left, as a number."""
    block = np.uint64(0)
    for k in range(8):
        block |= np.uint64(text[at(start + k)]) << np.uint64(8 * k)
    unused = np.uint64(8 * max(8 - left, 0))
    return block << unused >> unused


@inlined
def _line(one: np.uint64, two: np.uint64, three: np.uint64) -> int:
    """Where the line of a word begins."""
    key = ((one * _FACTOR ^ two) * _FACTOR ^ three) * _FACTOR
    return 8 * np.int64((key ^ (key >> _HIGH)) & _LAST_LINE)


@kernel
def _number(
    text: Bytes,
    start: int,
    ends: Ints,
    count: int,
    keys: Hashes,
    numbers: Flags,
    pool: Bytes,
    pool_ends: Longs,
    known: Longs,
    ids: Flags,
    first: int,
) -> int:
    """Numbers the tokens from a start to their ends; gives their count, or why not, negative."""
    if first + count > len(ids):
        return -IDS
    for token in range(count):
        end = int(ends[at(token)])
        found = number(text, start, end, keys, numbers, pool, pool_ends, known)
        if found == FULL:
            return -VOCABULARY
        ids[at(first + token)] = found
        start = end
    return count
