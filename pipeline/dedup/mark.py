"""Marking: the signals of every document, from what was decided about those in groups."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline import files
from tamis.pipeline.dedup.elect import METHODS
from tamis.pipeline.dedup.rates import tallied
from tamis.pipeline.dedup.second import rewrite
from tamis.pipeline.dedup.signed import Signed
from tamis.pipeline.dedup.work import Work, WorkPhase, numbers, stars_name
from tamis.pipeline.rounds import FIRST
from tamis.pipeline.rules import Mask, in_scope
from tamis.pipeline.schema import Status
from tamis.pipeline.signals import ShardReader, one_chunk
from tamis.pipeline.stage import Stage

DECIDED = pa.schema(
    [
        ("of", pa.string()),
        ("cluster", pa.int64()),
        ("size", pa.int32()),
        ("similarity", pa.float32()),
        ("by", pa.uint8()),
        ("band", pa.int16()),
        ("chained", pa.bool_()),
    ]
)
"""What is decided of members of groups."""


@dataclass
class MarkPhase(WorkPhase):
    """Writes the first answer of a stage; its units are shards."""

    units: int
    earlier: list[Stage]

    step: ClassVar[str] = "mark"

    @property
    def place(self) -> str:
        return f"{self.work_.stage.name}/{FIRST}"

    def done(self, unit: int) -> bool:
        record = self.corpus.record(self.place, self.corpus.shards[unit].name) or {}
        return record.get("fingerprint") == self.work_.key

    def make(self, unit: int) -> None:
        """Writes the signals of one shard."""
        stage, shard = self.work_.stage, self.corpus.shards[unit]
        signed = Signed(self.corpus, stage)
        answers = Answers(self.work_, signed, self.units, unit)
        path = self.corpus.signals(self.place, shard.name)
        retract = partial(self.corpus.retract, self.place, shard.name)
        with (
            files.atomic(path, before=retract) as draft,
            files.parquet_writer(draft.path, stage.schema) as out,
            ExitStack() as stack,
        ):
            first, reader = 0, ShardReader(self.corpus, shard.name, self.earlier, stack)
            for group in range(reader.row_groups):
                stop = first + reader.rows(group)
                columns = answers.between(first, stop)
                within = in_scope(stage.only, reader.read(group, stage.only), stop - first)
                columns[f"{stage.name}_status"] = _outside(columns[f"{stage.name}_status"], within)
                table = pa.Table.from_arrays(list(columns.values()), schema=stage.schema)
                out.write_table(table, row_group_size=max(1, stop - first))
                first = stop
        found = tallied(self.corpus, stage, shard.name, self.place)
        record = {"fingerprint": self.work_.key, **found, **draft.facts}
        self.corpus.complete(self.place, shard.name, record)


def _outside(status: pa.Array, within: Mask) -> pa.Array:
    """The status of documents, of which those out of the stage's scope were not signed."""
    values = status.to_numpy().copy()
    values[~within] = Status.NOT_APPLICABLE
    return pa.array(values)


@dataclass
class SettlePhase(WorkPhase):
    """Writes the final answer of a stage: the first, but for clusters that were cut again."""

    units: int

    step: ClassVar[str] = "settle"

    def done(self, unit: int) -> bool:
        record = self.corpus.record(self.work_.stage.name, self.corpus.shards[unit].name) or {}
        return record.get("settled") == self.work_.key

    def make(self, unit: int) -> None:
        """Writes one shard; its first answer by another name if nothing in it changed."""
        stage, shard = self.work_.stage, self.corpus.shards[unit].name
        first = self.corpus.record(f"{stage.name}/{FIRST}", shard) or {}
        facts = {name: first[name] for name in ("fingerprint", "bytes", "sha256")}
        again = Answers(self.work_, Signed(self.corpus, stage), self.units, unit)
        self.corpus.retract(stage.name, shard)
        if len(again.rows):
            draft = rewrite(self.corpus, stage, shard, stage.name, again.overlaid)
            facts |= draft.facts
        else:
            target = self.corpus.signals(stage.name, shard)
            target.unlink(missing_ok=True)
            files.copy(self.corpus.signals(f"{stage.name}/{FIRST}", shard), target)
        found = tallied(self.corpus, stage, shard, stage.name)
        record = {"settled": self.work_.key, "decided_again": len(again.rows), **found, **facts}
        self.corpus.complete(stage.name, shard, record)


class Answers:
    """What was decided about the documents of a shard."""

    def __init__(self, work: Work, signed: Signed, units: int, unit: int) -> None:
        self.schema = work.stage.schema
        low, high = signed.firsts[unit], signed.firsts[unit + 1]
        file = signed.file(unit)
        self.signed = file.row
        self.words = file.shingles > 0
        self.by_words = {*work.stage.measure.methods} <= {"minhash", "containment"}  # type: ignore[attr-defined]
        parts: list[pa.RecordBatch] = []
        for place in range(units):
            batch = work.read(stars_name(place))
            bounds = np.searchsorted(numbers(batch, "row"), (low, high))
            parts.append(batch.slice(bounds[0], bounds[1] - bounds[0]))
        self.rows, self.decided = np.empty(0, np.int32), DECIDED.empty_table()
        if parts:
            self.decided = pa.Table.from_batches(parts).sort_by("row").combine_chunks()
            self.rows = self.signed[self.decided.column("row").to_numpy() - low]

    def overlaid(self, table: pa.Table, first: int) -> pa.Table:
        """A table of the first answer, its first row this one of the shard, with these over it."""
        new = self.between(first, first + table.num_rows)
        start, end = np.searchsorted(self.rows, (first, first + table.num_rows))
        mask = np.zeros(table.num_rows, np.bool_)
        mask[self.rows[start:end] - first] = True
        columns = [
            pc.if_else(pa.array(mask), new[name], one_chunk(table.column(name)))
            for name in table.schema.names
        ]
        return pa.Table.from_arrays(columns, schema=table.schema)

    def between(self, first: int, stop: int) -> dict[str, pa.Array]:
        """The columns of the documents first to stop of the shard."""
        count = stop - first
        mine = slice(*np.searchsorted(self.signed, (first, stop)))
        status = np.zeros(count, np.uint8)
        status[self.signed[mine] - first] = Status.EVALUATED
        if self.by_words:
            status[self.signed[mine][~self.words[mine]] - first] = Status.NOT_APPLICABLE
        evaluated = status == Status.EVALUATED
        start, end = np.searchsorted(self.rows, (first, stop)).tolist()
        table, rows = self.decided.slice(start, end - start), self.rows[start:end] - first
        return dict(
            zip(
                self.schema.names,
                [
                    pa.array(status),
                    pa.nulls(count, pa.string()),
                    *_columns(table, rows, evaluated),
                ],
                strict=True,
            )
        )


def _columns(table: pa.Table, rows: Any, evaluated: Any) -> list[pa.Array]:
    """The columns that a stage gives: of documents in no group, and over them those in one."""
    count = len(evaluated)
    of = np.full(count, None, object)
    of[rows] = table.column("of").to_pylist()
    removed = np.zeros(count, np.bool_)
    removed[rows] = table.column("of").is_valid().to_numpy()
    cluster, size = np.zeros(count, np.int64), np.ones(count, np.int32)
    cluster[rows], size[rows] = (table.column(name).to_numpy() for name in ("cluster", "size"))
    similarity = np.full(count, np.nan, np.float32)
    similarity[rows] = table.column("similarity").to_numpy()
    by, band, chained = (np.full(count, v, t) for v, t in ((0, int), (-1, np.int16), (0, bool)))
    by[rows], band[rows] = table.column("by").to_numpy(), table.column("band").to_numpy()
    chained[rows] = table.column("chained").to_numpy(zero_copy_only=False)
    names = pa.array(METHODS, pa.string())
    return [
        pa.array(removed, mask=~evaluated),
        pa.array(cluster, mask=size == 1),
        pa.array(size, mask=~evaluated),
        pa.array(of, pa.string()),
        pa.array(similarity, mask=~removed | np.isnan(similarity)),
        names.take(pa.array(by, mask=~removed)),
        pa.array(band, mask=~removed | (band < 0)),
        pa.array(chained, mask=~evaluated),
    ]
