"""Counting lines over a corpus: a table for every shard, then what is to go, by group and range.

Shards that follow one another are a group, and a group's hashes are cut into ranges of equal width,
so that what is merged at a time is bounded. A shard's table is one record batch a range. The tables
of what is to go are those of filters/lines.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.filters.lines import FOUND, LAYOUT, SPAN_BITS, SPANS, Lines, split
from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus, Shard
from tamis.pipeline.errors import WorkError
from tamis.pipeline.guard import Guard
from tamis.pipeline.rules import in_scope
from tamis.pipeline.signals import ShardReader, Verdicts, decision_columns, one_chunk
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location, remote
from tamis.pipeline.storage.reading import RangeFile
from tamis.pipeline.storage.scratch import scratch_of

RANGE_BYTES = 1 << 28
"""Text of a group for every range: some 7 million lines, 300 MB while they are merged."""
MOST_BITS = 12
"""4,096 ranges: beyond a terabyte of text a merge takes more memory, rather than reading in bits
that are smaller than a request is worth."""

Columns = dict[str, npt.NDArray[Any]]


class Counter:
    """Counts the units of texts, in order."""

    def __init__(self, measure: Lines) -> None:
        self.measure = measure
        self._parts: list[Columns] = []

    def add(self, texts: pa.LargeStringArray, inputs: pa.Array, places: pa.Array) -> None:
        """Counts the units of some rows, known by input and place."""
        units = self.measure.units(texts)
        counted = np.flatnonzero(
            (units.sizes >= self.measure.shortest) & ~self.measure.repeated(units)
        )
        rows = np.repeat(np.arange(len(texts)), np.diff(units.firsts))[counted]
        part = {
            "hash": units.hashes[counted],
            "count": np.ones(len(counted), np.uint32),
            "input": inputs.to_numpy()[rows],
            "place": places.to_numpy()[rows],
            "line": (counted - units.firsts[rows]).astype(np.int32),
        }
        self._parts.append(part)

    def table(self) -> Columns:
        """The columns of FOUND."""
        return merged(self._parts)


def merged(parts: Sequence[Columns]) -> Columns:
    """Equal hashes as one: their counts added, the first of their places; sorted by hash."""
    blank = {f.name: np.empty(0, f.type.to_pandas_dtype()) for f in FOUND}
    every = [blank, *parts]
    hashes = np.concatenate([part["hash"] for part in every])
    order = np.argsort(hashes)
    ordered = hashes[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    if not len(starts):
        return blank
    firsts = np.minimum.reduceat(order, starts)  # equal hashes may stand in any order
    counts = np.concatenate([part["count"] for part in every])
    found: Columns = {"hash": ordered[starts]}
    found["count"] = np.add.reduceat(counts[order].astype(np.uint64), starts)
    found["count"] = np.minimum(found["count"], np.iinfo(np.uint32).max).astype(np.uint32)
    for name in ("input", "place", "line"):
        found[name] = np.concatenate([part[name] for part in every])[firsts]
    return found


@dataclass(frozen=True)
class Layout:
    """How a corpus's lines are cut: groups of shards, and ranges of hashes."""

    groups: tuple[range, ...]
    """The numbers of their shards."""
    bits: int
    """Of a hash, those that say its range."""

    @property
    def ranges(self) -> int:
        return 1 << self.bits

    @property
    def units(self) -> int:
        """How many tables there are in the end: units of the merge."""
        return len(self.groups) * self.ranges

    def group_of(self, shard: int) -> int:
        return next(number for number, group in enumerate(self.groups) if shard in group)


def layout(shards: Sequence[Shard], measure: Lines) -> Layout:
    """The groups and ranges of shards: of the manifest and the options alone."""
    groups: list[range] = []
    documents = 0
    for number, shard in enumerate(shards):
        documents += shard.rows
        last = groups[-1] if groups else range(0)
        full = measure.group_shards and len(last) >= measure.group_shards
        full = full or (measure.group_documents and documents > measure.group_documents)
        if full or not groups:
            groups.append(range(number, number + 1))
            documents = shard.rows
        else:
            groups[-1] = range(last.start, number + 1)
    largest = max((sum(shards[n].text_bytes for n in group) for group in groups), default=0)
    bits = math.ceil(math.log2(max(1, largest / RANGE_BYTES)))
    return Layout(tuple(groups), min(bits, MOST_BITS))


@dataclass
class _LinesPhase:
    """What counting and merging share."""

    corpus: Corpus
    stage: Stage
    key: str
    """What a record says of what was made for these options and these rows."""
    tasks: Sequence[Sequence[int]]

    @cached_property
    def layout(self) -> Layout:
        return layout(self.corpus.shards, self.measure)

    @property
    def measure(self) -> Lines:
        measure: Any = self.stage.measure
        assert isinstance(measure, Lines)
        return measure

    def _is_merged(self, unit: int) -> bool:
        record = self.corpus.record(_merge(self.stage), _unit_name(unit, self.layout)) or {}
        return record.get("key") == self.key


@dataclass
class LinesCountPhase(_LinesPhase):
    """Writes the table of every shard; its units are shards."""

    earlier: list[Stage] = field(default_factory=list)

    @property
    def name(self) -> str:
        return _count(self.stage)

    def part(self, rank: int) -> LinesCountPhase:
        return self

    def done(self, unit: int) -> bool:
        """Whether a shard was counted, be it that its group is merged and the count gone."""
        record = self.corpus.record(self.name, self.corpus.shards[unit].name) or {}
        if record.get("key") == self.key:
            return True
        group, ranges = self.layout.group_of(unit), self.layout.ranges
        if group not in self._known_merged:
            parts = range(group * ranges, (group + 1) * ranges)
            if not all(map(self._is_merged, parts)):
                return False
            self._known_merged.add(group)
        return True

    @cached_property
    def _known_merged(self) -> set[int]:
        """Groups that need no more asking: each takes a request a range."""
        return set()

    def size(self, unit: int) -> int:
        return self.corpus.shards[unit].text_bytes

    def work(self, unit: int, guard: Guard) -> None:
        """Counts one shard."""
        if self.done(unit):
            return
        shard = self.corpus.shards[unit]
        counter = Counter(self.measure)
        with ExitStack() as stack:
            reader = ShardReader(self.corpus, shard.name, self.earlier, stack)
            for group in range(reader.row_groups):
                self._add(reader, group, counter)
                rows = reader.rows(group)
                guard.advance(rows, shard.text_bytes * rows // max(1, shard.rows))
        path = _counts(self.corpus, self.stage, shard.name)
        retract = partial(self.corpus.retract, self.name, shard.name)
        with files.atomic(path, before=retract) as draft:
            written = write(draft.path, counter.table(), cut=self.layout.bits)
        self.corpus.complete(
            self.name, shard.name, {"key": self.key, "hashes": written, **draft.facts}
        )

    def _add(self, reader: ShardReader, group: int, counter: Counter) -> None:
        """Counts the rows of a row group that reach the stage."""
        names = decision_columns([*self.earlier]) | {"text", "input", "place", *self.stage.only}
        columns = reader.read(group, names)
        alive = np.ones(reader.rows(group), np.bool_)
        for stage in self.earlier:
            alive = Verdicts(stage, columns, alive).passed
        alive &= in_scope(self.stage.only, columns, len(alive))
        mask = pa.array(alive)
        counter.add(*(columns[name].filter(mask) for name in ("text", "input", "place")))


@dataclass
class LinesMergePhase(_LinesPhase):
    """Writes what is to go; its units are ranges of groups, one group after another."""

    @property
    def name(self) -> str:
        return _merge(self.stage)

    def part(self, rank: int) -> LinesMergePhase:
        return self

    def done(self, unit: int) -> bool:
        """Whether the tables of these counts are there."""
        return self._is_merged(unit)

    def size(self, unit: int) -> int:
        group = self.layout.groups[unit // self.layout.ranges]
        return sum(self.corpus.shards[n].text_bytes for n in group) // self.layout.ranges

    def work(self, unit: int, guard: Guard) -> None:
        """Merges one range of a group's hashes."""
        if self.done(unit):
            return
        group, part = divmod(unit, self.layout.ranges)
        shards = [self.corpus.shards[n] for n in self.layout.groups[group]]
        if part == 0 and self.measure.grouped:
            self._note_rows(group, [shard.name for shard in shards])
        counted = [_read(_counts(self.corpus, self.stage, s.name), part) for s in shards]
        found = merged(counted)
        often = found["count"] > self.measure.more_than
        name = _unit_name(unit, self.layout)
        path = folder(self.corpus, self.stage) / f"{name}.arrow"
        with files.atomic(path, before=partial(self.corpus.retract, self.name, name)) as draft:
            rows = {name: column[often] for name, column in found.items()}
            write(draft.path, rows, said=self.layout)
        record = {"key": self.key, "hashes": len(often), "listed": int(often.sum())}
        self.corpus.complete(self.name, name, {**record, **draft.facts})
        guard.advance(sum(s.rows for s in shards) // self.layout.ranges, self.size(unit))

    def _note_rows(self, group: int, shards: Sequence[str]) -> None:
        """Says which rows are a group's."""
        path = folder(self.corpus, self.stage) / f"{group:05d}-places.arrow"
        with files.atomic(path) as draft:
            write_spans(draft.path, spans([self._rows(shard) for shard in shards]))

    def _rows(self, shard: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        with files.parquet_file(self.corpus.signals("ingest", shard)) as file:
            table = file.read(columns=["input", "place"], use_threads=False)
        inputs, places = (one_chunk(table.column(n)).to_numpy() for n in ("input", "place"))
        return inputs, places


def spans(rows: Sequence[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> list[npt.NDArray[Any]]:
    """The columns of SPANS of the rows of some shards, given by inputs and places."""
    found: list[tuple[int, int, int]] = []
    for inputs, places in rows:
        order = np.lexsort((places, inputs))
        inputs, places = inputs[order], places[order]
        files_ = places >> SPAN_BITS
        new = (inputs[1:] != inputs[:-1]) | (files_[1:] != files_[:-1])
        starts = np.flatnonzero(np.concatenate([[True], new])[: len(inputs)])
        ends = np.append(starts[1:], len(inputs)) - 1 if len(starts) else starts
        found += zip(inputs[starts], places[starts], places[ends], strict=True)
    columns = zip(*found, strict=True) if found else ((), (), ())
    return [
        np.array(list(column), f.type.to_pandas_dtype())
        for column, f in zip(columns, SPANS, strict=True)
    ]


def folder(corpus: Corpus, stage: Stage) -> Location:
    """Where a stage's tables are."""
    return corpus.root / "signals" / stage.name / "lines"


def tables(corpus: Corpus, stage: Stage, key: str) -> Path:
    """The folder of the tables on this machine, for Lines.with_table; a copy if they are elsewhere.

    Raises WorkError if they are not whole.
    """
    phase = LinesMergePhase(corpus, stage, key, ())
    names = [_unit_name(unit, phase.layout) for unit in range(phase.layout.units)]
    records = [corpus.record(phase.name, name) or {} for name in names]
    if any(record.get("key") != key for record in records):
        raise WorkError(f"stage '{stage.name}': its lines are not counted: run the command again")
    place = folder(corpus, stage)
    if isinstance(place, Path):
        return place
    local = scratch_of(f"{place} {key}")
    wanted = {f"{name}.arrow": record["bytes"] for name, record in zip(names, records, strict=True)}
    if phase.measure.grouped:
        wanted |= {f"{group:05d}-places.arrow": -1 for group in range(len(phase.layout.groups))}
    for name, size in wanted.items():
        path = local / name
        if not path.is_file() or size not in (-1, path.stat().st_size):
            with files.atomic(path, durable=False) as copy:
                copy.path.write_bytes((place / name).read_bytes())
    return local


def clean(corpus: Corpus, stage: Stage) -> None:
    """Removes what is of no use once all is merged: the tables of shards, and those of a merge of
    other groups or ranges."""
    measure: Any = stage.measure
    cut = layout(corpus.shards, measure)
    wanted = {f"{_unit_name(unit, cut)}.arrow" for unit in range(cut.units)}
    wanted |= {f"{group:05d}-places.arrow" for group in range(len(cut.groups))}
    for shard in corpus.shards:
        corpus.retract(_count(stage), shard.name)
    place = folder(corpus, stage)
    for path in list(place.iterdir()) if not isinstance(place, Path) or place.exists() else []:
        if path.name not in wanted:
            path.unlink(missing_ok=True)


def _count(stage: Stage) -> str:
    return f"{stage.name}-count"


def _merge(stage: Stage) -> str:
    return f"{stage.name}-merge"


def _unit_name(unit: int, cut: Layout) -> str:
    group, part = divmod(unit, cut.ranges)
    return f"{group:05d}-{part:05d}"


def _counts(corpus: Corpus, stage: Stage, shard: str) -> Location:
    return folder(corpus, stage) / f"counts-{shard}.arrow"


def write(path: Path, columns: Columns, cut: int = 0, said: Layout | None = None) -> int:
    """Writes sorted hashes, a record batch a range of so many bits; gives how many there are."""
    arrays = [pa.array(columns[name], FOUND.field(name).type) for name in FOUND.names]
    batch = pa.record_batch(arrays, schema=FOUND)
    ends = {part: len(mine) for part, mine in split(columns["hash"], cut)}
    layout = files.canonical({"bits": said.bits, "groups": len(said.groups)} if said else {})
    start = 0
    with pa.ipc.new_file(str(path), FOUND.with_metadata({LAYOUT: layout})) as writer:
        for part in range(1 << cut):
            writer.write_batch(batch.slice(start, ends.get(part, 0)))
            start += ends.get(part, 0)
    return start


def write_spans(path: Path, columns: Sequence[npt.NDArray[Any]]) -> None:
    """Writes the columns of SPANS."""
    with pa.ipc.new_file(str(path), SPANS) as writer:
        writer.write_batch(pa.record_batch([pa.array(column) for column in columns], schema=SPANS))


def _read(place: Location, part: int) -> Columns:
    """The columns of one range."""
    try:
        if isinstance(place, Path):
            source: Any = pa.memory_map(str(place))
        else:
            there = remote(place)
            source = pa.PythonFile(RangeFile(there.read, there.facts().bytes), "r")
        with source, pa.ipc.open_file(source) as file:
            batch = file.get_batch(part)
            return {name: batch.column(name).to_numpy().copy() for name in FOUND.names}
    except FileNotFoundError:
        raise WorkError(f"{place} is gone: the corpus is damaged") from None
    except pa.ArrowException as error:
        raise WorkError(f"{place} is damaged: {error}") from error
