"""Sorting more records than memory holds: runs of them on disk, merged.

A merge takes, from what it has read of every run, all up to the smallest last key, and sorts that
again: what is behind it in a run is not smaller. So merging needs no code of its own beside the
sort, and results do not depend on how many runs there were.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tamis.filters.ngram import records as kernels
from tamis.filters.ngram.records import COLUMNS, SIZE, Records

LARGEST_BLOCK = 1 << 15
"""Records that are handed on at once, at most: 768 KiB, which the caches hold."""
SMALLEST_ROOM = 64


def block_size(memory: int) -> int:
    """How many records a block has where so much memory is allowed for everything."""
    return max(SMALLEST_ROOM, min(LARGEST_BLOCK, memory // (64 * SIZE)))


def write(file: BinaryIO, records: Records) -> None:
    """Appends records to a file."""
    file.write(np.ascontiguousarray(records).data)


def read(path: Path, block: int, remove: bool = False) -> Iterator[Records]:
    """The records of a file, a block at a time; the file is removed behind the last if so asked."""
    with path.open("rb") as file:
        while len(got := _some(file, block)):
            yield got
    if remove:
        path.unlink()


def _some(file: BinaryIO, count: int) -> Records:
    return np.fromfile(file, np.uint64, count * COLUMNS).reshape(-1, COLUMNS)


class Sorter:
    """Takes records in any order and gives them back sorted by bits `first` to `last` of their key.

    Where only some bits are named, the others must be in order already among records that are equal
    in these. memory: bytes for this alone. sums: records with equal keys become one. A disk that is
    full raises OSError.
    """

    def __init__(
        self, path: Path, memory: int, first: int, last: int, block: int, sums: bool = False
    ) -> None:
        self._path, self._memory, self._block, self._sums = path, memory, block, sums
        self._first, self._last = np.uint64(first), np.uint64(last)
        self._room = max(SMALLEST_ROOM, memory // (2 * SIZE))
        self._records, self._spare = kernels.empty(self._room), kernels.empty(self._room)
        self._filled = 0
        self._runs: list[Path] = []

    def add(self, records: Records) -> None:
        """Takes these too."""
        while len(records):
            taken = records[: self._room - self._filled]
            self._records[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            records = records[len(taken) :]
            if self._filled == self._room:
                self._sort()
                if self._filled > self._room // 2:
                    self.spill()

    def _sort(self) -> None:
        """Sorts what is held; sums may leave little of it, which then can stay."""
        moved = kernels.radix_sort(
            self._records, self._spare, self._filled, self._first, self._last
        )
        if moved:
            self._records, self._spare = self._spare, self._records
        if self._sums:
            self._filled = kernels.add_up(self._records, self._filled)

    def spill(self) -> None:
        """Writes what is held, which is sorted, as one run."""
        path = self._path.with_name(f"{self._path.name}-{len(self._runs):05d}")
        with path.open("wb") as file:
            write(file, self._records[: self._filled])
        self._runs.append(path)
        self._filled = 0

    def merged(self) -> Iterator[Records]:
        """Everything in order, a block at a time, once; blocks are only lent until the next."""
        self._sort()
        if not self._runs:
            for start in range(0, self._filled, self._block):
                yield self._records[start : min(start + self._block, self._filled)]
            return
        if self._filled:
            self.spill()
        self._records = self._spare = kernels.empty(0)
        yield from self._merge([_Run(path) for path in self._runs])

    def _merge(self, runs: list[_Run]) -> Iterator[Records]:
        share = max(SMALLEST_ROOM, self._memory // (5 * SIZE * len(runs)))
        room = share * len(runs)
        self._records, self._spare = kernels.empty(room), kernels.empty(room)
        while runs:
            for run in runs:
                run.fill(share)
            limit = min((run.last_key() for run in runs if run.more), default=None)
            self._filled = 0
            for run in runs:
                taken = run.take(limit)
                self._records[self._filled : self._filled + len(taken)] = taken
                self._filled += len(taken)
            self._sort()
            runs = [run for run in runs if run.more or len(run.held)]
            for start in range(0, self._filled, self._block):
                yield self._records[start : min(start + self._block, self._filled)]


class _Run:
    """A sorted file of which some is held; it is removed when all is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._left = path.stat().st_size // SIZE
        self.held = kernels.empty(0)

    @property
    def more(self) -> bool:
        """Whether there is more than what is held."""
        return self._left > 0

    def fill(self, count: int) -> None:
        """Reads on until so many are held or no more are left."""
        missing = min(count - len(self.held), self._left)
        if missing <= 0:
            return
        with self._path.open("rb") as file:
            file.seek(self._read * SIZE)
            got = _some(file, missing)
        if len(got) < missing:
            raise OSError(f"{self._path} has lost its end while it was read")
        self.held = np.concatenate((self.held, got)) if len(self.held) else got
        self._read += missing
        self._left -= missing
        if not self._left:
            self._path.unlink()

    def last_key(self) -> tuple[int, int]:
        """The largest key held."""
        return int(self.held[-1, 0]), int(self.held[-1, 1])

    def take(self, limit: tuple[int, int] | None) -> Records:
        """Hands out what is held up to this key; everything without one."""
        count = len(self.held)
        if limit is not None:
            count = kernels.not_above(self.held, np.uint64(limit[0]), np.uint64(limit[1]))
        taken, self.held = self.held[:count], self.held[count:]
        return taken
