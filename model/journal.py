"""What each step came to: checked, written to metrics.jsonl and shown, one step behind on a GPU."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import isfinite
from types import TracebackType
from typing import Any

from torch import Tensor, distributed

from tamis.model.board import Board
from tamis.model.devices import Place
from tamis.model.errors import TrainingError
from tamis.model.feed import Fed
from tamis.model.metrics import Metrics, Progress, mfu
from tamis.model.plan import Plan
from tamis.model.track import Track

EPOCHS_EVERY = 50
"""Steps between lines that say how often each source was read."""


@dataclass(frozen=True)
class Done:
    """A step that was taken, or is being taken by a GPU still."""

    fed: Fed
    valid: int
    """Targets of the step on all ranks."""
    nats: Tensor
    """Of this rank's targets, summed."""
    norm: Tensor
    """Of the gradient, before it was clipped."""


class Journal:
    """Keeps the metrics of a track from a step on."""

    def __init__(
        self, plan: Plan, place: Place, track: Track, first: int, until: int, quiet: bool
    ) -> None:
        self.plan, self.place, self.track = plan, place, track
        first_rank = place.rank == 0
        self.metrics = Metrics(track.metrics, first) if first_rank else None
        shown = first_rank and plan.settings.tensorboard
        self.board = Board(track.board, first) if shown else None
        self.progress = Progress(until, first, quiet)
        self._waiting: Done | None = None
        self._clock = time.perf_counter()

    def add(self, done: Done) -> None:
        """Notes a step: on a GPU the one before, as reading this one would wait for it."""
        self.flush()
        self._waiting = done
        if self.place.device.type == "cpu":
            self.flush()

    def flush(self) -> None:
        """Notes what was not yet; TrainingError where a loss is no number any more."""
        done, self._waiting = self._waiting, None
        if done is None:
            return
        row = self._row(done)
        now = time.perf_counter()
        row |= self._speed(done.fed, now - self._clock)
        self._clock = now
        if self.metrics is not None:
            self.metrics.write(row)
        if self.board is not None:
            self.board.write(row)
        self.progress.show(row, self.track.label)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Notes the last step, unless something went wrong."""
        try:
            if kind is None:
                self.flush()
                self.progress.close()
        finally:
            if self.board is not None:
                self.board.close()

    def _row(self, done: Done) -> dict[str, Any]:
        if self.place.world > 1:
            distributed.all_reduce(done.nats)
        loss, norm = done.nats.item() / max(1, done.valid), done.norm.item()
        step, schedule = done.fed.step + 1, self.track.schedule
        if not (isfinite(loss) and isfinite(norm)):
            raise TrainingError(
                f"step {step}: the loss is {loss} and the norm of its gradient {norm}: "
                f"{self.track.last_good()}; start anew with a lower --learning-rate than "
                f"{schedule.peak:g}, or a longer --warmup"
            )
        row: dict[str, Any] = {
            "step": step,
            "tokens": step * self.plan.batch_tokens,
            "loss": loss,
            "lr": schedule.rate(done.fed.step),
            "grad_norm": norm,
        }
        if step % EPOCHS_EVERY == 0 or step == schedule.steps:
            row["epochs"] = self.plan.mixture.seen(step)["sources"]
        return row

    def _speed(self, fed: Fed, seconds: float) -> dict[str, Any]:
        tokens, shape, peak = self.plan.batch_tokens, self.plan.shape, self.place.peak
        squares = fed.squares * self.place.world  # other ranks' windows are alike
        return {
            "seconds": seconds,
            "feed_seconds": fed.seconds,
            "tokens_per_second": tokens / seconds,
            "mfu": mfu(shape.flops(tokens, squares), seconds, peak),
            "mfu_6n": mfu(shape.flops(tokens), seconds, peak),
        }
