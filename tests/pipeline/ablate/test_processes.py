"""Processes that an experiment starts: as many at a time as there are places, ended with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tamis.pipeline.ablate import processes
from tamis.pipeline.ablate.processes import Slots, Task
from tamis.pipeline.errors import WorkError


def test_commands_follow_on_each_other(tmp_path: Path) -> None:
    tasks = [
        Task("first", [["--version"], ["recipes", "--json"]], tmp_path / "first"),
        Task("second", [], tmp_path / "second"),
    ]
    done: list[str] = []
    Slots([{}]).run(tasks, lambda task: done.append(task.name))
    assert sorted(done) == ["first", "second"]


def test_a_failure_says_what_it_said_and_ends_the_others(tmp_path: Path) -> None:
    slow = [sys.executable, "-c", "import time; time.sleep(600)"]
    waiting = processes._Running(
        Task("slow", [], tmp_path / "slow"), 0, processes.deque(), subprocess.Popen(slow)
    )
    slots = Slots([{}], [waiting])
    with pytest.raises(WorkError, match=r"lost: .*gone is not a corpus.*all it said is in"):
        slots.run([Task("lost", [["status", "gone"]], tmp_path / "log")], lambda task: None)
    assert waiting.process is not None and waiting.process.returncode is not None


def test_a_training_that_was_stopped_is_not_scored(tmp_path: Path) -> None:
    """It ends with 0 when it is told to stop, and has no model yet."""
    commands = [["--version"], ["status", "gone"]]
    task = Task("raw, seed 0", commands, tmp_path / "log", made=tmp_path / "model")
    with pytest.raises(WorkError, match="raw, seed 0 was stopped: run the same command"):
        Slots([{}]).run([task], lambda task: None)
