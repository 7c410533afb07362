"""Commands in this process, their phases too: a run of a small corpus takes half a second."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tamis.pipeline.cli.app import app
from tamis.pipeline.engine import Local, watched
from tamis.pipeline.guard import Guard
from tamis.pipeline.phase import Phase, pending


def run_phase(self: Local, phase: Phase, quiet: bool = False) -> None:
    """Every unit that is not done, in order."""
    ranks = pending(phase)
    progress = watched(phase, ranks, quiet or self.quiet)
    if ranks:
        with progress:
            for unit in (unit for rank in ranks for unit in phase.tasks[rank]):
                phase.work(unit, Guard())


def sift(place: Path, *arguments: object) -> None:
    """A command of tamis in a directory; raises what its user would be told."""
    with contextlib.chdir(place), mock.patch.object(Local, "run", run_phase):
        app([str(argument) for argument in arguments], standalone_mode=False)


class Died(BaseException):
    """What no code of tamis catches."""


@contextlib.contextmanager
def dying_after(steps: int, *places: tuple[Any, str]) -> Iterator[None]:
    """Dies before or after the given call of some functions, counted together."""
    left = [steps]

    def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Died
            answer = function(*arguments, **named)
            left[0] -= 1
            if left[0] == 0:
                raise Died
            return answer

        return call

    with contextlib.ExitStack() as stack:
        for owner, name in places:
            stack.enter_context(mock.patch.object(owner, name, wrapped(getattr(owner, name))))
        yield
