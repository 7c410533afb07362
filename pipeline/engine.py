"""Engines: where the tasks of a phase run. On this machine, on a Ray cluster, or under Slurm.

Whatever the engine, a task is done by a supervised process (see pool) on datatrove's executor, and
what is done is said by our completion records alone; so an engine decides nothing but where.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tamis.pipeline import pool
from tamis.pipeline.lock import Lease
from tamis.pipeline.phase import Job, Phase, Runner, pending
from tamis.pipeline.progress import Progress


class Engine(Protocol):
    """Where the jobs of a command run."""

    quiet: bool

    def go(self, jobs: Sequence[Job], lease: Lease) -> Any:
        """Runs jobs one after the other; gives the last one's answer, None if it will come later.

        lease is the hold on the corpus, for an engine whose work outlives the command.
        """


@dataclass
class Local:
    """This machine."""

    workers: int
    quiet: bool = False

    def go(self, jobs: Sequence[Job], lease: Lease | None = None) -> Any:
        return in_turn(jobs, self)

    def run(self, phase: Phase, quiet: bool = False) -> None:
        ranks = pending(phase)
        progress = watched(phase, ranks, quiet or self.quiet)
        if ranks:
            pool.run(phase, ranks, self.workers, phase.corpus.logs(phase.name), progress)


def cores(workers: int | None) -> int:
    """The number of workers: what was asked for, or one per core this process may use."""
    if workers:
        return workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_turn(jobs: Sequence[Job], runner: Runner) -> Any:
    """Runs jobs one after the other and waits for each; gives the last one's answer."""
    answer = None
    for job in jobs:
        job.prepare(runner)
        if (phase := job.phase()) is not None:
            runner.run(phase, quiet=getattr(phase, "quiet", False))
        answer = job.settle(runner)
    return answer


def watched(phase: Phase, ranks: Sequence[int], quiet: bool) -> Progress:
    """The progress of some tasks of a phase; says so if there are none."""
    size = sum(phase.size(unit) for rank in ranks for unit in phase.tasks[rank])
    progress = Progress(phase.name, size, quiet)
    if not ranks and not quiet:
        progress.say("nothing to do, it is all there")
    return progress
