"""Words to pieces, as a SentencePiece unigram model segments them: of all ways the most probable.

Source: Kudo 2018, "Subword Regularization", and the library's search, whose sums in single
precision and choices between equals are kept, so that pieces are the same ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Ints
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.ngram.levels import Floats

_FAR = np.float32(100_000)


class Search(NamedTuple):
    """Room for the search in a text of n bytes; each holds n + 1."""

    best: Floats
    """The score of the best way to the end of so many bytes."""
    origin: Ints
    """Twice where the last piece of that way begins, and one more if it is unknown; -1: no way."""
    ends: Ints
    """Where pieces end."""


def search(size: int) -> Search:
    """Room for a text of so many bytes, less than 2^30."""
    items = size + 1
    return Search(np.empty(items, np.float32), np.empty(items, np.int32), np.empty(items, np.int32))


@kernel
def segment(
    text: Bytes,
    size: int,
    units: Flags,
    scores: Floats,
    unknown: np.float32,
    best: Floats,
    origin: Ints,
    ends: Ints,
) -> int:
    """Segments text[:size], a word with its mark before it; gives how many pieces it is.

    units, scores, unknown: those of a trie.Trie; text, best, origin and ends hold size + 1.

    Where they end is written to ends; unknown characters in a row are one piece.
    """
    best[0] = 0
    for place in range(size + 1):
        origin[at(place)] = -1
    place = reached = 0
    while place < size:
        here = best[at(place)]
        if abs(here) > _FAR:
            _lower(place, reached, best, origin)
            here = np.float32(0)
        width = _width(text[at(place)], size - place)
        base, alone, known = units[1], place + width, False
        for k in range(place, size):
            node = base ^ np.uint32(text[at(k)])
            if units[at(2 * node)] != base:
                break
            base = units[at(2 * node + 1)]
            score = scores[at(node)]
            if score == score:
                reached = max(reached, k + 1)
                _offer(k + 1, here + score, 2 * place, best, origin)
                known |= k + 1 == alone
        if not known:
            reached = max(reached, alone)
            _offer(alone, here + unknown, 2 * place + 1, best, origin)
        place += width
    return _trace(size, origin, ends)


@inlined
def _offer(place: int, score: np.float32, source: int, best: Floats, origin: Ints) -> None:
    if origin[at(place)] == -1 or score > best[at(place)]:
        best[at(place)] = score
        origin[at(place)] = source


@inlined
def _width(byte: np.uint8, left: int) -> int:
    width = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
    return min(width, left)


@kernel
def _lower(place: int, reached: int, best: Floats, origin: Ints) -> None:
    """Takes the score at a place from all behind it, before single precision gets too coarse."""
    offset = best[place]
    for k in range(place, reached + 1):
        if k == place or origin[k] != -1:
            best[k] -= offset


@kernel
def _trace(size: int, origin: Ints, ends: Ints) -> int:
    """Follows the best way back from the end, then writes where its pieces end from the front."""
    count = 0
    place, before = size, 0
    while place > 0:
        unknown = origin[at(place)] & 1
        if not unknown or not before:
            ends[at(count)] = place
            count += 1
        before = unknown
        place = origin[at(place)] >> 1
    for k in range(count // 2):
        ends[at(k)], ends[at(count - 1 - k)] = ends[at(count - 1 - k)], ends[at(k)]
    return count
