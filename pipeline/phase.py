"""What engines run: a phase, work in units grouped into tasks; a job, a phase with a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.guard import Guard


class Phase(Protocol):
    """Work in units, grouped into tasks that are the same however many workers there are."""

    @property
    def name(self) -> str: ...

    @property
    def corpus(self) -> Corpus: ...

    @property
    def tasks(self) -> Sequence[Sequence[int]]: ...

    def part(self, rank: int) -> Phase:
        """What the worker of one task is sent: the phase, or no more of it than it needs."""

    def done(self, unit: int) -> bool:
        """Whether the completion record of a unit says that it is as it should be."""

    def size(self, unit: int) -> int:
        """About how many bytes a unit reads, for whoever watches."""

    def work(self, unit: int, guard: Guard) -> None:
        """Does one unit and writes its completion record."""


def pending(phase: Phase) -> list[int]:
    """The tasks with a unit that is not done."""
    return [rank for rank, units in enumerate(phase.tasks) if not all(map(phase.done, units))]


class Runner(Protocol):
    """What runs the tasks of a phase and waits for them."""

    def run(self, phase: Phase, quiet: bool = False) -> None:
        """Runs the tasks that are not done; raises the error of the first that fails."""


class Job(Protocol):
    """One barrier of a command: prepared once, run in parallel, settled once.

    A job knows its corpus by place alone and reads the rest there, so that the same job may be
    prepared on one machine, run on a hundred and settled on another.
    """

    @property
    def name(self) -> str: ...

    def bound(self) -> int:
        """The most tasks its phase can have, known before the jobs ahead of it have run."""

    def prepare(self, runner: Runner) -> None:
        """What has to be done once before any task; raises if the work cannot be done."""

    def phase(self) -> Phase | None:
        """The phase, None if there is nothing to do; every task may ask, and it changes nothing."""

    def settle(self, runner: Runner) -> Any:
        """What is done once after all tasks; its answer is what the command shows."""
