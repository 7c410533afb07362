"""A run's folder belongs to one training: a second one would overwrite what the first one keeps."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import torch
from torch import distributed

from tamis.model.devices import Place
from tamis.model.errors import TrainingError
from tamis.model.plan import foreign

LOCK = ".lock"


@contextmanager
def alone(folder: Path, place: Place) -> Iterator[None]:
    """Holds a folder, which is made, for as long as the first rank lives, however it ends.

    TrainingError on every rank where another process holds it.
    """
    held, error = None, None
    if place.rank == 0:
        try:
            held = _taken(folder)
        except (OSError, TrainingError) as refusal:
            error = refusal
    if place.world > 1:
        refused = torch.tensor(int(error is not None))
        distributed.broadcast(refused, 0)
        if refused and place.rank:
            raise TrainingError(f"{folder} was refused to the first rank")
    if error is not None:
        raise error
    try:
        yield
    finally:
        if held is not None:
            held.close()


def _taken(folder: Path) -> TextIO | None:
    """The lock, held until it is closed; None where there can be none.

    That is in a folder that is no run, which `hold_to` refuses, in one that cannot be written,
    where a run that is done is only looked at, and on a file system without locks (Lustre, unless
    it is mounted with them).
    """
    if foreign(folder):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = (folder / LOCK).open("a+", encoding="utf-8")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with file:
            file.seek(0)
            raise TrainingError(
                f"{folder} is being trained by {file.read() or 'another process'}: wait for it, "
                "end it, or name another folder"
            ) from None
    except OSError:
        file.close()
        return None
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}")
    file.flush()
    return file
