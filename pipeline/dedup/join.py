"""Edges to components of rows, and the first of those in a component that have the same text."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tamis.filters.kernels import joining, radix
from tamis.filters.kernels.arrays import Bytes, Longs
from tamis.pipeline.errors import from_os

IN_MEMORY = 1 << 31
"""Bytes of the forest beyond which it lies in a file: 268 million rows."""


def components(
    edges: Iterable[tuple[Longs, Longs]], total: int, scratch: Path | None = None
) -> tuple[Longs, Longs]:
    """The rows of components of two and more, and the component of each, its smallest row.

    Ascending by (component, row). edges: parts of any size, in any order; total: how many rows
    there are; scratch: a folder for a forest that is too large for memory.
    """
    if scratch is None or total * 8 < IN_MEMORY:
        return _joined(edges, np.zeros(total, np.int64))
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=scratch) as file:
            file.truncate(total * 8)
            forest = np.memmap(file, np.int64, "r+", shape=(total,))
            return _joined(edges, np.asarray(forest))
    except OSError as error:
        raise from_os(error, f"cannot use {scratch} for joining duplicates") from error


def _joined(edges: Iterable[tuple[Longs, Longs]], forest: Longs) -> tuple[Longs, Longs]:
    for left, right in edges:
        joining.union(forest, left, right)
    count = joining.flatten(forest)
    roots, rows = np.empty(count, np.uint64), np.empty(count, np.int64)
    joining.joined(forest, roots, rows)
    radix.sort(roots, rows)
    found, component = np.empty(2 * count, np.int64), np.empty(2 * count, np.int64)
    count = joining.with_roots(roots, rows, found, component)
    return found[:count].copy(), component[:count].copy()


def representatives(rows: Longs, component: Longs, text_hashes: Bytes) -> Longs:
    """For each row the first one, in the order given, of its component with the same text.

    rows, component: int64[k] in any order; text_hashes: uint8[k, 16] of these rows.
    """
    texts = np.ascontiguousarray(text_hashes).view(np.uint64).reshape(-1, 2)
    table = np.full(1 << max(1, (2 * len(rows) - 1).bit_length()), -1, np.int64)
    first = np.empty(len(rows), np.int64)
    joining.first_alike(component, texts, first, table)
    return rows[first]
