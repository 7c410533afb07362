"""What stages take from all documents alive: the values of quantiles, and buckets between them.

A rule may be bounded by quantiles of a signal over the rows that reach it, and a measure may sort
its rows into buckets by quantiles of a signal, for every group of rows apart: head, middle and tail
of the perplexities of each language. Both are known once a stage has measured all its rows. What a
rule falls on is noted; buckets are a column, so the stage's signals are written once more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.filters.buckets import Buckets
from tamis.pipeline import files, rounds
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.guard import Guard
from tamis.pipeline.ledger import Decision
from tamis.pipeline.phase import Runner, pending
from tamis.pipeline.quantiles import quantile, quantiles
from tamis.pipeline.rules import Rule, floats
from tamis.pipeline.signals import ShardReader, decision_columns, one_chunk, promise
from tamis.pipeline.stage import Stage

QUANTILES = "quantiles"  # the record of what they fall on, beside those of the shards
Bounds = Sequence[float | None]
Cuts = Mapping[str, Sequence[float]]
"""Of every group, the values between its buckets."""


def is_calibrated(stage: Stage) -> bool:
    """Whether something of it depends on all documents alive."""
    return stage.buckets is not None or any(rule.quantile for rule in stage.rules)


class Calibration:
    """The quantiles and buckets of a corpus's stages."""

    def __init__(
        self, corpus: Corpus, fingerprints: dict[str, str], tasks: Sequence[Sequence[int]]
    ) -> None:
        self.corpus, self.fingerprints, self.tasks = corpus, fingerprints, tasks

    def settle(self, stages: Sequence[Stage], runner: Runner) -> None:
        """Notes what the quantiles of measured stages fall on, and fills their buckets."""
        known: list[Stage] = []
        for stage in stages:
            if is_calibrated(stage) and self._record(stage, known) is None:
                self._note(stage, known)
            if (phase := self.buckets(stage, known)) is not None and pending(phase):
                runner.run(phase, quiet=True)
            known.append(self.resolved(stage, known))

    def resolved(self, stage: Stage, earlier: Sequence[Stage]) -> Stage:
        """The stage with the quantiles of its rules replaced by the values they fall on."""
        if all(rule.quantile is None for rule in stage.rules):
            return stage
        if record := self._record(stage, earlier):
            values: Mapping[str, Bounds] = {k: _read(v) for k, v in record["values"].items()}
        else:
            values = self._values(stage, earlier)
        rules = tuple(
            rule.resolved(*values[rule.name]) if rule.quantile else rule for rule in stage.rules
        )
        return dataclasses.replace(stage, rules=rules)

    def buckets(self, stage: Stage, earlier: Sequence[Stage]) -> BucketPhase | None:
        """The phase that fills a stage's buckets; None without any, or if no cuts are noted."""
        record = self._record(stage, earlier)
        if stage.buckets is None or record is None:
            return None
        cuts = {group: [float.fromhex(cut) for cut in c] for group, c in record["cuts"].items()}
        return BucketPhase(self.corpus, stage, stage.buckets, cuts, self.tasks)

    def cuts(self, stage: Stage, earlier: Sequence[Stage]) -> Cuts:
        """What lies between the buckets of a stage that is settled, by group."""
        phase = self.buckets(stage, earlier)
        return phase.cuts if phase else {}

    def is_settled(self, stage: Stage, earlier: Sequence[Stage]) -> bool:
        """Whether a stage's buckets, if it has any, are those of the documents alive now."""
        if stage.buckets is None:
            return True
        phase = self.buckets(stage, earlier)
        records = self.corpus.records(stage.name) if phase else []
        return phase is not None and all(r and r.get("buckets") == phase.key for r in records)

    def _record(self, stage: Stage, earlier: Sequence[Stage]) -> dict[str, Any] | None:
        record = self.corpus.record(stage.name, QUANTILES) or {}
        return record if record.get("promise") == self._promise(stage, earlier) else None

    def _note(self, stage: Stage, earlier: Sequence[Stage]) -> None:
        record = {
            "promise": self._promise(stage, earlier),
            "values": {rule: _written(v) for rule, v in self._values(stage, earlier).items()},
            "cuts": {group: _written(cuts) for group, cuts in self._cuts(stage, earlier).items()},
        }
        self.corpus.complete(stage.name, QUANTILES, record)

    def _promise(self, stage: Stage, earlier: Sequence[Stage]) -> str:
        return promise(_seen(stage, earlier), self.fingerprints)

    def _values(self, stage: Stage, earlier: Sequence[Stage]) -> dict[str, Bounds]:
        """The bounds that the quantiles of a stage's rules fall on."""
        return {r.name: self._bounds(r, stage, earlier) for r in stage.rules if r.quantile}

    def _bounds(self, rule: Rule, stage: Stage, earlier: Sequence[Stage]) -> Bounds:
        assert rule.quantile is not None
        low, high = rule.quantile

        def values() -> Iterator[Any]:
            for part in self._alive(stage, earlier, (rule.column,)):
                yield floats(part[rule.column])

        return (
            quantile(values, low) if low > 0 else None,
            quantile(values, high) if high < 1 else None,
        )

    def _cuts(self, stage: Stage, earlier: Sequence[Stage]) -> dict[str, list[float]]:
        """The values between the buckets of every group."""
        if (buckets := stage.buckets) is None:
            return {}
        numbers: dict[str, int] = {}

        def values() -> Iterator[tuple[Any, Any]]:
            for part in self._alive(stage, earlier, (buckets.of, buckets.by)):
                names = pc.fill_null(part[buckets.by], "").to_pylist()
                groups = [numbers.setdefault(name, len(numbers)) for name in names]
                yield floats(part[buckets.of]), np.array(groups, np.int64)

        found = quantiles(values, buckets.shares)
        return {name: found[n] for name, n in sorted(numbers.items()) if n in found}

    def _alive(
        self, stage: Stage, earlier: Sequence[Stage], wanted: Sequence[str]
    ) -> Iterator[dict[str, pa.Array]]:
        """Signals of the rows that reach a stage's rules, a row group at a time."""
        stages = _seen(dataclasses.replace(stage, rules=()), earlier)
        names = decision_columns(stages) | set(wanted)
        for shard in self.corpus.shards:
            with ExitStack() as stack:
                reader = ShardReader(self.corpus, shard.name, stages, stack)
                for group in range(reader.row_groups):
                    columns = reader.read(group, names)
                    kept = pa.array(Decision(stages, columns, reader.rows(group)).kept)
                    yield {name: columns[name].filter(kept) for name in wanted}


def _seen(stage: Stage, earlier: Sequence[Stage]) -> list[Stage]:
    """A stage and those before it in the view that it is calibrated in: that of the first round."""
    return [*rounds.before(earlier, stage), *rounds.viewed([stage])]


@dataclass
class BucketPhase:
    """Fills the column of a stage's buckets; its units are shards."""

    corpus: Corpus
    stage: Stage
    buckets: Buckets
    cuts: Cuts
    tasks: Sequence[Sequence[int]]

    @property
    def name(self) -> str:
        return f"{self.stage.name}-buckets"

    @cached_property
    def key(self) -> str:
        """What a shard's record says whose buckets are by these cuts."""
        return files.fingerprint({group: _written(cuts) for group, cuts in self.cuts.items()})

    def done(self, unit: int) -> bool:
        """Whether a shard's buckets are by these cuts."""
        record = self.corpus.record(self.stage.name, self.corpus.shards[unit].name) or {}
        return record.get("buckets") == self.key

    def size(self, unit: int) -> int:
        return self.corpus.shards[unit].text_bytes

    def part(self, rank: int) -> BucketPhase:
        return self

    def work(self, unit: int, guard: Guard) -> None:
        """Writes the signals of one shard anew, with the buckets in them."""
        stage, shard = self.stage.name, self.corpus.shards[unit].name
        if self.done(unit) or (record := self.corpus.record(stage, shard)) is None:
            return
        path = self.corpus.signals(stage, shard)
        retract = partial(self.corpus.retract, stage, shard)
        with (
            files.atomic(path, before=retract) as draft,
            files.parquet_file(path) as old,
            files.parquet_writer(draft.path, self.stage.schema) as new,
        ):
            for group in range(old.num_row_groups):
                table = old.read_row_group(group, use_threads=False)
                new.write_table(self._filled(table), row_group_size=max(1, table.num_rows))
                guard.advance(table.num_rows, 0)
        self.corpus.complete(stage, shard, {**record, **draft.facts, "buckets": self.key})

    def _filled(self, table: pa.Table) -> pa.Table:
        """A value up to its group's first cut is in the first bucket, and so on."""
        values = floats(one_chunk(table.column(self.buckets.of)))
        groups = np.array(pc.fill_null(table.column(self.buckets.by), "").to_pylist(), object)
        place = np.full(table.num_rows, -1)
        for group, cuts in self.cuts.items():
            mine = (groups == group) & ~np.isnan(values)
            place[mine] = np.searchsorted(np.array(cuts), values[mine], side="left")
        names = pa.array(self.buckets.names, pa.string())
        filled = names.take(pa.array(place, pa.int64(), mask=place < 0))
        column = table.schema.get_field_index(self.buckets.column)
        return table.set_column(column, self.stage.schema.field(self.buckets.column), filled)


def _written(values: Bounds) -> list[str | None]:
    """Floats in hexadecimal: exact, and JSON has no infinity."""
    return [None if value is None else value.hex() for value in values]


def _read(values: Sequence[str | None]) -> Bounds:
    return [None if value is None else float.fromhex(value) for value in values]
