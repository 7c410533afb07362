"""The order of shuffled documents, and files of the documents of a shard in that order.

Every document draws a 64-bit number: the one that SplitMix64 gives for its row, from a state that
BLAKE2b draws for its shard and the seed. Sorted by these, all documents of a corpus are in an order
as likely as any other, which neither workers nor the size of what is written have a part in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.pipeline.dedup.work import write_batch

BLOCK = 16 << 20
"""Tokens that are held at a time, in three copies at most: 192 MB where a token has four bytes."""
NUMBERS = 1 << 64
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))

Longs = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint64]


class Documents(NamedTuple):
    """Some documents as tokens."""

    ids: npt.NDArray[Any]
    ends: Longs
    """Where each ends in ids."""
    hashes: Numbers
    """Of their ids."""
    sizes: Numbers
    """Bytes of their texts."""
    sources: pa.Array
    rows: Longs
    """In their shard of the corpus."""


def numbers(seed: int, shard: int, rows: Longs) -> Numbers:
    """What rows of a shard are sorted by; no two of a shard are the same."""
    state = hashlib.blake2b(f"{seed} {shard}".encode(), digest_size=8, person=b"shuffle").digest()
    mixed = np.frombuffer(state, "<u8") + (rows.astype(np.uint64) + np.uint64(1)) * _STEP
    for shift, factor in _MIX:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
    found: Numbers = mixed ^ (mixed >> np.uint64(31))
    return found


class Sorter:
    """Sorts the documents of a shard: their tokens on disk, of each some 40 bytes in memory."""

    def __init__(self, unsorted: Path, dtype: np.dtype[Any]) -> None:
        self._path, self._dtype = unsorted, dtype
        self._file = unsorted.open("wb")
        self._parts: list[tuple[Any, ...]] = []

    def __enter__(self) -> Sorter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, documents: Documents, drawn: Numbers) -> None:
        """Adds documents and their numbers."""
        self._file.write(np.ascontiguousarray(documents.ids).data)
        lengths = np.diff(documents.ends, prepend=0)
        sources = documents.sources.cast(pa.string())
        self._parts.append((drawn, lengths, documents.hashes, documents.sizes, sources))

    def save(self, paths: Mapping[str, Path]) -> dict[str, int]:
        """Writes the sorted files, tokens (`ids`) and the rest (`arrow`); gives their counts."""
        self._file.flush()
        *columns, sources = zip(*self._parts, strict=True)
        drawn, lengths, hashes, sizes = (np.concatenate(column) for column in columns)
        order = np.argsort(drawn, kind="stable")
        starts = np.cumsum(lengths) - lengths
        tokens = int(lengths.sum())
        data = np.memmap(self._path, self._dtype, "r") if tokens else np.empty(0, self._dtype)
        with paths["ids"].open("wb") as file:
            for part in runs(lengths[order], BLOCK):
                rows = order[part]
                file.write(gathered(data, starts[rows], lengths[rows]).data)
        table = {
            "number": drawn[order],
            "end": np.cumsum(lengths[order]),
            "id_hash": hashes[order],
            "bytes": sizes[order],
            "source": pa.concat_arrays(sources).dictionary_encode().take(pa.array(order)),
        }
        batch = pa.record_batch([pa.array(one) for one in table.values()], list(table))
        write_batch(str(paths["arrow"]), batch)
        return {"documents": len(order), "tokens": tokens, "bytes": int(sizes.sum())}


def runs(lengths: Longs, most: int) -> Iterator[slice]:
    """Things of these lengths cut into runs of no more than so much; a longer one is in one."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(ends):
        full = (ends[start - 1] if start else 0) + most
        stop = max(start + 1, int(np.searchsorted(ends, full, "right")))
        yield slice(start, stop)
        start = stop


def gathered(data: npt.NDArray[Any], starts: Longs, lengths: Longs) -> npt.NDArray[Any]:
    """Pieces of an array that do not overlap, one after the other: Arrow copies each at once."""
    if not lengths.any():
        return np.empty(0, data.dtype)
    ends = starts + lengths
    order = np.lexsort((ends, starts))
    places = np.empty(len(order), np.int64)
    places[order] = 2 * np.arange(len(order))  # what lies between the pieces has odd places
    edges = np.column_stack([starts, ends])[order].ravel() * data.dtype.itemsize
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(data)]
    column = pa.Array.from_buffers(pa.large_binary(), len(edges) - 1, buffers)
    taken = column.take(pa.array(places))
    return np.frombuffer(taken.buffers()[2], data.dtype, int(lengths.sum()))
