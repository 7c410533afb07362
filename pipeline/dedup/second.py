"""The second round: clusters whose keeper failed a later rule are given another chance.

Their other members are measured by the stages after this one, and are cut into clusters again, with
those in front that pass. The answer is the first one, but for these members.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.match import write_members
from tamis.pipeline.dedup.signed import Signed
from tamis.pipeline.dedup.work import Work, WorkPhase, numbers
from tamis.pipeline.rounds import CHANCE, FIRST
from tamis.pipeline.rules import Mask
from tamis.pipeline.signals import ShardReader, Verdicts, decision_columns, one_chunk
from tamis.pipeline.stage import Stage

OF_TEXT = {"text", "text_bytes"}
"""Columns of documents that are the same for the same text."""


@dataclass
class JudgePhase(WorkPhase):
    """Notes who passes the rules of later stages; its units are shards.

    In the first view these are keepers of clusters, and what is noted are clusters whose keeper
    fails; in the view `chance` they are members of such clusters, and the rows that pass are.
    """

    earlier: list[Stage]
    judges: list[Stage]

    @property
    def view(self) -> str:
        return self.work_.stage.view

    @property
    def name(self) -> str:
        return f"{self.work_.stage.name}-judge-{self.view}"

    def done(self, unit: int) -> bool:
        return self.work_.done(self.file(unit))

    def file(self, unit: int) -> str:
        return f"{self.view}-{unit:05d}"

    def make(self, unit: int) -> None:
        """Writes the clusters that failed, or the rows that pass."""
        stage = self.work_.stage
        stages = [*self.earlier, stage, *self.judges]
        names = decision_columns(stages) | {*stage.schema.names}
        found, first = [np.empty(0, np.int64)], 0
        with ExitStack() as stack:
            reader = ShardReader(self.corpus, self.corpus.shards[unit].name, stages, stack)
            for group in range(reader.row_groups):
                columns, rows = reader.read(group, names), reader.rows(group)
                before = _alive([*self.earlier, stage], columns, np.ones(rows, np.bool_))
                after = _alive(self.judges, columns, before)
                found.append(self._noted(columns, before, after, first))
                first += rows
        self.work_.write(self.file(unit), {"found": np.concatenate(found)})

    def _noted(self, columns: dict[str, pa.Array], before: Mask, after: Mask, first: int) -> Any:
        if self.view == CHANCE:
            return np.flatnonzero(after) + first
        failed = pa.array(before & ~after)
        given = self.work_.stage.given
        keeper = pc.equal(columns[given["duplicate"]], False)
        mine = pc.and_(failed, pc.fill_null(keeper, False))
        clusters = columns[given["duplicate_cluster"]].filter(mine).drop_null()
        return clusters.to_numpy(zero_copy_only=False)


def _alive(stages: Sequence[Stage], columns: dict[str, pa.Array], alive: Mask) -> Mask:
    for stage in stages:
        alive = Verdicts(stage, columns, alive).passed
    return alive


def write_chances(work: Work, judged: JudgePhase, signed: Signed) -> None:
    """Writes the members of clusters whose keeper failed, and which of them are to be measured."""
    clusters = [np.empty(0, np.int64)]
    for unit in range(len(work.corpus.shards)):
        clusters.append(numbers(work.read(judged.file(unit)), "found"))
    failed = np.sort(np.concatenate(clusters))
    parts = [(np.empty(0, np.int64),) * 2]
    for unit in range(len(work.corpus.shards) if len(failed) else 0):
        parts.append(_members(work, signed, unit, failed))
    cluster, rows = (np.concatenate(part) for part in zip(*parts, strict=True))
    keeper = (signed.numbers(rows) == cluster).astype(np.uint8) if len(rows) else rows
    write_members(work, signed, rows, cluster, keeper, "chances")


def _members(work: Work, signed: Signed, unit: int, clusters: Any) -> tuple[Any, Any]:
    """The documents of a shard in some clusters: these, and the numbers of signed rows."""
    shard = work.corpus.shards[unit].name
    column = work.stage.given["duplicate_cluster"]
    path = work.corpus.signals(f"{work.stage.name}/{FIRST}", shard)
    with files.parquet_file(path) as file:
        mine = one_chunk(file.read(columns=[column], use_threads=False).column(column))
    found = pc.is_in(mine, value_set=pa.array(clusters, pa.int64())).to_numpy(False)
    rows = np.flatnonzero(found)
    position = np.searchsorted(signed.file(unit).row, rows)
    return mine.to_numpy(False)[rows].astype(np.int64), position + signed.firsts[unit]


def to_measure(work: Work, judges: Sequence[Stage]) -> Any:
    """The rows that get a chance, ascending: one of each text, if nothing but text is judged."""
    batch = work.read("chances")
    rows = numbers(batch, "row")
    asked = {name for stage in judges for name in (*stage.measure.needs, *stage.only)}
    asked |= {name for stage in judges for rule in stage.rules for name in rule.columns}
    asked -= {name for stage in judges for name in stage.schema.names}
    chance = numbers(batch, "failed") == 0
    if asked <= OF_TEXT:
        chance &= rows == numbers(batch, "representative")
    return np.sort(rows[chance])


@dataclass
class ChancePhase(WorkPhase):
    """Writes the first answer as if members with a chance had been kept; units are shards."""

    rows: Any

    step: ClassVar[str] = "chance"

    @property
    def place(self) -> str:
        return f"{self.work_.stage.name}/{CHANCE}"

    def done(self, unit: int) -> bool:
        record = self.corpus.record(self.place, self.corpus.shards[unit].name) or {}
        return record.get("key") == self.work_.key

    def make(self, unit: int) -> None:
        """Writes one shard."""
        stage, shard = self.work_.stage, self.corpus.shards[unit].name
        signed = Signed(self.corpus, stage)
        low, high = signed.firsts[unit], signed.firsts[unit + 1]
        mine = self.rows[slice(*np.searchsorted(self.rows, (low, high)))] - low
        chosen = signed.file(unit).row[mine]
        blank = {"duplicate": pa.scalar(False), "duplicate_of": None, "duplicate_similarity": None}
        columns = {stage.given[name]: value for name, value in blank.items()}
        rewrite(self.corpus, stage, shard, self.place, partial(_blank, chosen, columns))
        self.corpus.complete(self.place, shard, {"key": self.work_.key})


def _blank(chosen: Any, values: dict[str, Any], table: pa.Table, first: int) -> pa.Table:
    """Values in the place of those of chosen rows of a shard, in a table that begins at `first`."""
    mask = np.zeros(table.num_rows, np.bool_)
    inside = chosen[(chosen >= first) & (chosen < first + table.num_rows)] - first
    mask[inside] = True
    for name, value in values.items():
        place = table.schema.get_field_index(name)
        column = pc.if_else(
            pa.array(mask), pa.scalar(value, table.schema.field(name).type), table.column(name)
        )
        table = table.set_column(place, table.schema.field(name), column)
    return table


def rewrite(corpus: Corpus, stage: Stage, shard: str, target: str, change: Any) -> files.Draft:
    """Writes the first answer of a shard with a change to every row group to another place."""
    with (
        files.atomic(
            corpus.signals(target, shard), before=partial(corpus.retract, target, shard)
        ) as draft,
        files.parquet_file(corpus.signals(f"{stage.name}/{FIRST}", shard)) as old,
        files.parquet_writer(draft.path, stage.schema) as new,
    ):
        first = 0
        for group in range(old.num_row_groups):
            table = old.read_row_group(group, use_threads=False)
            new.write_table(change(table, first), row_group_size=max(1, table.num_rows))
            first += table.num_rows
    return draft


def order_again(work: Work, judged: JudgePhase, measured: Any, signed: Signed) -> None:
    """Writes the members of these clusters once more, those in front that pass."""
    batch = work.read("chances")
    rows, follows = numbers(batch, "row"), numbers(batch, "representative")
    passed = [np.empty(0, np.int64)]
    for unit in [unit for units in judged.tasks for unit in units]:
        documents = numbers(work.read(judged.file(unit)), "found")
        position = np.searchsorted(signed.file(unit).row, documents)
        passed.append(position + signed.firsts[unit])
    good = np.intersect1d(np.concatenate(passed), measured)
    # A text that was measured once speaks for its copies.
    copies = ~np.isin(rows, measured) & (numbers(batch, "failed") == 0) & np.isin(follows, good)
    failed = (~(np.isin(rows, good) | copies)).astype(np.uint8)
    write_members(work, signed, rows, numbers(batch, "component"), failed)
