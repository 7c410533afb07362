"""What the engine runs: a phase, work in units grouped into tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tamis.pipeline.guard import Guard


class Phase(Protocol):
    """Work in units, grouped into tasks that are the same however many workers there are."""

    @property
    def name(self) -> str: ...

    @property
    def tasks(self) -> Sequence[Sequence[int]]: ...

    def part(self, rank: int) -> Phase:
        """What the worker of one task is sent: the phase, or no more of it than it needs."""

    def work(self, unit: int, guard: Guard) -> None:
        """Does one unit and writes its completion record."""
