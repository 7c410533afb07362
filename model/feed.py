"""Batches ahead of the loop: a thread reads them, cuts targets and pins them for the GPU."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import Tensor

from tamis.model.loss import IGNORE, targets
from tamis.tokenize.mixture import Mixture

AHEAD = 2
"""Batches that wait; a batch of 512k tokens with its targets and positions is 10 MB."""


@dataclass(frozen=True)
class Fed:
    """What one rank trains on in a step, on its device."""

    step: int
    tokens: Tensor
    """(rows, length) int64."""
    positions: Tensor
    """(rows, length) int32, as of `Mixture`."""
    targets: Tensor
    """(rows, length) int64, IGNORE where a document ends."""
    valid: int
    """Targets that are not IGNORE."""
    squares: int
    """Of the lengths of documents in the windows, summed: what attention costs."""
    seconds: float = 0.0
    """How long the loop waited for it."""


class Feed:
    """The batches of steps `first` to `last` - 1, in order; a context, for its thread to end."""

    def __init__(
        self,
        mixture: Mixture,
        first: int,
        last: int,
        rank: int = 0,
        world: int = 1,
        device: torch.device | None = None,
    ) -> None:
        self.mixture, self.rank, self.world = mixture, rank, world
        self.device = device or torch.device("cpu")
        self._ready: queue.Queue[Fed | BaseException | None] = queue.Queue(AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(first, last), daemon=True)

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Fed]:
        """Raises here whatever went wrong in the thread."""
        while True:
            started = time.perf_counter()
            got = self._ready.get()
            if got is None:
                return
            if isinstance(got, BaseException):
                raise got
            yield self._moved(got, time.perf_counter() - started)

    def _moved(self, fed: Fed, seconds: float) -> Fed:
        parts = (fed.tokens, fed.positions, fed.targets)
        tokens, positions, targets = (one.to(self.device, non_blocking=True) for one in parts)
        return Fed(fed.step, tokens, positions, targets, fed.valid, fed.squares, seconds)

    def _work(self, first: int, last: int) -> None:
        try:
            for step in range(first, last):
                if not self._put(self._made(step)):
                    return
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the loop
            self._put(error)

    def _put(self, item: Fed | BaseException | None) -> bool:
        """Whether the loop still wanted it."""
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def _made(self, step: int) -> Fed:
        batch = self.mixture.batch(step, self.rank, self.world)
        tokens, positions = torch.from_numpy(batch.tokens), torch.from_numpy(batch.positions)
        wanted = targets(tokens, positions)
        inputs, places = tokens[:, :-1].contiguous(), positions[:, :-1].contiguous()
        valid, squares = int((wanted != IGNORE).sum()), 2 * int(places.sum()) + places.numel()
        if self.device.type == "cuda":
            inputs, places, wanted = (one.pin_memory() for one in (inputs, places, wanted))
        return Fed(step, inputs, places, wanted, valid, squares)
