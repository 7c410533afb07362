"""The signed rows of a corpus, and of indexes it is held against, as one sequence of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.signatures import Signatures
from tamis.pipeline.dedup.work import signature_file
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location

FILES = 512  # that are open at a time: a process may have 1,024


@dataclass
class Signed:
    """Rows by number: those of the corpus's shards in order, then those of indexes, `pinned`."""

    corpus: Corpus
    stage: Stage
    index: tuple[Location, ...] = ()

    @cached_property
    def places(self) -> list[Location]:
        shards = [signature_file(self.corpus, self.stage.name, s.name) for s in self.corpus.shards]
        return [*shards, *self.index]

    @cached_property
    def firsts(self) -> Any:
        """The number of the first row of every file, and the number of all at the end."""
        records = self.corpus.records(f"{self.stage.name}/signatures")
        counts = [record["signed"] for record in records if record]
        counts += [self.file(place).n for place in range(len(counts), len(self.places))]
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    @property
    def total(self) -> int:
        return int(self.firsts[-1])

    @cached_property
    def own(self) -> int:
        """How many rows are of the corpus itself; those behind are pinned."""
        return int(self.firsts[len(self.corpus.shards)])

    @cached_property
    def documents(self) -> Any:
        """The number in the corpus of the first document of every shard, and of all at the end."""
        counts = [shard.rows for shard in self.corpus.shards]
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    def file(self, place: int) -> Signatures:
        return self._open(self.places[place])

    @cached_property
    def _open(self) -> Callable[..., Signatures]:
        return lru_cache(maxsize=FILES)(lambda place: Signatures.open(place))

    @property
    def files(self) -> Sequence[Signatures]:
        return [self.file(place) for place in range(len(self.places))]

    def parts(self, rows: Any) -> Iterator[tuple[int, Any, Any]]:
        """Rows by file: its place, where in `rows` they are, and their positions in the file."""
        order = np.argsort(rows, kind="stable")
        bounds = np.searchsorted(rows[order], self.firsts)
        for place in np.flatnonzero(np.diff(bounds)).tolist():
            mine = order[bounds[place] : bounds[place + 1]]
            yield place, mine, rows[mine] - self.firsts[place]

    def take(self, column: str, rows: Any) -> Any:
        """A column's values of some rows."""
        found: Any = None
        for place, mine, positions in self.parts(rows):
            values = getattr(self.file(place), column)[positions]
            if found is None:
                found = np.empty((len(rows), *values.shape[1:]), values.dtype)
            found[mine] = values
        return found if found is not None else np.empty(0)

    def ids(self, rows: Any) -> Any:
        """The ids of some rows, as an array of strings."""
        found = np.empty(len(rows), object)
        for place, mine, positions in self.parts(rows):
            found[mine] = self.file(place).ids(positions)
        return found

    def numbers(self, rows: Any) -> Any:
        """Rows as the numbers of documents of the corpus; below zero for pinned ones."""
        found = np.empty(len(rows), np.int64)
        for place, mine, positions in self.parts(rows):
            if place < len(self.corpus.shards):
                found[mine] = self.documents[place] + self.file(place).row[positions]
            else:
                found[mine] = self.own - rows[mine] - 1
        return found
