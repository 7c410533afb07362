"""A recipe over a corpus: what the jobs of `run`, of the stage commands and of `write` share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from tamis.pipeline import files, ledger
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import WorkError
from tamis.pipeline.ledger import Decision, TallyPhase, total
from tamis.pipeline.phase import Runner, pending
from tamis.pipeline.quantiles import quantile
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.rows import RowPhase
from tamis.pipeline.rules import floats
from tamis.pipeline.signals import ALL, ShardReader, decision_columns, present, promise
from tamis.pipeline.stage import Stage, assets, fingerprints
from tamis.pipeline.storage.location import Location

Bounds = Sequence[float | None]  # of a rule, low and high

TASK_SHARDS = 64
QUANTILES = "quantiles"  # the record of what they fall on, beside those of the shards
COMMANDS = {"heuristics", "language"}
"""Stages with a command of their own; the others go by `tamis stage NAME`."""


class Sift:
    """A recipe over a corpus: which stages have their signals, and what their rules say."""

    def __init__(self, corpus: Corpus, recipe: Recipe) -> None:
        self.corpus, self.recipe = corpus, recipe
        self.fingerprints = fingerprints(recipe.stages)
        self.tasks = tasks(corpus)

    def present(self) -> tuple[list[Stage], list[Stage]]:
        """The stages that take part, their quantiles resolved, and those without signals."""
        there, missing = present(self.corpus, self.recipe.stages, self.fingerprints)
        resolved: list[Stage] = []
        for stage in there:
            resolved.append(self._resolve(stage, resolved))
        return resolved, missing

    def stages_before(self, stage: Stage) -> tuple[list[Stage], list[Stage]]:
        """Of the stages before this one: those that take part, and those without signals."""
        there, missing = self.present()
        names = [s.name for s in self.recipe.stages[: self.recipe.stages.index(stage)]]
        return [s for s in there if s.name in names], [s for s in missing if s.name in names]

    def unmeasured(self, stages: Sequence[Stage], runner: Runner) -> dict[str, int]:
        """Per stage, the documents that earlier rules let through and it has never measured.

        A rule that was loosened brings documents to life that later stages know nothing of.
        """
        if self._measured_for_these_rules(stages):
            return {}
        left = {}
        for name, counts in self.tally(stages, runner).get("stages", {}).items():
            known = (
                counts["evaluated"],
                counts["not_applicable"],
                counts["rules"]["error"]["failed"],
            )
            left[name] = counts["entered"][0] - sum(amount[0] for amount in known)
        return {name: count for name, count in left.items() if count}

    def _measured_for_these_rules(self, stages: Sequence[Stage]) -> bool:
        for place, stage in enumerate(stages):
            expected = (ALL, promise(stages[:place], self.fingerprints))
            for shard in self.corpus.shards:
                record = self.corpus.record(stage.name, shard.name) or {}
                if record.get("rows_asked_for") not in expected:
                    return False
        return True

    def check_measured(self, stages: Sequence[Stage], runner: Runner) -> None:
        """Raises WorkError if a stage has not measured every document that reaches it."""
        for name, count in self.unmeasured(stages, runner).items():
            go_on = command(self.recipe.stage(name))
            raise WorkError(
                f"stage '{name}' has not measured {count:,} documents that the rules before it now "
                f"let through: run `tamis {go_on} {self.corpus.root}` first"
            )

    def group_phase(self, place: int, all_rows: bool = False) -> RowPhase:
        """The phase that measures a group of stages, when the groups before it are measured."""
        *before, group = groups(self.recipe)[: place + 1]
        earlier: list[Stage] = []
        for stage in (stage for stages in before for stage in stages):
            earlier.append(self._resolve(stage, earlier))
        return self.phase(earlier, group, all_rows)

    def phase(self, earlier: list[Stage], group: list[Stage], all_rows: bool) -> RowPhase:
        """The phase that measures consecutive stages after earlier ones."""
        unresolved = [
            dataclasses.replace(s, rules=tuple(r for r in s.rules if r.quantile is None))
            for s in group
        ]
        return RowPhase(
            self.corpus, list(earlier), unresolved, self.fingerprints, self.tasks, all_rows
        )

    def tally(self, stages: Sequence[Stage], runner: Runner) -> ledger.Tally:
        """The counts of what the rules of these stages say, over all shards."""
        key = promise(stages, self.fingerprints)
        counting = TallyPhase(self.corpus, list(stages), key, self.tasks)
        if pending(counting):
            runner.run(counting, quiet=True)
        return total(counting.counted(shard.name) or {} for shard in self.corpus.shards)

    def describe(self, stages: Sequence[Stage], tally: ledger.Tally) -> None:
        """Writes stage.json: what the signals are, and what the rules made of them."""
        for stage in stages:
            written = next(s for s in self.recipe.stages if s.name == stage.name)
            pairs = zip(written.rules, stage.rules, strict=True)
            content = {
                "kind": stage.kind,
                "version": stage.measure.version,
                "fingerprint": self.fingerprints[stage.name],
                "options": options(stage),
                "assets": assets(stage.measure),
                "quantiles": {
                    rule.name: {"quantile": rule.quantile, "min": found.min, "max": found.max}
                    for rule, found in pairs
                    if rule.quantile
                },
                "counts": tally.get("stages", {}).get(stage.name, {}),
            }
            files.write_json(self.corpus.stage_file(stage.name), content)

    def _resolve(self, stage: Stage, earlier: Sequence[Stage]) -> Stage:
        """The stage with the quantiles of its rules replaced by the values they fall on."""
        if all(rule.quantile is None for rule in stage.rules):
            return stage
        values = self._recorded(stage, earlier)
        if values is None:
            values = self._values(stage, earlier)
        rules = tuple(
            rule.resolved(*values[rule.name]) if rule.quantile else rule for rule in stage.rules
        )
        return dataclasses.replace(stage, rules=rules)

    def record_quantiles(self, stages: Sequence[Stage]) -> None:
        """Notes what the quantiles of stages fall on, so that no task has to find it out again."""
        known: list[Stage] = []
        for stage in stages:
            if any(rule.quantile for rule in stage.rules) and not self._recorded(stage, known):
                values = {
                    rule: [None if bound is None else bound.hex() for bound in bounds]
                    for rule, bounds in self._values(stage, known).items()
                }  # in hexadecimal: JSON has no infinity
                promised = self._quantiles_promise(stage, known)
                self.corpus.complete(stage.name, QUANTILES, {"promise": promised, "values": values})
            known.append(self._resolve(stage, known))

    def _recorded(self, stage: Stage, earlier: Sequence[Stage]) -> dict[str, Bounds] | None:
        record = self.corpus.record(stage.name, QUANTILES) or {}
        if record.get("promise") != self._quantiles_promise(stage, earlier):
            return None
        return {
            rule: [None if bound is None else float.fromhex(bound) for bound in bounds]
            for rule, bounds in record["values"].items()
        }

    def _quantiles_promise(self, stage: Stage, earlier: Sequence[Stage]) -> str:
        return promise([*earlier, stage], self.fingerprints)

    def _values(self, stage: Stage, earlier: Sequence[Stage]) -> dict[str, Bounds]:
        """The bounds that the quantiles of a stage's rules fall on."""
        stages = [*earlier, dataclasses.replace(stage, rules=())]
        found: dict[str, Bounds] = {}
        for rule in stage.rules:
            if rule.quantile:
                low, high = rule.quantile
                alive = partial(self._alive_values, stages, rule.column)
                found[rule.name] = (
                    quantile(alive, low) if low > 0 else None,
                    quantile(alive, high) if high < 1 else None,
                )
        return found

    def _alive_values(self, stages: Sequence[Stage], column: str) -> Iterator[Any]:
        """A signal of the rows that these stages let through, a row group at a time."""
        names = decision_columns(stages) | {column}
        for shard in self.corpus.shards:
            with ExitStack() as stack:
                reader = ShardReader(self.corpus, shard.name, stages, stack)
                for group in range(reader.row_groups):
                    columns = reader.read(group, names)
                    decision = Decision(stages, columns, reader.rows(group))
                    yield floats(columns[column])[decision.kept].astype(np.float64)


def groups(recipe: Recipe) -> list[list[Stage]]:
    """Consecutive stages that are measured in one pass: a quantile ends its group.

    What a quantile falls on is known when all documents have been measured.
    """
    found: list[list[Stage]] = []
    group: list[Stage] = []
    for stage in recipe.stages:
        group.append(stage)
        if any(rule.quantile for rule in stage.rules):
            found.append(group)
            group = []
    return [*found, group] if group else found


def tasks(corpus: Corpus) -> list[list[int]]:
    """Shards in fixed groups, whatever the number of workers: some 256 for a large corpus."""
    units = range(len(corpus.shards))
    size = _task_shards(len(units))
    return [list(units[start : start + size]) for start in range(0, len(units), size)]


def most_tasks(shards: int) -> int:
    """How many tasks there are at most for that many shards or fewer."""
    return max(min(shards, 511), math.ceil(shards / _task_shards(shards)))


def _task_shards(shards: int) -> int:
    return min(max(1, shards // 256), TASK_SHARDS)


def missing_upstream(stage: Stage, missing: Sequence[Stage], corpus: Location) -> None:
    """Raises WorkError if a stage needs columns of a stage without signals."""
    for other in missing:
        needed = {*stage.measure.needs, *stage.only} & set(other.given.values()) - {"text"}
        if needed:
            raise WorkError(
                f"stage '{stage.name}' needs {', '.join(sorted(needed))} of stage '{other.name}', "
                f"which is missing or stale: run `tamis {command(other)} {corpus}` first"
            )


def command(stage: Stage) -> str:
    """The command that measures a stage."""
    return stage.name if stage.name in COMMANDS else f"stage {stage.name}"


def options(stage: Stage) -> Mapping[str, Any]:
    """The options a stage runs with, defaults included."""
    measure: Any = stage.measure
    return {f.name: getattr(measure, f.name) for f in dataclasses.fields(measure)}
