"""The jobs of a stage that drops repeated lines, before it measures: counting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.lines import LinesCountPhase, LinesMergePhase, clean
from tamis.pipeline.ingest.run import planned_shards
from tamis.pipeline.phase import Runner, pending
from tamis.pipeline.progress import Progress
from tamis.pipeline.sift import Sift, most_tasks, shared_out
from tamis.pipeline.stage import prepare
from tamis.pipeline.storage.location import Location


@dataclass(frozen=True)
class CountLines:
    """Counts the lines of every shard."""

    root: Location
    recipe: Any
    stage: str

    @property
    def name(self) -> str:
        return f"{self.stage}-count"

    @property
    def sift(self) -> Sift:
        return Sift(Corpus(self.root), self.recipe)

    def bound(self) -> int:
        return most_tasks(planned_shards(Corpus(self.root)))

    def prepare(self, runner: Runner) -> None:
        """Makes ready what workers share."""
        prepare([self.recipe.stage(self.stage)], Progress(self.stage, 0).say)

    def phase(self) -> LinesCountPhase:
        sift = self.sift
        stage = sift.recipe.stage(self.stage)
        key = sift.fingerprints[self.stage]
        return LinesCountPhase(sift.corpus, stage, key, sift.tasks, sift.before(stage))

    def settle(self, runner: Runner) -> None:
        """Nothing."""


class MergeLines(CountLines):
    """Finds those that are seen too often."""

    @property
    def name(self) -> str:
        return f"{self.stage}-merge"

    def phase(self) -> LinesMergePhase:  # type: ignore[override]
        sift = self.sift
        stage, key = sift.recipe.stage(self.stage), sift.fingerprints[self.stage]
        units = LinesMergePhase(sift.corpus, stage, key, ()).layout.units
        tasks = shared_out(units, len(sift.corpus.shards))
        return LinesMergePhase(sift.corpus, stage, key, tasks)

    def settle(self, runner: Runner) -> None:
        phase = self.phase()
        if not pending(phase):
            clean(phase.corpus, phase.stage)
