"""An Arrow IPC file of one batch as memory, wherever it lies.

A local file is mapped. For a remote one there is as much empty memory as it has bytes, which costs
nothing until it is written to: its ends are fetched when it is opened, blocks of the rest when they
are needed. So reading a part of a column costs a request or two.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tamis.pipeline.errors import Damaged, WorkError, from_os
from tamis.pipeline.storage.location import Location, Remote

BLOCK = 1 << 20
"""A request costs as long as a megabyte."""
MAGIC = b"ARROW1"


class Image:
    """The bytes of a file that is there whole."""

    def __init__(self, data: pa.Buffer) -> None:
        self.data = data

    def batch(self) -> pa.RecordBatch:
        """The file's one batch, its columns views of the memory; ArrowException if it is cut."""
        return pa.ipc.open_file(self.data).get_batch(0)

    def need(self, parts: Sequence[pa.Buffer | None]) -> None:
        """Sees to it that parts of the memory have the file's bytes."""


class Sparse(Image):
    """The bytes of a remote file, as far as they were fetched."""

    def __init__(self, place: Remote, size: int) -> None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        self._place, self._memory = place, mmap.mmap(-1, size, flags=flags)
        self._there = np.zeros(-(-size // BLOCK), np.bool_)
        super().__init__(pa.py_buffer(self._memory))

    def batch(self) -> pa.RecordBatch:
        """The one batch of the file; only what describes it is fetched."""
        size = self.data.size
        self._fetch(0, min(size, 16))
        self._fetch(max(0, size - BLOCK), size)
        if self._memory[:6] != MAGIC or self._memory[-6:] != MAGIC:
            raise pa.ArrowInvalid("no Arrow file, or not all of it")
        (footer,) = struct.unpack("<i", self._memory[-10:-6])
        self._fetch(max(0, size - 10 - footer), size)
        place = 8  # of the first message, which is the schema; the second describes the batch
        for _ in range(2):
            self._fetch(place, place + 8)
            (length,) = struct.unpack("<i", self._memory[place + 4 : place + 8])
            self._fetch(place, place + 8 + length)
            place += 8 + length
        return super().batch()

    def need(self, parts: Sequence[pa.Buffer | None]) -> None:
        for part in parts:
            if part is not None and part.size:
                start = part.address - self.data.address
                self._fetch(start, start + part.size)

    def _fetch(self, start: int, stop: int) -> None:
        """Fetches the blocks of a range that are missing, neighbours by one request."""
        first, last = start // BLOCK, -(-min(stop, self.data.size) // BLOCK)
        missing = np.flatnonzero(~self._there[first:last]) + first
        for run in np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1):
            if len(run):
                low = int(run[0]) * BLOCK
                high = min(self.data.size, (int(run[-1]) + 1) * BLOCK)
                self._memory[low:high] = self._place.read(low, high)
                self._there[run] = True


def image(place: Location) -> Image:
    """A file as memory; raises WorkError if it is missing, Damaged if it is empty."""
    try:
        if isinstance(place, Remote):
            return _of_remote(place)
        with pa.memory_map(str(place)) as file:
            return Image(file.read_buffer())  # stays mapped, while the descriptor is closed
    except FileNotFoundError as error:
        raise WorkError(f"{place} is missing: run the same command again") from error
    except OSError as error:
        raise from_os(error, f"cannot read {place}") from error


def _of_remote(place: Remote) -> Image:
    facts = place.facts()
    if not facts.bytes:
        raise Damaged(f"{place} is empty: delete it and run the same command again")
    if facts.ranges and facts.bytes > BLOCK:
        return Sparse(place, facts.bytes)
    return Image(pa.py_buffer(place.read_bytes()))
