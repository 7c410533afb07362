"""Checkpoints: a folder for each step, there complete or not at all, written beside the training.

One safetensors file and no pickle, so that a checkpoint from elsewhere is read and never run.
Ranks hold the same state, so the first one writes it, and any number of ranks goes on from it.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tamis.model.errors import ModelError

STATE = "state.safetensors"
FORMAT = 1


class Checkpoints:
    """The checkpoints of a folder, of which the newest `keep` stay."""

    def __init__(self, folder: Path, keep: int = 2, writes: bool = True) -> None:
        """writes: whether this process is the one that saves; others only read."""
        self.folder, self.keep, self.writes = folder, keep, writes
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        if writes:
            for draft in folder.glob(".*.draft"):
                shutil.rmtree(draft)

    def steps(self) -> list[int]:
        """The steps that have one, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(one.name) for one in self.folder.iterdir() if one.name.isdecimal())

    def latest(self, say: Callable[[str], None] = lambda _: None) -> int | None:
        """The newest step that can be read; what cannot is passed over, and said."""
        for step in reversed(self.steps()):
            if (fault := self._fault(step)) is None:
                return step
            say(f"{self._file(step)} cannot be read ({fault}): an older checkpoint is taken")
        return None

    def _fault(self, step: int) -> str | None:
        """Why one cannot be read: its header says how long the file has to be."""
        try:
            with safe_open(self._file(step), "pt"):
                return None
        except (SafetensorError, OSError) as error:
            return str(error)

    def save(
        self, step: int, state: Mapping[str, Tensor], facts: Mapping[str, Any], wait: bool = False
    ) -> None:
        """Copies the state now and writes it meanwhile, or before it returns if it is to wait.

        An error of writing is raised here, by the next save, or by `close`.
        """
        self.close()
        if not self.writes or (step in self.steps() and self._fault(step) is None):
            return
        copied = {name: one.detach().to("cpu", copy=True) for name, one in state.items()}
        text = {"format": str(FORMAT), "facts": json.dumps({"step": step, **facts})}
        self._thread = threading.Thread(target=self._work, args=(step, copied, text))
        self._thread.start()
        if wait:
            self.close()

    def close(self) -> None:
        """Waits until what is being written is there."""
        if self._thread is not None:
            self._thread.join()
        self._thread, error, self._error = None, self._error, None
        if error is not None:
            raise error

    def load(self, step: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The state and the facts of a step."""
        with safe_open(self._file(step), "pt") as file:
            text = file.metadata() or {}
            if text.get("format") != str(FORMAT):
                raise ModelError(f"{self._file(step)} is no checkpoint of format {FORMAT}")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return state, json.loads(text["facts"])

    def _file(self, step: int) -> Path:
        return self.folder / str(step) / STATE

    def _work(self, step: int, state: dict[str, Tensor], text: dict[str, str]) -> None:
        try:
            draft = self.folder / f".{step}.draft"
            draft.mkdir(parents=True)
            save_file(state, draft / STATE, text)
            _flush(draft / STATE)
            shutil.rmtree(self.folder / str(step), ignore_errors=True)  # one that was damaged
            draft.rename(self.folder / str(step))
            _flush(self.folder)
            for old in self.steps()[: -self.keep]:
                shutil.rmtree(self.folder / str(old))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error


def _flush(path: Path) -> None:
    """To the disk, so that a machine that fails leaves nothing half there under a name."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
