"""Words that occurred before, and what became of them: most of a text is read by this alone.

A look-up of some 30 ns stands for rules, a search and as many look-ups as a word has pieces, a
microsecond and more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Hashes, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel, signed

DONE, IDS, SENTENCES, _, _, NEW = range(6)
"""Why reading stops: at the end; without room for numbers or sentences; at a new word."""
AHEAD = 24
"""How many bytes may be read behind a text."""
SPACE, NEWLINE = 0x20, 0x0A
LINES = 1 << 19
LONGEST, MOST = 24, 9
"""A word that is kept in bytes, and how many numbers it may have."""
_COUNT = 6
_LAST_LINE, _HIGH = np.uint64(LINES - 1), np.uint64(32)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Cache(NamedTuple):
    """What became of words up to LONGEST bytes: one array, seen in two ways.

    A line of 64 bytes, what a processor reads at once, has a word in its first 24, filled up by
    zeros; then how many numbers it has, and these. A word has one line where it can be, and stays
    there until another one comes.
    """

    words: Hashes
    ids: Flags


def cache() -> Cache:
    """An empty one."""
    words = np.zeros(8 * LINES, np.uint64)
    return Cache(words, words.view(np.uint32))


@kernel
def read_recent(
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
    """Reads a normalised text on from a place, up to a word that is not kept.

    A newline and AHEAD bytes stand behind its size. Of each word its numbers are added to ids, of
    each sentence with tokens its end to ends.

    Gives its place, how many tokens and sentences there are, the first token of the sentence, and
    why it stopped. Its arrays are few and its loop has no call, which costs more than the work.
    """
    while place <= size:
        byte = text[at(place)]
        if byte == NEWLINE and tokens > first:
            if sentences == len(ends):
                return place, tokens, sentences, first, SENTENCES
            ends[at(sentences)] = tokens
            sentences += 1
            first = tokens
        if byte <= SPACE:
            place += 1
            continue
        stop = place + 1
        while text[at(stop)] > SPACE:  # no other control character is left
            stop += 1
        left = stop - place
        one, two, three = _word(text, place, left)
        line = _line(one, two, three)
        if (
            kept_words[at(line)] != one
            or kept_words[at(line + 1)] != two
            or kept_words[at(line + 2)] != three
            or left > LONGEST
        ):
            return place, tokens, sentences, first, NEW
        if tokens + MOST > len(ids):
            return place, tokens, sentences, first, IDS
        count = signed(kept_ids[at(2 * line + _COUNT)])
        for k in range(count):
            ids[at(tokens + k)] = kept_ids[at(2 * line + _COUNT + 1 + k)]
        tokens += count
        place = stop
    return place, tokens, sentences, first, DONE


@kernel
def keep(
    text: Bytes,
    place: int,
    stop: int,
    kept_words: Hashes,
    kept_ids: Flags,
    ids: Flags,
    first: int,
    count: int,
) -> None:
    """Keeps a word whose count numbers stand in ids from first on."""
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
    return 8 * signed(((key ^ (key >> _HIGH)) * _FACTOR >> _HIGH) & _LAST_LINE)
