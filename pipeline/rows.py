"""Row-by-row stages over shards: each shard is read once and passes through consecutive stages.

A stage evaluates the rows that the rules of all earlier stages let through and that it has not
evaluated before: run again with looser rules, it evaluates just the rows that came alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.evaluate import Evaluation
from tamis.pipeline.files import Draft
from tamis.pipeline.guard import Guard
from tamis.pipeline.rules import Columns, Mask
from tamis.pipeline.schema import Status
from tamis.pipeline.signals import (
    ALL,
    ShardReader,
    Verdicts,
    decision_columns,
    is_current,
    promise,
)
from tamis.pipeline.stage import Stage


@dataclass
class RowPhase:
    """Consecutive row-by-row stages; its units are shards."""

    corpus: Corpus
    earlier: list[Stage]
    stages: list[Stage]
    fingerprints: dict[str, str]
    tasks: Sequence[Sequence[int]]
    all_rows: bool = False
    again: str = ""
    """The key of the second round of clusters, if it brought some of these rows to life."""

    @property
    def name(self) -> str:
        return "+".join(stage.name for stage in self.stages)

    def done(self, unit: int) -> bool:
        """Whether every stage has measured what it is asked for in a shard."""
        return self._is_done(self.corpus.shards[unit].name)

    def size(self, unit: int) -> int:
        return self.corpus.shards[unit].text_bytes

    def part(self, rank: int) -> RowPhase:
        return self

    def work(self, unit: int, guard: Guard) -> None:
        """Measures one shard and writes the signals of every stage, then their records."""
        shard = self.corpus.shards[unit].name
        if self._is_done(shard):
            return
        known = {stage.name: self._known(stage, shard) for stage in self.stages}
        with ExitStack() as stack:
            reader = ShardReader(self.corpus, shard, self.earlier, stack)
            drafts = [self._draft(stage, shard, stack) for stage in self.stages]
            evaluations = [
                self._evaluation(stage, shard, draft, stack)
                for stage, draft in zip(self.stages, drafts, strict=True)
            ]
            first = 0
            for group in range(reader.row_groups):
                self._row_group(reader, evaluations, (unit, group, first), guard)
                first += reader.rows(group)
        for stage, draft in zip(self.stages, drafts, strict=True):
            promised = known[stage.name] | self._promise(stage)
            self.corpus.complete(stage.name, shard, {**promised, **draft.facts})

    def _draft(self, stage: Stage, shard: str, stack: ExitStack) -> Draft:
        # Until the new record is written nothing vouches for the file that is being replaced.
        path = self.corpus.signals(stage.name, shard)
        retract = partial(self.corpus.retract, stage.name, shard)
        return stack.enter_context(files.atomic(path, before=retract))

    def _evaluation(self, stage: Stage, shard: str, draft: Draft, stack: ExitStack) -> Evaluation:
        path = self.corpus.signals(stage.name, shard)
        current = is_current(self.corpus, stage, shard, self.fingerprints[stage.name])
        place = self.stages.index(stage)
        return Evaluation(stage, place, path if current else None, draft.path, stack)

    def _row_group(
        self,
        reader: ShardReader,
        evaluations: Sequence[Evaluation],
        place: tuple[int, int, int],
        guard: Guard,
    ) -> None:
        unit, group, first = place
        if self.again and self._nothing_new(reader, group, evaluations):
            for evaluation in evaluations:
                evaluation.keep(group)
            return
        columns = reader.read(group, self._columns_read())
        alive = self._alive(columns, reader.rows(group))
        for evaluation in evaluations:
            asked = np.ones_like(alive) if self.all_rows else alive
            columns = evaluation.row_group(columns, asked, (unit, group, first), guard)
            alive = Verdicts(evaluation.stage, columns, alive).passed
        shard = self.corpus.shards[unit]
        guard.advance(len(alive), shard.text_bytes * len(alive) // shard.rows)

    def _alive(self, columns: Columns, rows: int) -> Mask:
        alive = np.ones(rows, np.bool_)
        for stage in self.earlier:
            alive = Verdicts(stage, columns, alive).passed
        return alive

    def _nothing_new(
        self, reader: ShardReader, group: int, evaluations: Sequence[Evaluation]
    ) -> bool:
        """Whether all rows that reach a stage were measured by it: then no text need be read."""
        names = decision_columns([*self.earlier, *self.stages])
        columns = reader.read(group, names)
        alive = self._alive(columns, reader.rows(group))
        for evaluation in evaluations:
            columns |= evaluation.decided(group, names)
            status = columns.get(evaluation.status)
            if status is None or (alive & (status.to_numpy() == Status.NOT_EVALUATED)).any():
                return False
            alive = Verdicts(evaluation.stage, columns, alive).passed
        return True

    def _columns_read(self) -> set[str]:
        needs = {name for stage in self.stages for name in stage.measure.needs}
        given = {name for stage in self.stages for name in stage.schema.names}
        wanted = needs | decision_columns([*self.earlier, *self.stages])
        return wanted - (given - {"text"})

    def _is_done(self, shard: str) -> bool:
        for stage in self.stages:
            record, promised = self.corpus.record(stage.name, shard) or {}, self._promise(stage)
            if record.get("fingerprint") != promised["fingerprint"]:
                return False
            if self.again and record.get("again") != self.again:
                return False
            if not self.again and record.get("rows_asked_for") not in (
                ALL,
                promised["rows_asked_for"],
            ):
                return False
        return True

    def _known(self, stage: Stage, shard: str) -> dict[str, str]:
        """What a record vouches for that stays so in the second round: the rows of the first."""
        record = self.corpus.record(stage.name, shard) if self.again else None
        return {"rows_asked_for": record["rows_asked_for"]} if record else {}

    def _promise(self, stage: Stage) -> dict[str, str]:
        """What a completion record vouches for: what was measured, and of which rows."""
        if self.again:
            return {"fingerprint": self.fingerprints[stage.name], "again": self.again}
        upstream = [*self.earlier, *self.stages[: self.stages.index(stage)]]
        rows = ALL if self.all_rows else promise(upstream, self.fingerprints)
        return {"fingerprint": self.fingerprints[stage.name], "rows_asked_for": rows}
