"""How often and how long a server is tried again before it counts as failed.

A clock only ever decides to try again, never what is written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tamis.pipeline.errors import CallError

Answer = TypeVar("Answer")


class Failed(OSError):
    """A request that may succeed if it is made again: a timeout, a reset, a 503."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.what, self.wait = what, wait


@dataclass(frozen=True)
class Retries:
    """The patience with a server, in seconds; each is an environment variable too."""

    tries: int = 6
    """TAMIS_TRIES: requests for the same bytes before giving up."""
    timeout: float = 60.0
    """TAMIS_TIMEOUT: to connect, and for every 256 KB to arrive."""
    pause: float = 1.0
    """TAMIS_PAUSE: after the first failure; doubled after each further one."""
    longest: float = 60.0
    """TAMIS_LONGEST_PAUSE: whatever the doubling or the server's Retry-After asks for."""

    @classmethod
    def from_environment(cls) -> Retries:
        """What the environment says; raises CallError for what is no positive number."""
        return cls(
            int(_number("TAMIS_TRIES", cls.tries)),
            _number("TAMIS_TIMEOUT", cls.timeout),
            _number("TAMIS_PAUSE", cls.pause),
            _number("TAMIS_LONGEST_PAUSE", cls.longest),
        )

    def wait(self, failures: int, error: Failed) -> None:
        """Waits after so many failures; raises the last error when they are too many."""
        if failures >= self.tries:
            times = "once" if failures == 1 else f"{failures} times"
            raise Failed(f"{error.what}, tried {times}") from error
        asked = self.pause * 2 ** min(failures - 1, 30) if error.wait is None else error.wait
        time.sleep(min(max(asked, 0), self.longest))

    def call(self, request: Callable[[], Answer]) -> Answer:
        """What a request answers, made again while it fails; raises the last Failed."""
        failures = 0
        while True:
            try:
                return request()
            except Failed as error:
                failures += 1
                self.wait(failures, error)


def _number(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else float(default)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise CallError(f"{name}={text}: write a positive number, such as {default}")
    return value
