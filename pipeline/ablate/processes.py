"""Runs of `tamis train` and `tamis score` as processes, as many at a time as there is room for."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tamis.pipeline.errors import WorkError

PATIENCE = 30.0
"""Seconds that a training is given to save its step before it is ended."""
_DEATH = 1  # PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Opened before any fork: in between, a lock that another thread holds would stay held."""


@dataclass(frozen=True)
class Task:
    """Commands that follow on each other."""

    name: str
    commands: Sequence[Sequence[str]]
    log: Path
    folder: Path | None = None
    """Made after the first command, for what the others write."""
    made: Path | None = None
    """What the first command has made if it came to its end."""


@dataclass
class _Running:
    task: Task
    slot: int
    left: deque[Sequence[str]]
    process: subprocess.Popen[bytes] | None = None


@dataclass
class Slots:
    """Where tasks run: cores with a thread each, or GPUs."""

    environments: list[dict[str, str]]
    running: list[_Running] = field(default_factory=list)

    def run(self, tasks: Sequence[Task], done: Callable[[Task], None]) -> None:
        """Runs all tasks; WorkError with what the first that fails has said.

        An interrupt ends those that run, which save what they have, and is raised again.
        """
        waiting = deque(tasks)
        free = deque(range(len(self.environments)))
        try:
            while waiting or self.running:
                while waiting and free:
                    task = waiting.popleft()
                    self.running.append(_Running(task, free.popleft(), deque(task.commands)))
                for one in list(self.running):
                    if self._advance(one):
                        self.running.remove(one)
                        free.append(one.slot)
                        done(one.task)
                time.sleep(0.05)
        finally:
            self._end()

    def _advance(self, one: _Running) -> bool:
        """Starts the next command of a task where the last has ended; whether all have."""
        if one.process is not None:
            code = one.process.poll()
            if code is None:
                return False
            if code != 0:
                raise WorkError(f"{one.task.name}: {_last_words(one.task.log, code)}")
            one.process = None
            if one.task.made is not None and not one.task.made.exists():
                raise WorkError(f"{one.task.name} was stopped: run the same command to go on")
            if one.task.folder is not None:
                one.task.folder.mkdir(parents=True, exist_ok=True)
        if not one.left:
            return True
        one.task.log.parent.mkdir(parents=True, exist_ok=True)
        with one.task.log.open("ab") as log:
            one.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tamis.pipeline.cli.main", *one.left.popleft()],
                env={**os.environ, **self.environments[one.slot]},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,  # Ctrl-C is passed on once: a second signal saves nothing
                preexec_fn=_with_its_parent,
            )
        return False

    def _end(self) -> None:
        """Ends what runs still."""
        there = [one.process for one in self.running if one.process is not None]
        for process in there:
            process.terminate()
        end = time.monotonic() + PATIENCE
        for process in there:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()


def _with_its_parent() -> None:
    """Ends a process when the one that started it is gone, however that ended."""
    if _LIBC is not None:
        _LIBC.prctl(_DEATH, signal.SIGTERM)


def _last_words(log: Path, code: int) -> str:
    """What a process said before it ended."""
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    said = lines[-1].removeprefix("tamis: ").removeprefix("error: ") if lines else ""
    how = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    return f"{said or how} (all it said is in {log})"
