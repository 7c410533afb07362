"""What is read by which task: a function of the inputs alone, whatever the number of workers.

Large inputs are cut into shards: plain JSON lines at byte offsets, Parquet at row groups; web
archives, CSV and compressed JSON lines where the reader passes multiples of a number of bytes of
the file (such a file is read by one task, shard after shard). Small inputs are gathered in the
order they were given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.pipeline.ingest import parquet
from tamis.pipeline.ingest.inputs import READ, Input

# Bytes of text per byte of input, roughly: what real files of each kind gave.
_EXPANSION = {"gz": 3.0, "zst": 3.0, "bz2": 4.0, "xz": 4.0}
_YIELD = {
    "docstrings": 0.2,
    "catalogue": 0.5,
    "description": 0.8,
    "parquet": 2.0,
    "hub": 2.0,
    "warc": 0.1,
}


@dataclass(frozen=True)
class Piece:
    """Part of an input: bytes start to stop, or row groups; stop None is the end.

    Of a dataset, every stop-th of its files from the start-th on.
    """

    input: int
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Plan:
    """Shards, each a list of pieces, and tasks, each a list of shards read in one go."""

    shards: list[list[Piece]]
    tasks: list[list[int]]
    split: list[int]
    """Inputs that no task reads whole: their digests are work of their own."""

    @classmethod
    def load(cls, saved: dict[str, Any]) -> Plan:
        """A plan as `asdict` wrote it."""
        shards = [[Piece(**piece) for piece in shard] for shard in saved["shards"]]
        return cls(shards, saved["tasks"], saved["split"])


def plan(inputs: Sequence[Input], shard_bytes: int, gather: bool = True) -> Plan:
    """The plan for some inputs, small ones gathered or each on its own.

    Reads no more than the footers of large Parquet files.
    """
    shard_bytes = shard_bytes or _shard_bytes(inputs)
    made = Plan([], [], [])
    gathered: list[Piece] = []
    size = 0.0
    for place, source in enumerate(inputs):
        expected = expected_text(source)
        if expected > 1.5 * shard_bytes and (pieces := _cut(source, place, shard_bytes)):
            _add(made, [gathered] if gathered else [])
            gathered, size = [], 0.0
            together = _is_stream(source)
            _add(made, [[piece] for piece in pieces], together)
            if not together and source.format != "hub":  # whose commit is its digest
                made.split.append(place)
            continue
        gathered.append(Piece(place))
        size += expected
        if size >= shard_bytes or not gather or source.bytes < 0:
            _add(made, [gathered])
            gathered, size = [], 0.0
    _add(made, [gathered] if gathered else [])
    return made


def _is_stream(source: Input) -> bool:
    """Whether an input can only be read from its beginning: only that says where records begin."""
    return bool(source.compression) or source.format in ("csv", "warc")


def expected_text(source: Input) -> float:
    """About how many bytes of text an input holds."""
    expansion = _EXPANSION.get(source.compression, 1.0)
    size = max(source.bytes, 0) * expansion
    if source.format == "warc" and ".wet" in source.name.lower():
        return size  # texts already
    return size * _YIELD.get(source.format, 1.0)


def _shard_bytes(inputs: Sequence[Input]) -> int:
    """About 32 shards, but none under 8 MB, so that a task is worth its start, or over 256 MB."""
    total = sum(expected_text(source) for source in inputs)
    return int(min(max(total / 32, 8e6), 256e6))


def _add(made: Plan, shards: list[list[Piece]], together: bool = False) -> None:
    numbers = list(range(len(made.shards), len(made.shards) + len(shards)))
    made.shards.extend(shards)
    made.tasks.extend([numbers] if together else [[number] for number in numbers])


def _cut(source: Input, place: int, shard_bytes: int) -> list[Piece]:
    """The pieces of a large input, none if it cannot be cut."""
    if source.format == "parquet":
        return _row_groups(parquet.row_group_bytes(source), place, shard_bytes)
    if source.format == "hub":
        tasks = min(source.parts, math.ceil(expected_text(source) / shard_bytes))
        return [Piece(place, rank, tasks) for rank in range(tasks)] if tasks > 1 else []
    if source.format not in ("jsonl", "csv", "warc") or not (source.ranges or _is_stream(source)):
        return []
    step = shard_bytes
    if _is_stream(source):
        step = max(1, round(shard_bytes * source.bytes / expected_text(source) / READ)) * READ
    ends = [i * step for i in range(1, math.ceil(source.bytes / step))]
    return [Piece(place, a, b) for a, b in zip([0, *ends], [*ends, None], strict=True)]


def _row_groups(sizes: list[int], place: int, shard_bytes: int) -> list[Piece]:
    pieces, start, size = [], 0, 0
    for group, group_bytes in enumerate(sizes, 1):
        size += group_bytes
        if size >= shard_bytes or group == len(sizes):
            pieces.append(Piece(place, start, group))
            start, size = group, 0
    return pieces
