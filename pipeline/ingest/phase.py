"""Ingest as a phase of the engine: each task reads its inputs once and writes its shards."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import WorkError
from tamis.pipeline.guard import Guard
from tamis.pipeline.ingest import chunks
from tamis.pipeline.ingest.chunks import Chunk
from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.plan import Piece, Plan
from tamis.pipeline.ingest.records import Rows
from tamis.pipeline.ingest.shard_writer import ShardWriter
from tamis.pipeline.ingest.streams import Source

_ELSEWHERE = Input("", "", 0, "")  # an input of another task
KILLED = Unreadable("killed_worker", "the record killed its worker twice")
Found = tuple[int, int, Chunk | Unreadable]  # shard, input, and what was read there


@dataclass
class IngestPhase:
    """Units are the plan's tasks, then the digests of the inputs that were split."""

    corpus: Corpus
    inputs: list[Input]
    plan: Plan
    options: IngestOptions
    strict: bool = False
    name: str = "ingest"
    tasks: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.tasks = [[unit] for unit in range(len(self.plan.tasks) + len(self.plan.split))]

    def done(self, unit: int) -> bool:
        """Whether all shards of a unit, or its digest, are there."""
        return all(self.corpus.record("ingest", name) is not None for name in self.names(unit))

    def size(self, unit: int) -> int:
        """The bytes of its pieces; an input cut by row groups counts with the first of them."""
        if unit >= len(self.plan.tasks):
            return 0
        size = 0
        for piece in (p for number in self.plan.tasks[unit] for p in self.plan.shards[number]):
            source = self.inputs[piece.input]
            if source.format != "parquet":
                size += (max(source.bytes, 0) if piece.stop is None else piece.stop) - piece.start
            elif piece.start == 0:
                size += max(source.bytes, 0)
        return size

    def names(self, unit: int) -> list[str]:
        """The names of the records that a unit leaves behind."""
        if unit < len(self.plan.tasks):
            return [shard_name(number) for number in self.plan.tasks[unit]]
        return [f"input-{self.plan.split[unit - len(self.plan.tasks)]}"]

    def part(self, rank: int) -> IngestPhase:
        """The phase with the pieces and inputs of one task alone: there may be a million."""
        (unit,) = self.tasks[rank]
        mine = set(self.plan.tasks[unit]) if unit < len(self.plan.tasks) else set()
        shards = [pieces if n in mine else [] for n, pieces in enumerate(self.plan.shards)]
        places = {piece.input for pieces in shards for piece in pieces} | set(self.plan.split)
        inputs = [one if n in places else _ELSEWHERE for n, one in enumerate(self.inputs)]
        return replace(self, inputs=inputs, plan=replace(self.plan, shards=shards))

    def work(self, unit: int, guard: Guard) -> None:
        """Reads the inputs of one task into its shards, or digests one input."""
        if unit < len(self.plan.tasks):
            _Reading(self, unit, guard).run()
            return
        place = self.plan.split[unit - len(self.plan.tasks)]
        digests = {str(place): digest_of(self.inputs[place])}
        self.corpus.complete("ingest", self.names(unit)[0], {"digests": digests})


class _Reading:
    """One task: its shards one after the other, those that are done already skipped."""

    def __init__(self, phase: IngestPhase, unit: int, guard: Guard) -> None:
        self.phase, self.unit, self.guard = phase, unit, guard
        self.shards = phase.plan.tasks[unit]
        self.done = {
            number
            for number in self.shards
            if phase.corpus.record("ingest", shard_name(number)) is not None
        }
        self.digests: dict[str, str | None] = {}
        self.writer: ShardWriter | None = None
        self.current = -1
        self.records = 0
        self.numbers = count()  # of the chunks that were read

    def run(self) -> None:
        if len(self.done) == len(self.shards):
            return
        found = self._stream() if len(self.shards) > 1 else self._gather()
        try:
            for shard, place, chunk in found:
                if shard in self.done:
                    if isinstance(chunk, Chunk):
                        self.records += chunk.records  # numbers must not depend on what is done
                    continue
                while self.current != shard:
                    self._next_shard()
                if isinstance(chunk, Unreadable):
                    self._lose(place, chunk.where, chunk)
                else:
                    self._take(place, chunk)
            while self._next_shard():
                pass
        except BaseException as error:
            if self.writer is not None:
                self.writer.abandon(error)
            raise

    def _gather(self) -> Iterator[Found]:
        """Pieces of one or many inputs, for one shard."""
        (shard,) = self.shards
        for piece in self.phase.plan.shards[shard]:
            source = Source(self.phase.inputs[piece.input])
            for chunk in self._read(source, piece):
                yield shard, piece.input, chunk
            if piece.start == 0 and piece.stop is None and source.input.format != "hub":
                self.digests[str(piece.input)] = source.sha256 or digest_of(source.input)

    def _stream(self) -> Iterator[Found]:
        """One compressed input or archive, cut into shards by how much of it was read."""
        pieces = [self.phase.plan.shards[shard][0] for shard in self.shards]
        place, starts = pieces[0].input, [piece.start for piece in pieces]
        source = Source(self.phase.inputs[place])
        shard = self.shards[0]
        for chunk in self._read(source, Piece(place)):
            if isinstance(chunk, Chunk):
                shard = self.shards[bisect_right(starts, chunk.block) - 1]
            yield shard, place, chunk
        self.digests[str(place)] = source.sha256 or digest_of(source.input)

    def _read(self, source: Source, piece: Piece) -> Iterator[Chunk | Unreadable]:
        """The chunks of a piece of an input, and what ends it before its end."""
        by_bytes = source.input.format in ("jsonl", "csv", "warc")
        before: int | None = piece.start if by_bytes else None
        try:
            options = self.phase.options
            for chunk in chunks.guarded(
                source, piece, options, self.guard, self.unit, self.numbers
            ):
                yield chunk
                if isinstance(chunk, Chunk):
                    before = chunk.block if before is None else before
                    self.guard.advance(0, max(0, chunk.block - before))
                    before = max(before, chunk.block)
        except Unreadable as error:
            yield error
        if by_bytes or piece.stop is None:
            stop = source.input.bytes if piece.stop is None else piece.stop
            self.guard.advance(0, max(0, stop - (before or 0)))

    def _take(self, place: int, chunk: Chunk) -> None:
        """Rows out of a chunk, in the portions that the guard allows."""
        assert self.writer is not None
        name, first = self.phase.inputs[place].name, self.records
        for portion in self.guard.portions(self.unit, 0, first, first + chunk.records):
            if portion.condemned:
                self._lose(place, chunk.place(portion.start - first), KILLED)
                continue
            with self.guard.holding(self.unit, 0, portion.start, portion.stop):
                try:
                    rows = chunk.rows(portion.start - first, portion.stop - first)
                except Unreadable as error:
                    self._lose(place, error.where, error)
                    continue
                self._stop_if_strict(name, rows)
                self.writer.add(rows, place, name)
            self.guard.advance(len(rows.ids), 0)
        self.records += chunk.records

    def _lose(self, place: int, where: str, error: Unreadable) -> None:
        assert self.writer is not None
        rows = Rows(errors=[(where, error)])
        self._stop_if_strict(self.phase.inputs[place].name, rows)
        self.writer.add(rows, place, self.phase.inputs[place].name)

    def _stop_if_strict(self, name: str, rows: Rows) -> None:
        if self.phase.strict and rows.errors:
            where, error = rows.errors[0]
            raise WorkError(
                f"{name}, {where}: {error.reason}: {error.detail} (--strict stops here)"
            )

    def _next_shard(self) -> bool:
        """Publishes the shard in hand and begins the next; False when there is none left."""
        if self.writer is not None:
            record: dict[str, Any] = {**self.writer.close(), "digests": self.digests}
            self.phase.corpus.complete("ingest", shard_name(self.current), record)
            self.writer, self.digests = None, {}
        left = [n for n in self.shards if n > self.current and n not in self.done]
        if left:
            self.current = left[0]
            root = self.phase.corpus.root
            self.writer = ShardWriter(root, shard_name(self.current), self.phase.options)
        return bool(left)


def shard_name(number: int) -> str:
    return f"{number:05d}"


def digest_of(source: Input) -> str | None:
    """The SHA-256 of an input, None if it cannot be read."""
    raw = Source(replace(source, compression=""))
    try:
        for _ in raw.blocks():
            pass
    except (OSError, Unreadable):
        return None
    return raw.sha256
