"""What the jobs of a Slurm chain do: steps for datatrove's executor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datatrove.pipeline.base import PipelineStep

from tamis.pipeline import lock
from tamis.pipeline.chain import note_failure
from tamis.pipeline.engine import Local
from tamis.pipeline.errors import TamisError, WorkError
from tamis.pipeline.phase import Job, pending
from tamis.pipeline.pool import supervise
from tamis.pipeline.storage.location import Location


class ArrayStep(PipelineStep):  # type: ignore[misc]
    """Does the task of a job's phase that it is given; an array may be longer than its phase."""

    __slots__ = ("_job", "_root")
    name = "phase"
    type = "tamis"

    def __init__(self, job: Job, root: Location) -> None:
        self._job, self._root = job, root
        super().__init__()

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        try:
            phase = self._job.phase()
            if phase is None or rank >= len(phase.tasks):
                return
            if not all(map(phase.done, phase.tasks[rank])):
                supervise(phase, rank)
        except TamisError as error:
            note_failure(self._root, self._job.name, rank, str(error))
            raise


class SettleStep(PipelineStep):  # type: ignore[misc]
    """Settles one job of a chain and prepares the next."""

    __slots__ = ("_jobs", "_root", "_runner", "_token")
    name = "settle"
    type = "tamis"

    def __init__(self, jobs: Sequence[Job], root: Location, token: str, runner: Local) -> None:
        self._jobs, self._root, self._token, self._runner = jobs, root, token, runner
        super().__init__()

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        job, *rest = self._jobs
        try:
            phase = job.phase()
            if phase is not None and (left := pending(phase)):
                raise WorkError(
                    f"{len(left)} of {len(phase.tasks)} tasks of {job.name} are not done: run the "
                    "same command again"
                )
            job.settle(self._runner)
            if rest:
                rest[0].prepare(self._runner)
            else:
                lock.release(self._root, self._token)
        except TamisError as error:
            note_failure(self._root, f"{job.name} settled", 0, str(error))
            raise
