"""The cluster of one document: who is kept of it, who else is in it, and what differs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import numpy as np

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.asked import parameters
from tamis.pipeline.dedup.settings import Dedup
from tamis.pipeline.dedup.signed import Signed
from tamis.pipeline.differences import difference
from tamis.pipeline.rules import Columns
from tamis.pipeline.signals import ShardReader, one_chunk
from tamis.pipeline.stage import Stage

OTHERS = 5
"""Members that are named, beside the document and the one that is kept."""


def relatives(
    corpus: Corpus, stages: list[Stage], one: Columns, shard: str, row: int
) -> list[dict[str, Any]]:
    """What every stage that finds duplicates says of a document in a cluster.

    stages: those that take part; one: all their columns of this row.
    """
    found = []
    for place, stage in enumerate(stages):
        if isinstance(stage.measure, Dedup):
            said = {name: one[column][0].as_py() for name, column in stage.given.items()}
            if said["duplicate_cluster"] is not None:
                family = _Family(corpus, stage, stages[:place], said["duplicate_cluster"])
                found.append({"stage": stage.name, **family.of(said, shard, row)})
    return found


class _Family:
    """A cluster: its number is that of its keeper in the corpus, or below zero for a pinned one."""

    def __init__(self, corpus: Corpus, stage: Stage, before: list[Stage], cluster: int) -> None:
        self.corpus, self.stage, self.before, self.cluster = corpus, stage, before, cluster

    def of(self, said: dict[str, Any], shard: str, row: int) -> dict[str, Any]:
        """What there is to say of one of its documents; said: the columns that the stage gives."""
        me, pinned = (shard, row), self.cluster < 0
        keeper = None if pinned else self._place(self.cluster)
        answer = {
            "size": said["cluster_size"],
            "keeper": self._published(said) if keeper is None else self._named(*keeper),
            "is_keeper": me == keeper,
            "similarity": said["duplicate_similarity"],
            "by": said["duplicate_by"],
            "band": said["duplicate_band"],
            "others": [self._named(*place) for place in self._others({me, keeper})],
            "difference": None,
        }
        if keeper not in (None, me):
            texts = (self._value(*place, "text") for place in (me, keeper) if place)
            answer["difference"] = asdict(difference(*texts))
        return answer

    def _place(self, number: int) -> tuple[str, int]:
        firsts = Signed(self.corpus, self.stage).documents
        unit = int(np.searchsorted(firsts, number, side="right")) - 1
        return self.corpus.shards[unit].name, number - int(firsts[unit])

    def _named(self, shard: str, row: int) -> dict[str, Any]:
        return {"id": self._value(shard, row, "id"), "key": f"{shard}:{row}"}

    def _published(self, said: dict[str, Any]) -> dict[str, Any]:
        """The keeper in an index, and the crawl that published it."""
        measure = parameters(self.stage)
        parts = [(index, part) for index in measure.indexes for part in index.parts]
        last = np.cumsum([part["rows"] for _, part in parts])
        place = int(np.searchsorted(last, -self.cluster - 1, side="right"))
        index, part = parts[place]
        key = {"id": said["duplicate_of"], "key": None}
        return {**key, "index": str(index.folder), "crawl": part["name"]}

    def _others(self, known: set[Any]) -> list[tuple[str, int]]:
        """The first other members, in the order of the corpus."""
        found: list[tuple[str, int]] = []
        column = self.stage.given["duplicate_cluster"]
        for shard in self.corpus.shards:
            path = self.corpus.signals(self.stage.place, shard.name)
            with files.parquet_file(path) as file:
                values = one_chunk(file.read(columns=[column], use_threads=False).column(column))
            rows = np.flatnonzero(values.fill_null(_NOBODY).to_numpy() == self.cluster)
            found += [(shard.name, int(row)) for row in rows[: OTHERS + len(known)]]
            found = [place for place in found if place not in known]
            if len(found) >= OTHERS:
                break
        return found[:OTHERS]

    def _value(self, shard: str, row: int, column: str) -> Any:
        """A value of a document as the stage saw it."""
        with ExitStack() as stack:
            reader, first = ShardReader(self.corpus, shard, self.before, stack), 0
            for group in range(reader.row_groups):
                if row < first + reader.rows(group):
                    return reader.read(group, [column])[column][row - first].as_py()
                first += reader.rows(group)
        raise AssertionError(f"{shard} has no row {row}")


_NOBODY = np.iinfo(np.int64).min
