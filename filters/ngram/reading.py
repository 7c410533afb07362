"""The kernel behind tokens.Tokens: normalises, segments and numbers documents, one after another.

When anything is too small for a document, the kernel stops before it and says what; the words kept
or added until then stay true.
"""

from __future__ import annotations

from typing import NamedTuple

from tamis.filters.kernels.arrays import Bytes, Flags, Hashes, Ints, Longs
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.ngram.charsmap import rewrite
from tamis.filters.ngram.normalise import normalise
from tamis.filters.ngram.normalise_tables import Form
from tamis.filters.ngram.recent import (
    DONE,
    IDS,
    LONGEST,
    MOST,
    NEW,
    NEWLINE,
    SPACE,
    Cache,
    keep,
    read_recent,
)
from tamis.filters.ngram.trie import Trie
from tamis.filters.ngram.unigram import Search, segment
from tamis.filters.ngram.vocabulary import FULL, Words, number

DOCUMENTS, TOKENS, SENTENCES, NEEDED = range(4)
"""Places in what tells the progress: how much was read, and the size of what is too small."""
WHOLE = 1 << 20
"""A text that is one sentence, as cc_net has it, is segmented at once up to so many bytes, as the
library does: where two ways have the same score, what stands before decides, by rounding."""
VOCABULARY, WORD = 3, 4
"""Why the kernel stops, besides what stops recent.read_recent."""


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
    """Reads on from progress; gives DONE or why it stopped, SENTENCES among that.

    text: room for the longest document, normalised, and recent.AHEAD bytes more. ids, ends,
    documents: see Tokens.read.
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
    keys, numbers, pool, pool_ends, known = (
        words.keys,
        words.ids,
        words.pool,
        words.ends,
        words.size,
    )
    if model.pieces and model.form.lines[0] == 0 and size <= WHOLE:
        needed = widest * size + 3
        if needed > len(word) or sentences == len(ends):
            progress[NEEDED] = needed
            return WORD if needed > len(word) else SENTENCES, tokens, sentences
        length = rewrite(text, 0, size, rules, replacements, plain, word)
        count = segment(word, length, units, scores, unknown, best, origin, cuts)
        count = _number(word, 0, cuts, count, keys, numbers, pool, pool_ends, known, ids, tokens)
        if count < 0:
            return -count, tokens, sentences
        ends[sentences] = tokens + count
        return DONE, tokens + count, sentences + (count > 0)
    text[size] = NEWLINE
    place, first = 0, tokens
    while True:
        place, tokens, sentences, first, reason = read_recent(
            text, place, size, kept_words, kept_ids, ids, ends, tokens, sentences, first
        )
        if reason != NEW:
            return reason, tokens, sentences
        stop = place
        while text[at(stop)] > SPACE:
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
            count = _number(
                text, place, cuts, 1, keys, numbers, pool, pool_ends, known, ids, tokens
            )
        if count < 0:
            return -count, tokens, sentences
        if stop - place <= LONGEST and count <= MOST:
            keep(text, place, stop, kept_words, kept_ids, ids, tokens, count)
        place, tokens = stop, tokens + count


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
