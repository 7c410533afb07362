"""A recipe over a corpus: what the jobs of `run`, of the stage commands and of `write` share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tamis.pipeline import files, ledger, rounds
from tamis.pipeline.calibration import Calibration, is_calibrated
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.lines import tables
from tamis.pipeline.errors import WorkError
from tamis.pipeline.ledger import TallyPhase, total
from tamis.pipeline.phase import Runner, pending
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.reference import bound, trained
from tamis.pipeline.rows import RowPhase
from tamis.pipeline.signals import ALL, present, promise
from tamis.pipeline.stage import Stage, assets, fingerprints
from tamis.pipeline.storage.location import Location

TASK_SHARDS = 64
COMMANDS = {"decontaminate", "dedup", "heuristics", "language", "perplexity"}
"""Stages with a command of their own; the others go by `tamis stage NAME`."""


class Sift:
    """A recipe over a corpus: which stages have their signals, and what their rules say."""

    def __init__(self, corpus: Corpus, recipe: Recipe) -> None:
        self.corpus, self.written = corpus, recipe
        self.recipe = bound(corpus, recipe)
        self.fingerprints = self._fingerprints()
        self.tasks = tasks(corpus)
        self.calibration = Calibration(corpus, self.fingerprints, self.tasks)

    def _fingerprints(self) -> dict[str, str]:
        """Those of the stages; of one that looks at all documents also who took no part then.

        Documents that an earlier stage rejects once it has measured are not there for it.
        """
        stages, absent = self.recipe.stages, list[str]()
        found = fingerprints(stages)
        last = max((n for n, stage in enumerate(stages) if stage.scope != "rows"), default=-1)
        for stage in map(rounds.first, stages[: last + 1]):
            if absent and stage.scope != "rows":
                found[stage.name] = files.fingerprint([found[stage.name], *absent])
            absent += [missing.name for missing in present(self.corpus, [stage], found)[1]]
        return found

    def present(self) -> tuple[list[Stage], list[Stage]]:
        """The stages that take part, their quantiles resolved, and those without signals.

        A stage that elects keepers is in its final view if that is there.
        """
        there, _ = present(self.corpus, map(rounds.first, self.recipe.stages), self.fingerprints)
        resolved: list[Stage] = []
        for stage in there:
            if self.calibration.is_settled(stage, resolved):
                resolved.append(self.calibration.resolved(stage, resolved))
        names = {stage.name for stage in resolved}
        missing = [stage for stage in self.recipe.stages if stage.name not in names]
        return [self._in_view(stage, resolved) for stage in resolved], missing

    def _in_view(self, stage: Stage, stages: Sequence[Stage]) -> Stage:
        if not rounds.clusters(stage):
            return stage
        key = rounds.settled_key(stages, stage, self.fingerprints)
        final = rounds.is_settled(self.corpus, stage, key)
        return dataclasses.replace(stage, view="" if final else rounds.FIRST)

    def before(self, stage: Stage) -> list[Stage]:
        """The stages that take part before this one, as it sees them."""
        return rounds.before(self.stages_before(stage)[0], stage)

    def judges(self, stage: Stage) -> list[Stage]:
        """Whose rules the keepers of a stage have to pass, of those that take part."""
        return rounds.judges(self.present()[0], stage)

    def settled_key(self, stage: Stage) -> str | None:
        """What the final answer of a stage has to be of; None if the first is not there."""
        stages = self.present()[0]
        if stage.name not in [other.name for other in stages]:
            return None
        return rounds.settled_key(stages, stage, self.fingerprints)

    def is_settled(self, stage: Stage) -> bool:
        """Whether the final answer of a stage is by the present rules of those after it."""
        key = self.settled_key(stage)
        return key is not None and rounds.is_settled(self.corpus, stage, key)

    def chance_phase(
        self, stage: Stage, group: Sequence[str], tasks: Sequence[Sequence[int]], key: str
    ) -> RowPhase:
        """The phase that measures what the second round of a stage brought to life."""
        first = self.recipe.stage(group[0])
        earlier = rounds.viewed(self.stages_before(first)[0], rounds.CHANCE)
        return self.phase(earlier, [self.recipe.stage(n) for n in group], False, tasks, key)

    def settle(self, stages: Sequence[Stage], runner: Runner) -> None:
        """Notes what the quantiles of measured stages fall on, and fills their buckets."""
        there, _ = present(self.corpus, map(rounds.first, stages), self.fingerprints)
        self.calibration.settle(there, runner)

    def stages_before(self, stage: Stage) -> tuple[list[Stage], list[Stage]]:
        """Of the stages before this one: those that take part, and those without signals."""
        there, missing = self.present()
        order = [s.name for s in self.recipe.stages]
        names = order[: order.index(stage.name)]
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
            if rounds.clusters(stage):
                continue  # its fingerprint says for which rules it is
            earlier = rounds.before(stages[:place], stage)
            expected = (ALL, promise(earlier, self.fingerprints))
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
            earlier.append(self.calibration.resolved(stage, earlier))
        return self.phase(rounds.before(earlier, group[0]), group, all_rows)

    def phase(
        self,
        earlier: Sequence[Stage],
        group: Sequence[Stage],
        all_rows: bool,
        tasks: Sequence[Sequence[int]] | None = None,
        again: str = "",
    ) -> RowPhase:
        """The phase that measures consecutive stages after earlier ones."""
        unresolved = [
            dataclasses.replace(s, rules=tuple(r for r in s.rules if r.quantile is None))
            for s in map(self._with_table, group)
        ]
        return RowPhase(
            self.corpus,
            list(earlier),
            unresolved,
            self.fingerprints,
            self.tasks if tasks is None else tasks,
            all_rows,
            again,
        )

    def _with_table(self, stage: Stage) -> Stage:
        """A stage that looks things up in a table of all documents, with it."""
        if stage.scope != "table":
            return stage
        measure: Any = stage.measure
        folder = tables(self.corpus, stage, self.fingerprints[stage.name])
        return dataclasses.replace(stage, measure=measure.with_table(folder))

    def tally(self, stages: Sequence[Stage], runner: Runner) -> ledger.Tally:
        """The counts of what the rules of these stages say, over all shards."""
        key = promise(stages, self.fingerprints)
        counting = TallyPhase(self.corpus, list(stages), key, self.tasks)
        if pending(counting):
            runner.run(counting, quiet=True)
        return total(counting.counted(shard.name) or {} for shard in self.corpus.shards)

    def describe(
        self, stages: Sequence[Stage], tally: ledger.Tally, found: Mapping[str, Any]
    ) -> None:
        """Writes stage.json: what the signals are, what the rules made of them, what was found."""
        before, _ = self.present()
        for stage in stages:
            written = next(s for s in self.recipe.stages if s.name == stage.name)
            pairs = zip(written.rules, stage.rules, strict=True)
            content = {
                "kind": stage.kind,
                "version": stage.measure.version,
                "fingerprint": self.fingerprints[stage.name],
                "options": options(self.written.stage(stage.name)),
                "assets": self._assets(stage),
                "quantiles": {
                    rule.name: {"quantile": rule.quantile, "min": found.min, "max": found.max}
                    for rule, found in pairs
                    if rule.quantile
                },
                "buckets": self.calibration.cuts(written, before[: before.index(stage)]),
                "counts": tally.get("stages", {}).get(stage.name, {}),
                **found.get(stage.name, {}),
            }
            files.write_json(self.corpus.stage_file(stage.name), content)

    def _assets(self, stage: Stage) -> dict[str, dict[str, str]]:
        """The model files of a stage; those of the corpus by their place in it, wherever it is."""
        found = assets(stage.measure)
        if folder := trained(self.corpus, self.written.stage(stage.name)):
            for asset in found.values():
                asset["path"] = f"assets/{stage.name}{asset['path'].removeprefix(str(folder))}"
        return found


def groups(recipe: Recipe) -> list[list[Stage]]:
    """Consecutive stages that are measured in one pass: a quantile or a bucket ends its group.

    What a quantile falls on is known when all documents have been measured. A stage that looks at
    all documents is a group of its own; one that needs a table made of all begins one.
    """
    found: list[list[Stage]] = [[]]
    for stage in recipe.stages:
        if stage.scope != "rows":
            found.append([])
        found[-1].append(stage)
        if is_calibrated(stage) or rounds.clusters(stage):
            found.append([])
    return [group for group in found if group]


def tasks(corpus: Corpus) -> list[list[int]]:
    """Shards in fixed groups, whatever the number of workers: some 256 for a large corpus."""
    units = range(len(corpus.shards))
    size = _task_shards(len(units))
    return [list(units[start : start + size]) for start in range(0, len(units), size)]


def shared_out(units: int, shards: int) -> list[list[int]]:
    """Units in as many tasks as there are shards at most."""
    count = max(1, min(units, shards))
    ends = [units * place // count for place in range(count + 1)]
    return [list(range(*pair)) for pair in pairwise(ends)]


def grouped(sizes: Sequence[int], task: int) -> list[list[int]]:
    """Shards of these sizes in tasks of about `task` bytes, or of more if they would be many."""
    total, before = max(1, sum(sizes)), 0
    count = max(1, min(most_tasks(len(sizes)), -(-total // task)))
    groups: dict[int, list[int]] = {}
    for unit, size in enumerate(sizes):
        groups.setdefault(min(count - 1, before * count // total), []).append(unit)
        before += size
    return list(groups.values())


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
