"""Windows of tokens: pieces of a sequence of documents, copied out of mapped shards.

A sequence is runs: tokens that follow one another in a shard and in the sequence. The documents of
a folder are one run a shard; those of some sources as many as there are stretches of these. Every
run begins with a document.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.tokenize.arrays import Ids
from tamis.tokenize.compiled import at, kernel
from tamis.tokenize.errors import TokensError
from tamis.tokenize.tokens import Shard, Tokens, beyond, check_ends

Longs = npt.NDArray[np.int64]
ROW, OFFSET, SHARD, START, COUNT = range(5)
"""Columns of pieces: where they go (row, offset in it), whence (shard, first token), how many."""


class Runs(NamedTuple):
    """Where the tokens of a sequence lie."""

    shards: Longs
    starts: Longs
    """The first token of each, in its shard."""
    ends: Longs
    """Where each ends, in the sequence; every run has a token at least."""


class Stream:
    """The documents of a folder, or those of some sources, one after the other."""

    def __init__(self, tokens: Tokens, sources: Set[str] | None = None) -> None:
        self.tokens = tokens
        self.runs = _whole(tokens) if sources is None else _some(tokens, sources)
        self.length = int(self.runs.ends[-1]) if len(self.runs.ends) else 0

    def pieces(self, starts: Longs, length: int) -> Longs:
        """The pieces of runs that windows consist of, in order; see the columns above.

        starts: the first token of each window, which is a row; length: tokens of each.
        """
        return _pieces(starts, length, *self.runs)

    def fill(
        self, starts: Longs, rows: Longs, tokens: Longs, positions: npt.NDArray[np.int32]
    ) -> None:
        """Copies windows to rows of arrays that are as wide as the windows are long.

        positions: of each token in its document, counted from 0 at the window's first token and
        at every document's first. Raises Corrupt for a token beyond the vocabulary.
        """
        pieces = self.pieces(starts, tokens.shape[1])
        pieces[:, ROW] = rows[pieces[:, ROW]]
        for shard, some in self._by_shard(pieces):
            largest = _copy(shard.tokens, shard.ends, some, tokens, positions)
            if largest >= self.tokens.size:
                raise beyond(shard, int(largest), self.tokens.size)

    def _by_shard(self, pieces: Longs) -> Iterator[tuple[Shard, Longs]]:
        """Pieces of each shard; neighbours in it are copied one after the other."""
        ordered = pieces[np.lexsort((pieces[:, START], pieces[:, SHARD]))]
        numbers = ordered[:, SHARD]
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        for first, last in pairwise(edges):
            if last > first:
                yield self.tokens.shards[int(numbers[first])], ordered[first:last]


def _whole(tokens: Tokens) -> Runs:
    lengths = np.array([shard.facts["tokens"] for shard in tokens.shards], np.int64)
    there = np.flatnonzero(lengths)
    return Runs(there, np.zeros(len(there), np.int64), np.cumsum(lengths[there]))


def _some(tokens: Tokens, sources: Set[str]) -> Runs:
    """The runs of documents of some sources: 24 bytes of memory each.

    Raises TokensError for a source that is not there.
    """
    there = tokens.facts["sources"]
    for name in sorted(set(sources) - set(there)):
        close = get_close_matches(name, there, n=1)
        hint = f"did you mean {close[0]!r}? It has" if close else "it has"
        raise TokensError(
            f"{tokens.folder} has no source {name!r}: {hint} {', '.join(there) or 'none'}"
        )
    parts = [_of_shard(number, shard, sources) for number, shard in enumerate(tokens.shards)]
    shards, starts, lengths = np.concatenate([np.empty((3, 0), np.int64), *parts], axis=1)
    return Runs(shards, starts, np.cumsum(lengths))


def _of_shard(number: int, shard: Shard, sources: Set[str]) -> Longs:
    """The runs of a shard: its number, their starts and lengths, a row of each."""
    check_ends(shard)
    column = shard.documents.column("source")
    names = column.dictionary.to_pylist()
    wanted = np.array([name in sources for name in names], bool)
    chosen = wanted[column.indices.to_numpy()] if names else np.zeros(0, bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    bounds = np.concatenate([[0], shard.ends])
    starts, ends = bounds[edges[::2]], bounds[edges[1::2]]
    runs = np.stack([np.full(len(starts), number), starts, ends - starts])
    return runs[:, ends > starts]


@kernel
def _pieces(starts: Longs, length: int, shards: Longs, firsts: Longs, ends: Longs) -> Longs:
    """See Stream.pieces."""
    first = np.searchsorted(ends, starts, side="right")
    last = np.searchsorted(ends, starts + (length - 1), side="right")
    out = np.empty((np.sum(last - first) + len(starts), 5), np.int64)
    made = 0
    for row in range(len(starts)):
        offset = 0
        for run in range(first[row], last[row] + 1):
            before = ends[run - 1] if run else 0
            begin = starts[row] + offset
            count = min(ends[run] - begin, length - offset)
            out[made, ROW] = row
            out[made, OFFSET] = offset
            out[made, SHARD] = shards[run]
            out[made, START] = firsts[run] + begin - before
            out[made, COUNT] = count
            offset += count
            made += 1
    return out


@kernel
def _copy(
    tokens: Ids, ends: Longs, pieces: Longs, out: Longs, positions: npt.NDArray[np.int32]
) -> np.int64:
    """Copies pieces of a shard; gives the largest token.

    Whatever ends are, nothing is read beyond the tokens, nor written beyond the rows.
    """
    largest = np.int64(0)
    for piece in range(len(pieces)):
        row, offset = pieces[piece, ROW], pieces[piece, OFFSET]
        start, count = pieces[piece, START], pieces[piece, COUNT]
        for place in range(count):
            token = np.int64(tokens[at(start + place)])
            out[row, at(offset + place)] = token
            largest = max(largest, token)
        document = np.searchsorted(ends, start, side="right")
        begin, stop = start, start + count
        while begin < stop:
            end = min(stop, ends[document]) if document < len(ends) else stop
            for place in range(begin, end):
                positions[row, at(offset + place - start)] = place - begin
            begin = max(begin, end)
            document += 1
    return largest
