"""What a worker has in hand, written where its parent finds it after the worker was killed.

Each task has a line on the board, a file mapped into the memory of parent and workers. A worker
notes the rows it is about to work on; if it dies, the parent reads them there and starts the task
again with those rows under suspicion: they are done one by one, and a row that kills its worker
once more is condemned and never tried again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Held(NamedTuple):
    """Rows start to stop of a unit of work, in the hands of one of its stages."""

    unit: int
    stage: int
    start: int
    stop: int


class Portion(NamedTuple):
    """Rows to do at once, or one row that must not be tried."""

    start: int
    stop: int
    condemned: bool


_FIELDS = 7  # holding, unit, stage, start, stop, documents, bytes


class Board:
    """One line for every task of a phase."""

    def __init__(self, path: Path, tasks: int, create: bool = False) -> None:
        if create:
            np.zeros((tasks, _FIELDS), np.int64).tofile(path)
        self.path, self.tasks = path, tasks
        self._lines = np.memmap(path, np.int64, "r+", shape=(tasks, _FIELDS))

    def held(self, task: int) -> Held | None:
        """What the worker of a task had in hand when it stopped."""
        holding, *where = (int(value) for value in self._lines[task, :5])
        return Held(*where) if holding else None

    def progress(self) -> tuple[int, int]:
        """Documents and bytes done by all tasks."""
        documents, size = self._lines[:, 5:].sum(axis=0)
        return int(documents), int(size)

    def clear(self, task: int) -> None:
        """A task starts, or starts again."""
        self._lines[task] = 0

    def hold(self, task: int, rows: Held) -> None:
        self._lines[task, 1:5] = rows
        self._lines[task, 0] = 1

    def let_go(self, task: int) -> None:
        self._lines[task, 0] = 0

    def advance(self, task: int, documents: int, size: int) -> None:
        self._lines[task, 5] += documents
        self._lines[task, 6] += size


@dataclass
class Guard:
    """One task's view of the board; without a board it guards nothing."""

    board: Board | None = None
    task: int = 0
    suspects: tuple[Held, ...] = ()
    condemned: frozenset[Held] = field(default_factory=frozenset)

    def portions(self, unit: int, stage: int, start: int, stop: int) -> Iterator[Portion]:
        """Rows start to stop cut so that every suspect or condemned row stands alone."""
        alone = sorted(
            {
                row
                for held in (*self.suspects, *self.condemned)
                if (held.unit, held.stage) == (unit, stage)
                for row in range(max(start, held.start), min(stop, held.stop))
            }
        )
        for row in alone:
            if start < row:
                yield Portion(start, row, False)
            yield Portion(row, row + 1, Held(unit, stage, row, row + 1) in self.condemned)
            start = row + 1
        if start < stop:
            yield Portion(start, stop, False)

    @contextmanager
    def holding(self, unit: int, stage: int, start: int, stop: int) -> Iterator[None]:
        """Says on the board that these rows are in hand while the block runs.

        If the block raises they stay there: whatever ends the worker then, it was these rows.
        """
        if self.board is None:
            yield
            return
        self.board.hold(self.task, Held(unit, stage, start, stop))
        yield
        self.board.let_go(self.task)

    def advance(self, documents: int, size: int) -> None:
        """Counts documents and bytes as done, for whoever watches."""
        if self.board is not None:
            self.board.advance(self.task, documents, size)
