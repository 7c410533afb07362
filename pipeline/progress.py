"""How far the work is: a bar on a terminal, plain lines now and then elsewhere, on stderr."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

LINE_SECONDS = 15.0


class Progress:
    """Progress of one phase, measured in bytes of text; a total of 0 is an unknown one."""

    def __init__(self, label: str, total_bytes: int, quiet: bool = False) -> None:
        self.label, self.total, self.quiet = label, total_bytes, quiet
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.bar: Bar | None = None
        self.started = self.last_line = time.monotonic()
        self.documents = self.bytes = 0

    def __enter__(self) -> Progress:
        self.started = self.last_line = time.monotonic()
        if self.console.is_terminal and not self.quiet:
            self.bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.fields[documents]:,} documents"),
                TextColumn("{task.fields[speed]:.1f} MB/s"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self.bar.add_task(self.label, total=self.total or None, documents=0, speed=0.0)
            self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
        if kind is None and not self.quiet:
            self.console.print(self._line(done=True), markup=False)

    def show(self, documents: int, size: int) -> None:
        """Tells how much is done."""
        self.documents, self.bytes = documents, size
        if self.bar is not None:
            self.bar.update(
                self.bar.task_ids[0], completed=size, documents=documents, speed=self._speed()
            )
        elif not self.quiet and time.monotonic() - self.last_line > LINE_SECONDS:
            self.last_line = time.monotonic()
            self.console.print(self._line(done=False), markup=False)

    def say(self, message: str) -> None:
        """Says something that the user should know, above the bar."""
        self.console.print(f"{self.label}: {message}", markup=False)

    def _speed(self) -> float:
        return self.bytes / 1e6 / max(time.monotonic() - self.started, 1e-9)

    def _line(self, done: bool) -> str:
        seconds = time.monotonic() - self.started
        amount = f"{self.documents:,} documents, {self.bytes / 1e6:,.1f} MB"
        if done:
            return f"{self.label}: {amount} in {seconds:.1f} s ({self._speed():.1f} MB/s)"
        share = f" ({100 * self.bytes / self.total:.0f} %)" if self.total else ""
        left = (self.total - self.bytes) / 1e6 / max(self._speed(), 1e-9) if self.total else 0
        return f"{self.label}: {amount}{share}, {self._speed():.1f} MB/s, {left:.0f} s left"
