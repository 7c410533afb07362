"""A phase as datatrove sees it: a pipeline step that is told its rank and does that task."""

from __future__ import annotations

from typing import Any

from datatrove.pipeline.base import PipelineStep

from tamis.pipeline.engine import Phase
from tamis.pipeline.guard import Guard


class PhaseStep(PipelineStep):  # type: ignore[misc]
    """Does the units of the task whose rank it is given; no documents flow through it."""

    name = "phase"
    type = "tamis"

    def __init__(self, phase: Phase, guard: Guard) -> None:
        self.phase, self.guard = phase, guard
        super().__init__()

    def __deepcopy__(self, memo: dict[int, Any]) -> PhaseStep:
        return self  # the executor copies its pipeline for every rank; a copied board is no board

    def __str__(self) -> str:
        return f"tamis: {self.phase.name}"

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        for unit in self.phase.tasks[rank]:
            self.phase.work(unit, self.guard)
