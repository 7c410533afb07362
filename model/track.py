"""A folder that steps are written to: the run's own, or that of a branch that decays sooner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tamis.model.checkpoint import Checkpoints
from tamis.model.schedule import Schedule


@dataclass(frozen=True)
class Track:
    """Where metrics, checkpoints and at last the model go, and the rates of the way there."""

    folder: Path
    schedule: Schedule
    checkpoints: Checkpoints
    label: str = ""
    """In messages."""

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def board(self) -> Path:
        """Of TensorBoard, if it was asked for."""
        return self.folder / "tensorboard"

    @property
    def model(self) -> Path:
        """There when the track is done."""
        return self.folder / "model"

    def last_good(self) -> str:
        """Which state is left where a training fails, in words."""
        self.checkpoints.close()
        step = self.checkpoints.latest()
        where = self.checkpoints.folder / str(step)
        return "there is no checkpoint yet" if step is None else f"the last good state is {where}"
