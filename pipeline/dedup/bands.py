"""Rows that have a key of a band in common, as edges between neighbours: never all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tamis.filters.kernels import joining, radix
from tamis.filters.kernels.arrays import Hashes, Longs
from tamis.pipeline.dedup.signatures import Signatures

MOST = 8_000_000
"""Keys a unit of work sorts, on average: with their rows and the room to sort them 256 MB."""
END = 1 << 64


class Edges(NamedTuple):
    """Edges by their left end, and of how many runs of equal keys; `longest` in rows."""

    left: Longs
    right: Longs
    runs: int
    longest: int


def ranges(total: int, most: int = MOST) -> list[tuple[int, int]]:
    """The ranges of keys (low, high) that share so many out, `most` to each on average."""
    count = max(1, -(-total // most))
    bounds = [number * END // count for number in range(count + 1)]
    return list(pairwise(bounds))


def edges(
    files: Sequence[Signatures], firsts: Sequence[int], band: str, low: int, high: int
) -> Edges:
    """Edges between consecutive rows of each run of equal keys with low <= key < high.

    firsts: the global number of each file's first row. left < right, and no left end comes twice.
    """
    keys, rows = _gathered(files, firsts, band, low, high)
    radix.sort(keys, rows)
    pairs, runs, longest = joining.runs(keys)
    left, right = np.empty(pairs, np.int64), np.empty(pairs, np.int64)
    joining.links(keys, rows, left, right)
    del keys, rows
    ends = left.view(np.uint64)
    radix.sort(ends, right)
    return Edges(left, right, runs, longest)


def _gathered(
    files: Sequence[Signatures], firsts: Sequence[int], band: str, low: int, high: int
) -> tuple[Hashes, Longs]:
    """Keys and global rows of all files, in the order of their rows: so are equal keys, sorted."""
    order = sorted(range(len(files)), key=lambda number: firsts[number])
    parts = [(firsts[number], *files[number].slice(band, low, high)) for number in order]
    count = sum(len(keys) for _, keys, _ in parts)
    all_keys, all_rows = np.empty(count, np.uint64), np.empty(count, np.int64)
    place = 0
    for first, keys, rows in parts:
        stop = place + len(keys)
        all_keys[place:stop] = keys
        np.add(rows, first, out=all_rows[place:stop], dtype=np.int64)
        place = stop
    return all_keys, all_rows
