"""A seeded sample of what a corpus keeps, the same bytes of every source, in bounded memory.

Every kept document has a priority, the keyed BLAKE2b of its id; of each source those of the least
are taken until its share is used up. A share is an equal part of the budget; what a small source
leaves goes to the others. A document longer than a window gives one window, at a place that its
priority says. So the sample does not depend on workers, and on shards only where ids repeat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.pipeline.ledger import Decision
from tamis.pipeline.sift import Sift
from tamis.pipeline.signals import ShardReader, decision_columns
from tamis.pipeline.stage import Stage

WINDOW = 1 << 16
"""Bytes of a document at most: one of 100 MB, or the licence of every book, is not to dominate."""
CANDIDATES = 1 << 20
"""Documents that are held before those that cannot be taken are dropped: 40 bytes each."""
_ROW = np.dtype(
    [
        ("source", "i4"),
        ("priority", "u8"),
        ("shard", "u4"),
        ("row", "i8"),
        ("size", "i8"),
        ("whole", "i8"),
    ]
)
Rows = npt.NDArray[Any]
"""Records of _ROW: size is the bytes that are taken, whole those of the document."""


class Part(NamedTuple):
    """What a document gives."""

    source: str
    language: str | None
    """What the recipe's stage says, None without one."""
    text: bytes
    """UTF-8, whole characters; after the edits of the recipe."""
    whole: int
    """Bytes of the whole document."""


@dataclass
class Sample:
    """Documents chosen; iterating reads their texts, in the order of the corpus, every time."""

    sift: Sift
    stages: Sequence[Stage]
    sources: Sequence[str]
    rows: Rows = field(repr=False)

    def __iter__(self) -> Iterator[Part]:
        rows = np.sort(self.rows, order=["shard", "row"])
        for number in np.unique(rows["shard"]).tolist():
            with ExitStack() as stack:
                shard = self.sift.corpus.shards[number].name
                reader = ShardReader(self.sift.corpus, shard, self.stages, stack)
                yield from self._parts(reader, rows[rows["shard"] == number])

    def _parts(self, reader: ShardReader, rows: Rows) -> Iterator[Part]:
        before = 0
        for group in range(reader.row_groups):
            after = before + reader.rows(group)
            mine = rows[(rows["row"] >= before) & (rows["row"] < after)]
            if len(mine):
                columns = reader.read(group, {"text", "language"})
                yield from _windows(columns, mine, mine["row"] - before, self.sources)
            before = after


def draw(sift: Sift, budget: int, seed: int) -> Sample:
    """The sample of so many bytes of the documents that the recipe's stages keep.

    Held are 40 bytes for a document that may be taken: at most as many of each source as make up
    the budget, or CANDIDATES in all if that is more; and one row group, without texts.
    """
    stages = sift.present()[0]
    codes: dict[str, int] = {}
    held, limit = np.zeros(0, _ROW), CANDIDATES
    waiting: list[Rows] = []
    for number, shard in enumerate(sift.corpus.shards):
        with ExitStack() as stack:
            reader = ShardReader(sift.corpus, shard.name, stages, stack)
            for found in _kept(reader, stages, seed, codes):
                found["shard"] = number
                waiting.append(found)
                if sum(map(len, waiting)) + len(held) > limit:
                    held, waiting = _possible(np.concatenate([held, *waiting]), budget)[0], []
                    limit = max(CANDIDATES, 2 * len(held))
    rows, before = _possible(np.concatenate([held, *waiting]), budget)
    names = list(codes)
    allowed = shares(np.bincount(rows["source"], rows["size"], len(names)), budget)
    left = allowed[rows["source"]] - before
    rows["size"] = np.minimum(rows["size"], left)
    return Sample(sift, stages, names, rows[left > 0])


def _kept(
    reader: ShardReader, stages: Sequence[Stage], seed: int, codes: dict[str, int]
) -> Iterator[Rows]:
    """The documents of a shard that are kept and not empty, a row group at a time."""
    names = decision_columns(stages) | {"id", "source", "text_bytes"}
    key, before = seed.to_bytes(8, "little", signed=True), 0
    for group in range(reader.row_groups):
        columns = reader.read(group, names)
        size = columns["text_bytes"].to_numpy()
        rows = np.flatnonzero(Decision(stages, columns, len(size)).kept & (size > 0))
        taken = pa.array(rows)
        made = np.zeros(len(rows), _ROW)
        source = columns["source"].take(taken).to_pylist()
        made["source"] = [codes.setdefault(name or "", len(codes)) for name in source]
        ids = columns["id"].take(taken).to_pylist()
        made["priority"] = [_priority(one, key) for one in ids]
        made["row"], made["whole"] = rows + before, size[rows]
        made["size"] = np.minimum(made["whole"], WINDOW)
        before += len(size)
        yield made


def _priority(name: str, key: bytes) -> int:
    made = hashlib.blake2b(name.encode(), digest_size=8, key=key)
    return int.from_bytes(made.digest(), "little")


def _possible(rows: Rows, budget: int) -> tuple[Rows, npt.NDArray[np.int64]]:
    """The rows that can be in the sample, by source and priority, and the bytes before each."""
    rows = rows[np.lexsort((rows["row"], rows["shard"], rows["priority"], rows["source"]))]
    before = np.cumsum(rows["size"]) - rows["size"]
    first = np.searchsorted(rows["source"], rows["source"])
    before -= before[first] if len(rows) else 0
    return rows[before < budget], before[before < budget]


def shares(there: npt.NDArray[Any], budget: int) -> npt.NDArray[np.int64]:
    """What each of some sources may give: equal parts, and what some lack from the others."""
    given = np.zeros(len(there), np.int64)
    for place, source in enumerate(np.argsort(there, kind="stable").tolist()):
        equal = (budget - int(given.sum())) // (len(there) - place)
        given[source] = min(int(there[source]), equal)
    return given


def _windows(
    columns: dict[str, pa.Array], rows: Rows, places: Any, sources: Sequence[str]
) -> Iterator[Part]:
    texts = columns["text"].cast(pa.large_binary())
    languages = columns.get("language")
    for row, place in zip(rows, places.tolist(), strict=True):
        text = memoryview(texts[place].as_buffer())
        language = None if languages is None else languages[place].as_py()
        part = _window(text, int(row["size"]), int(row["priority"]))
        yield Part(sources[int(row["source"])], language, part, len(text))


def _window(text: memoryview, size: int, priority: int) -> bytes:
    """So many bytes of a text, or less for whole characters."""
    if len(text) <= size:
        return bytes(text)
    start = (priority & 0xFFFFFFFF) % (len(text) - size + 1)
    end = start + size
    while end < len(text) and text[end] & 0xC0 == 0x80:
        end -= 1
    while start < end and text[start] & 0xC0 == 0x80:
        start += 1
    return bytes(text[start:end])
