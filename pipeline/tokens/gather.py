"""The second phase of shuffled tokens: every shard of the answer from all that were sorted.

Shard p of P holds the documents whose numbers are in the p-th of P equal parts of all numbers. In
every sorted file these lie together; a shard is merged by runs of documents, so that memory holds
some tokens of it and of each of its documents what is not its tokens, about 100 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.work import numbers as column
from tamis.pipeline.dedup.work import read_batch
from tamis.pipeline.errors import WorkError
from tamis.pipeline.guard import Guard
from tamis.pipeline.tokens.encode import written
from tamis.pipeline.tokens.place import ENCODED, SHARDS, Place
from tamis.pipeline.tokens.shuffle import BLOCK, NUMBERS, Documents, Longs, Numbers, gathered, runs
from tamis.tokenize.vocabulary import Vocabulary


@dataclass
class GatherPhase:
    """Merges sorted documents into shards; its units are these."""

    place: Place
    names: list[str]
    """The sorted files, in the order of the corpus."""
    promise: str
    shards: int
    tasks: Sequence[Sequence[int]]
    bytes: int
    """Of the tokens of all of them."""
    name: str = "shuffle"

    @property
    def corpus(self) -> Corpus:
        return self.place.corpus

    def done(self, unit: int) -> bool:
        return self.place.made(SHARDS, shard_name(unit), self.promise) is not None

    def size(self, unit: int) -> int:
        return self.bytes // self.shards

    def part(self, rank: int) -> GatherPhase:
        return self

    def work(self, unit: int, guard: Guard) -> None:
        """Writes one shard."""
        if self.done(unit):
            return
        merge = Merge(self, unit)
        if not len(merge.order):
            self.place.nothing(SHARDS, shard_name(unit), self.promise)
            return
        vocabulary = self.place.vocabulary()
        with self.place.making(SHARDS, shard_name(unit), self.promise) as making:
            making.facts = written(merge.documents(vocabulary, guard), making, vocabulary)


def shard_name(unit: int) -> str:
    """What a gathered shard is called."""
    return f"{unit:05d}"


def bound(unit: int, units: int) -> int:
    """The least number that belongs to a shard or to those after it."""
    return -(-unit * NUMBERS // units)


class Part(NamedTuple):
    """What a sorted file has of a shard."""

    numbers: Numbers
    starts: Longs
    """Where in the file's tokens each document begins."""
    lengths: Longs
    hashes: Numbers
    sizes: Numbers
    sources: pa.Array


class Merge:
    """The documents of a shard, in their order in the sorted files, one file after the other."""

    def __init__(self, phase: GatherPhase, unit: int) -> None:
        self._files = [phase.place.outputs(ENCODED, name) for name in phase.names]
        limits = [bound(one, phase.shards) for one in (unit, unit + 1)]
        parts = [_part(read_batch(file["arrow"]), limits) for file in self._files]
        *columns, sources = zip(*parts, strict=True)
        joined: Any = [np.concatenate(column) for column in columns]
        self.all = Part._make([*joined, pa.concat_arrays(sources)])
        self._file = np.repeat(np.arange(len(parts)), [len(part.numbers) for part in parts])
        self.order = np.argsort(self.all.numbers, kind="stable")

    def documents(self, vocabulary: Vocabulary, guard: Guard) -> Iterator[Documents]:
        """The documents by their numbers, some at a time."""
        found = self.all
        for run in runs(found.lengths[self.order], BLOCK):
            places = self.order[run]
            ids = self._tokens(places, vocabulary.dtype)
            ends = np.cumsum(found.lengths[places])
            sources = found.sources.take(pa.array(places))
            yield Documents(ids, ends, found.hashes[places], found.sizes[places], sources, places)
            guard.advance(len(places), ids.nbytes)

    def _tokens(self, places: Longs, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """The tokens of documents: those of a file lie together in it."""
        there = np.sort(places)
        lengths = self.all.lengths[there]
        ends = np.cumsum(lengths)
        read = np.empty(int(ends[-1]), dtype)
        firsts = np.flatnonzero(np.diff(self._file[there], prepend=-1))
        for first, stop in pairwise([*firsts.tolist(), len(there)]):
            begin = ends[first] - lengths[first]
            path = self._files[self._file[there[first]]]["ids"]
            start = int(self.all.starts[there[first]]) * dtype.itemsize
            read[begin : ends[stop - 1]] = _read(path, dtype, start, int(ends[stop - 1] - begin))
        rank = np.searchsorted(there, places)
        return gathered(read, (ends - lengths)[rank], lengths[rank])


def _part(batch: pa.RecordBatch, limits: Sequence[int]) -> Part:
    """The documents whose numbers are within limits."""
    numbers, ends = column(batch, "number"), column(batch, "end")
    places = [
        int(np.searchsorted(numbers, np.uint64(one))) if one < NUMBERS else len(numbers)
        for one in limits
    ]
    span = slice(*places)
    lengths = np.diff(ends, prepend=0)[span]
    sources = batch.column("source")[span].cast(pa.string())
    hashes, sizes = (column(batch, name)[span].copy() for name in ("id_hash", "bytes"))
    return Part(numbers[span].copy(), ends[span] - lengths, lengths, hashes, sizes, sources)


def _read(path: Path, dtype: np.dtype[Any], start: int, count: int) -> npt.NDArray[Any]:
    """Tokens of a file from byte start on; raises WorkError if they are not there."""
    try:
        found = np.fromfile(path, dtype, count, offset=start)
    except FileNotFoundError:
        found = np.empty(0, dtype)
    if len(found) != count:
        raise WorkError(f"{path} is gone or damaged: delete it and run the command again")
    return found
