"""A phase on datatrove's executor: a pipeline step that is told its rank and does that task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep

from tamis.pipeline.guard import Guard
from tamis.pipeline.phase import Phase


class PhaseStep(PipelineStep):  # type: ignore[misc]
    """Does the units of the task whose rank it is given; no documents flow through it.

    Phase and guard are slots because the executor writes the step's __dict__ to executor.json for
    every task: with 30,000 inputs that took a second and 20 MB each time.
    """

    __slots__ = ("_guard", "_phase")
    name = "phase"
    type = "tamis"

    def __init__(self, phase: Phase, guard: Guard) -> None:
        self._phase, self._guard = phase, guard
        super().__init__()

    def __deepcopy__(self, memo: dict[int, Any]) -> PhaseStep:
        return self  # the executor copies its pipeline for every rank; a copied board is no board

    def __str__(self) -> str:
        return f"tamis: {self._phase.name}"

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        for unit in self._phase.tasks[rank]:
            self._phase.work(unit, self._guard)


def run_rank(phase: Phase, rank: int, guard: Guard, logs: Path) -> None:
    """Runs one task of a phase on the local executor, in this process."""
    LocalPipelineExecutor(
        pipeline=[PhaseStep(phase, guard)],
        tasks=len(phase.tasks),
        workers=1,
        local_tasks=1,
        local_rank_offset=rank,
        logging_dir=str(logs / "datatrove"),
        skip_completed=False,
    ).run()
