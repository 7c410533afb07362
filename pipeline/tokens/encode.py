"""The first phase: the kept documents of every shard of a corpus as tokens.

In the order of the corpus they are a shard of the answer already, of the same name; to be shuffled
they are sorted by the number that each draws, and the second phase gathers them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.filters.kernels.edits import texts
from tamis.pipeline.corpus import Corpus, Shard
from tamis.pipeline.errors import WorkError
from tamis.pipeline.guard import Guard
from tamis.pipeline.ledger import Decision
from tamis.pipeline.signals import ShardReader, decision_columns
from tamis.pipeline.stage import Stage
from tamis.pipeline.tokens.place import ENCODED, SHARDS, Making, Place
from tamis.pipeline.tokens.shuffle import Documents, Longs, Numbers, Sorter, numbers, runs
from tamis.tokenize.shards import ShardWriter
from tamis.tokenize.vocabulary import Vocabulary

PIECE = 8 << 20
"""Bytes of text that are encoded at a time; a longer document is alone."""
NO_SOURCE = "unknown"
"""The source of documents without one."""


@dataclass(frozen=True)
class Settings:
    """How documents become tokens, and tokens shards."""

    bos: bool = True
    """Whether the vocabulary's BOS goes before every document; likewise EOS after it."""
    eos: bool = True
    seed: int | None = 0
    """Of the shuffle; None for documents in the order of the corpus."""
    shard_tokens: int = 100_000_000
    """About how many tokens a shuffled shard holds."""


@dataclass
class EncodePhase:
    """Encodes what is kept; its units are the shards of the corpus."""

    place: Place
    source: Corpus
    stages: list[Stage]
    promise: str
    settings: Settings
    tasks: Sequence[Sequence[int]]
    name: str = "tokenize"

    @property
    def corpus(self) -> Corpus:
        return self.place.corpus

    @property
    def kind(self) -> str:
        """What its files are: to be gathered, or finished."""
        return SHARDS if self.settings.seed is None else ENCODED

    def done(self, unit: int) -> bool:
        return self.made(unit) is not None

    def made(self, unit: int) -> dict[str, Any] | None:
        """The record of a shard that is encoded as it should be now."""
        return self.place.made(self.kind, self.source.shards[unit].name, self.promise)

    def size(self, unit: int) -> int:
        return self.source.shards[unit].text_bytes

    def part(self, rank: int) -> EncodePhase:
        return self

    def work(self, unit: int, guard: Guard) -> None:
        """Encodes one shard."""
        if self.done(unit):
            return
        shard = self.source.shards[unit]
        vocabulary = self.place.vocabulary()
        with closing(Encoding(self, unit, vocabulary, guard).documents()) as documents:
            if (first := next(documents, None)) is None:
                self.place.nothing(self.kind, shard.name, self.promise)
                return
            with self.place.making(self.kind, shard.name, self.promise) as making:
                every = chain([first], documents)
                if self.settings.seed is None:
                    making.facts = written(every, making, vocabulary)
                else:
                    making.facts = self._sorted(every, unit, making, vocabulary)

    def _sorted(
        self, documents: Iterator[Documents], unit: int, making: Making, vocabulary: Vocabulary
    ) -> dict[str, Any]:
        unsorted = making.paths["ids"].with_name(f"{making.paths['ids'].name}.unsorted.tmp")
        with Sorter(unsorted, vocabulary.dtype) as sorter:
            for some in documents:
                sorter.write(some, numbers(self.settings.seed or 0, unit, some.rows))
            return sorter.save(making.paths)


def written(
    documents: Iterator[Documents], making: Making, vocabulary: Vocabulary
) -> dict[str, Any]:
    """Writes documents as a shard; gives its counts."""
    with ShardWriter(making.paths, vocabulary) as writer:
        for some in documents:
            writer.write(some.ids, some.ends, some.hashes, some.sizes, some.sources)
    return writer.close()


@dataclass
class Encoding:
    """The pass over one shard."""

    phase: EncodePhase
    unit: int
    vocabulary: Vocabulary
    guard: Guard

    @cached_property
    def shard(self) -> Shard:
        return self.phase.source.shards[self.unit]

    def documents(self) -> Generator[Documents, None, None]:
        """The kept documents in their order, some at a time."""
        first = 0
        with ExitStack() as stack:
            reader = ShardReader(self.phase.source, self.shard.name, self.phase.stages, stack)
            for group in range(reader.row_groups):
                kept, rows = self._kept(reader, group)
                rows += first
                for start, stop in self._portions(kept, rows):
                    held = int(rows[start]), int(rows[stop - 1]) + 1
                    with self.guard.holding(self.unit, 0, *held):
                        tokens = self._as_tokens(kept.slice(start, stop - start), rows[start:stop])
                    yield tokens
                first += reader.rows(group)
                done = self.shard.text_bytes * reader.rows(group) // self.shard.rows
                self.guard.advance(len(rows), done)

    def _kept(self, reader: ShardReader, group: int) -> tuple[pa.RecordBatch, Longs]:
        """What is kept of a row group, and its rows there."""
        names, stages = ["id", "text", "source"], self.phase.stages
        columns = reader.read(group, {*names, *decision_columns(stages)})
        kept = np.flatnonzero(Decision(stages, columns, reader.rows(group)).kept)
        batch = pa.record_batch([columns[name] for name in names], names=names)
        return batch.take(pa.array(kept)), kept

    def _portions(self, kept: pa.RecordBatch, rows: Longs) -> Iterator[tuple[int, int]]:
        """Documents to encode at once; WorkError for one that has killed its worker twice."""
        for piece in runs(np.diff(texts(kept.column("text")).ends), PIECE):
            span = int(rows[piece.start]), int(rows[piece.stop - 1]) + 1
            for portion in self.guard.portions(self.unit, 0, *span):
                start, stop = map(int, np.searchsorted(rows, [portion.start, portion.stop]))
                if start < stop and portion.condemned:
                    raise WorkError(
                        f"{self.phase.source.root}: document {kept.column('id')[start]} (shard "
                        f"{self.shard.name}, row {portion.start}) killed its worker twice: is "
                        "memory short? Run the same command again with fewer --workers"
                    )
                if start < stop:
                    yield start, stop

    def _as_tokens(self, batch: pa.RecordBatch, rows: Longs) -> Documents:
        settings = self.phase.settings
        data, ends = texts(batch.column("text"))
        data, ends = data[ends[0] : ends[-1]], ends - ends[0]
        data.flags.writeable = False  # Arrow's arrays are so or not: kernels are compiled for one
        ids, stops = self.vocabulary.encode_column(data, ends, settings.bos, settings.eos)
        return Documents(
            ids,
            stops,
            id_hashes(batch.column("id")),
            np.diff(ends).astype(np.uint64),
            pc.fill_null(batch.column("source"), NO_SOURCE),
            rows,
        )


def id_hashes(names: pa.Array) -> Numbers:
    """What stands for each id: the first 64 bits of its BLAKE2b."""
    data, ends = texts(names.cast(pa.large_string()))
    view = data.data
    digests = [
        hashlib.blake2b(view[start:stop], digest_size=8).digest()
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    ]
    return np.frombuffer(b"".join(digests), "<u8")
