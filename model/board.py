"""TensorBoard's copy of the numbers of each step, where it was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tamis.model.errors import ModelError

SHOWN = ("loss", "lr", "grad_norm", "tokens_per_second", "mfu")


def require() -> Any:
    """torch's writer of event files; ModelError where the package that it needs is not there."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ModelError(
            "--tensorboard needs TensorBoard: pip install 'tamis[tensorboard]'"
        ) from None
    return SummaryWriter


class Board:
    """An event file that goes on after a step: later points of files beside it count no more."""

    def __init__(self, folder: Path, done: int) -> None:
        """done: steps of the checkpoint that is gone on from."""
        self._writer = require()(folder, purge_step=done + 1)

    def write(self, row: dict[str, Any]) -> None:
        """Adds a step, on the disk when it returns, as its line of metrics.jsonl is."""
        for name in SHOWN:
            if not isinstance(row[name], str):  # "unknown"
                self._writer.add_scalar(name, row[name], row["step"])
        self._writer.flush()

    def close(self) -> None:
        """Ends the thread that writes."""
        self._writer.close()
