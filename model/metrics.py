"""What a training says of itself: a line of JSON for every step, and one on standard error."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

FORMULA = "palm: 6 N tokens + 12 layers heads head squares of document lengths"
EVERY = 15.0
"""Seconds between lines where there is no terminal."""


class Metrics:
    """A metrics.jsonl with one line for each step, whatever was interrupted."""

    def __init__(self, path: Path, done: int) -> None:
        """done: steps of the checkpoint that is gone on from; the lines of later ones are cut."""
        self.path, self.rows = path, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [row for row in read(path) if row["step"] <= done]
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text("".join(map(_line, kept)), encoding="utf-8")
        draft.replace(path)

    def write(self, row: dict[str, Any]) -> None:
        """Adds the line of a step."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(row))


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics.jsonl, without a last one that was cut while it was written."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, allow_nan=False) + "\n"


def mfu(flops: float, seconds: float, peak: tuple[str, float] | None) -> float | str:
    """The share of the hardware's peak that was made use of; "unknown" where that is not known."""
    return "unknown" if peak is None else round(flops / seconds / peak[1], 4)


class Progress:
    """How far it is: a line that is rewritten on a terminal, one now and then elsewhere."""

    def __init__(self, steps: int, done: int, quiet: bool) -> None:
        self.steps, self.first, self.quiet = steps, done, quiet
        self.started = self.last = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def show(self, row: dict[str, Any], label: str = "") -> None:
        """Tells of a step; its row as in metrics.jsonl."""
        now = time.monotonic()
        if row["step"] == self.first + 1:
            self.started = now  # the first step compiles
        if self.quiet or (not self.terminal and now - self.last < EVERY):
            return
        self.last = now
        print(self._line(row, now, label), end=self._end, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leaves the line that was rewritten."""
        if self.terminal and not self.quiet:
            print(file=sys.stderr)

    @property
    def _end(self) -> str:
        return "\x1b[K\r" if self.terminal else "\n"

    def _line(self, row: dict[str, Any], now: float, label: str) -> str:
        timed = row["step"] - self.first - 1
        left = (self.steps - row["step"]) * (now - self.started) / timed if timed > 0 else 0
        used = row["mfu"] if isinstance(row["mfu"], str) else f"{100 * row['mfu']:.1f} %"
        return (
            f"train{label}: step {row['step']:,} of {self.steps:,}, loss {row['loss']:.4f}, "
            f"{row['tokens_per_second']:,.0f} tokens/s, MFU {used}, {left:,.0f} s left"
        )
