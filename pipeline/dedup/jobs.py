"""The jobs of a dedup stage: its first answer, and the final one when later stages have judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.election import ElectPhase
from tamis.pipeline.dedup.gather import GatherPhase
from tamis.pipeline.dedup.mark import MarkPhase, SettlePhase
from tamis.pipeline.dedup.match import MatchPhase, band_names, join, match_tasks
from tamis.pipeline.dedup.second import (
    ChancePhase,
    JudgePhase,
    order_again,
    to_measure,
    write_chances,
)
from tamis.pipeline.dedup.settings import Dedup
from tamis.pipeline.dedup.sign import SignPhase
from tamis.pipeline.dedup.signed import Signed
from tamis.pipeline.dedup.summary import note_first, note_second, warnings
from tamis.pipeline.dedup.work import Work
from tamis.pipeline.ingest.run import planned_shards
from tamis.pipeline.phase import Phase, Runner, pending
from tamis.pipeline.progress import Progress
from tamis.pipeline.rounds import CHANCE, FIRST
from tamis.pipeline.rows import RowPhase
from tamis.pipeline.sift import Sift, grouped, most_tasks
from tamis.pipeline.stage import Stage, prepare
from tamis.pipeline.storage.location import Location
from tamis.pipeline.storage.scratch import scratch_of

WORKERS_NEED = ("tamis.pipeline.dedup.loaded",)
MOST_SHARES = 256
"""Shares of all members in groups: every shard looks for its own in each."""
TASK_BYTES = 64_000_000
"""Signed in a second; a task costs a tenth of one to start."""


@dataclass(frozen=True)
class _Job:
    root: Location
    recipe: Any
    stage: str

    @property
    def name(self) -> str:
        return f"{self.stage}-{type(self).__name__.lower()}"

    def bound(self) -> int:
        return most_tasks(planned_shards(Corpus(self.root)))

    def prepare(self, runner: Runner) -> None:
        """Nothing."""

    def settle(self, runner: Runner) -> Any:
        """Nothing."""

    @property
    def state(self) -> State:
        return State(Sift(Corpus(self.root), self.recipe), self.stage)


class State:
    """What the phases of a stage are made of."""

    def __init__(self, sift: Sift, name: str) -> None:
        self.sift, self.corpus = sift, sift.corpus
        self.stage: Stage = sift.recipe.stage(name)
        self.measure: Dedup = self.stage.measure  # type: ignore[assignment]
        self.index = tuple(self.measure.parts())

    @property
    def earlier(self) -> list[Stage]:
        return self.sift.before(self.stage)

    @property
    def fingerprint(self) -> str:
        return self.sift.fingerprints[self.stage.name]

    @cached_property
    def tasks(self) -> list[list[int]]:
        """The shards as tasks."""
        return grouped([shard.text_bytes for shard in self.corpus.shards], TASK_BYTES)

    @property
    def units(self) -> int:
        """How many shares all members are elected in."""
        return min(len(self.tasks), MOST_SHARES)

    def first(self) -> Work | None:
        """The first round; None if it is done."""
        work = Work(self.corpus, self.stage, self.fingerprint)
        mark = MarkPhase(work, self.tasks, self.units, [])
        done = all(mark.done(unit) for unit in range(len(self.corpus.shards)))
        return None if done else work

    def first_done(self) -> Work | None:
        """The first round, if it was done just now."""
        work = Work(self.corpus, self.stage, self.fingerprint)
        return work if work.done("members") else None

    def second(self) -> Work | None:
        """The second round; None if it is done."""
        key = self.sift.settled_key(self.stage)
        if key is None or self.sift.is_settled(self.stage):
            return None
        return Work(self.corpus, self.stage, key)

    def signed(self, index: bool = True) -> Signed:
        return Signed(self.corpus, self.stage, self.index if index else ())


class Sign(_Job):
    """Signs the documents alive."""

    def prepare(self, runner: Runner) -> None:
        """Makes ready what workers share."""
        prepare([self.recipe.stage(self.stage)], Progress(self.stage, 0).say)

    def phase(self) -> SignPhase:
        state = self.state
        return SignPhase(state.corpus, state.stage, state.earlier, state.fingerprint, state.tasks)


class Match(_Job):
    """Finds documents that share a band, and joins them into groups."""

    def bound(self) -> int:
        measure: Any = self.recipe.stage(self.stage).measure
        return len(match_tasks(band_names(measure), planned_shards(Corpus(self.root))))

    def phase(self) -> MatchPhase | None:
        work = self.state.first()
        tasks = match_tasks(band_names(self.state.measure), len(self.state.corpus.shards))
        return MatchPhase(work, tasks, self.state.index) if work else None

    def settle(self, runner: Runner) -> None:
        if (phase := self.phase()) and not phase.work_.done("members"):
            join(phase, scratch_of(str(self.root)))


@dataclass(frozen=True)
class _Round(_Job):
    again: bool = False
    """Whether it is the second round."""

    @property
    def name(self) -> str:
        return super().name + ("-again" if self.again else "")

    def work(self) -> Work | None:
        """What there is to decide, None if there is nothing."""
        work = self.state.second() if self.again else self.state.first()
        return work if work and work.read("members").num_rows else None


class Gather(_Round):
    """Writes the shingles of what has to be compared."""

    def phase(self) -> Phase | None:
        state = self.state
        by_shingles = {"minhash", "containment"} & {*state.measure.methods}
        if state.measure.verify == "estimate" or not by_shingles or (work := self.work()) is None:
            return None
        return GatherPhase(work, state.tasks, state.earlier)


class Elect(_Round):
    """Cuts groups into clusters."""

    def phase(self) -> Phase | None:
        state, work = self.state, self.work()
        index = () if self.again else state.index
        tasks = [[unit] for unit in range(state.units)]
        return ElectPhase(work, tasks, index) if work else None


class Mark(_Job):
    """Writes the first answer, and says which sources lose much."""

    def phase(self) -> MarkPhase | None:
        state = self.state
        if (work := state.first()) is None:
            return None
        decided = work.read("members").num_rows
        units = state.units if decided else 0
        return MarkPhase(work, state.tasks, units, state.earlier)

    def settle(self, runner: Runner) -> None:
        state = self.state
        if work := state.first_done():
            note_first(work, state.units)
            work.clean()
            for warning in warnings(state.corpus, state.stage):
                Progress(self.stage, 0).say(warning)


class Judge(_Job):
    """Finds the clusters whose keeper failed a later rule."""

    def prepare(self, runner: Runner) -> None:
        """Signs again what is gone since the first round."""
        sign = Sign(self.root, self.recipe, self.stage)
        if self.state.second() and pending(phase := sign.phase()):
            sign.prepare(runner)
            runner.run(phase)

    def phase(self) -> JudgePhase | None:
        return self._phase(FIRST)

    def _phase(self, view: str) -> JudgePhase | None:
        state = self.state
        if (work := state.second()) is None:
            return None
        seen = replace(work, stage=replace(state.stage, view=view))
        return JudgePhase(seen, state.tasks, state.earlier, state.sift.judges(state.stage))

    def settle(self, runner: Runner) -> None:
        phase, work = self.phase(), self.state.second()
        if phase and work and not work.done("chances"):
            write_chances(work, phase, self.state.signed(index=False))


class Chance(_Job):
    """Brings the other members of these clusters to life."""

    def phase(self) -> ChancePhase | None:
        state = self.state
        if (work := state.second()) is None:
            return None
        rows, tasks = chances(state, work)
        return ChancePhase(work, tasks, rows) if tasks else None


def chances(state: State, work: Work) -> tuple[Any, list[list[int]]]:
    """The rows to measure once more, and the shards that they are in, as tasks."""
    rows = to_measure(work, state.sift.judges(state.stage))
    units = {unit for unit, _, _ in state.signed(index=False).parts(rows)}
    tasks = [[unit for unit in task if unit in units] for task in state.tasks]
    return rows, [task for task in tasks if task]


@dataclass(frozen=True)
class Measure(_Job):
    """Measures them with a group of the stages that follow."""

    group: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "+".join(self.group)

    def phase(self) -> RowPhase | None:
        state = self.state
        if (work := state.second()) is None:
            return None
        _, tasks = chances(state, work)
        return state.sift.chance_phase(state.stage, self.group, tasks, work.key) if tasks else None

    def settle(self, runner: Runner) -> None:
        """Fills the buckets of what is new."""
        sift = self.state.sift
        sift.settle(sift.recipe.stages, runner)


class JudgeAgain(Judge):
    """Finds who passes of them, and puts these in front."""

    def prepare(self, runner: Runner) -> None:
        """Nothing."""

    def phase(self) -> JudgePhase | None:
        phase = self._phase(CHANCE)
        if phase is None or (work := self.state.second()) is None:
            return None
        return replace(phase, tasks=chances(self.state, work)[1])

    def settle(self, runner: Runner) -> None:
        phase, work = self.phase(), self.state.second()
        if phase and work and not work.done("members"):
            rows, _ = chances(self.state, work)
            order_again(work, phase, rows, self.state.signed(index=False))


class Settle(_Job):
    """Writes the final answer."""

    def phase(self) -> SettlePhase | None:
        state = self.state
        if (work := state.second()) is None:
            return None
        decided = work.read("members").num_rows
        return SettlePhase(work, state.tasks, state.units if decided else 0)

    def settle(self, runner: Runner) -> None:
        state = self.state
        work = Work(state.corpus, state.stage, state.sift.settled_key(state.stage) or "")
        if work.done("members"):
            note_second(work)
        work.clean()


def first_round(root: Location, recipe: Any, stage: str) -> list[Any]:
    """The jobs that give every document alive the stage's first answer."""
    at = (root, recipe, stage)
    return [Sign(*at), Match(*at), Gather(*at), Elect(*at), Mark(*at)]


def second_round(root: Location, recipe: Any, stage: str, groups: Sequence[Any]) -> list[Any]:
    """The jobs that settle a stage when the groups of stages after it have measured."""
    at = (root, recipe, stage)
    measure = [Measure(*at, group) for group in groups]
    again = [Gather(*at, again=True), Elect(*at, again=True)]
    return [Judge(*at), Chance(*at), *measure, JudgeAgain(*at), *again, Settle(*at)]
