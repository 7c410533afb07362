"""Reading the signals of a corpus, one row group of all of them at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.ledger import Decision
from tamis.pipeline.progress import Progress
from tamis.pipeline.signals import ShardReader
from tamis.pipeline.stage import Stage


@dataclass(frozen=True)
class RowGroup:
    """Columns of one row group, and what the rules say of it."""

    shard: int
    group: int
    first: int
    """The row of the shard that it begins with."""
    columns: dict[str, pa.Array]
    decision: Decision

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Bytes of the texts as they were ingested."""
        sizes: npt.NDArray[np.int64] = self.columns["text_bytes"].to_numpy()
        return sizes


@dataclass
class Scan:
    """Passes over the row groups of a corpus, each of them half of what a progress bar shows."""

    corpus: Corpus
    stages: Sequence[Stage]
    progress: Progress
    documents: int = 0
    bytes: int = 0

    def row_groups(self, names: Iterable[str]) -> Iterator[RowGroup]:
        """All row groups, with these columns and `text_bytes`."""
        names = {*names, "text_bytes"}
        for number, shard in enumerate(self.corpus.shards):
            with ExitStack() as stack:
                reader = ShardReader(self.corpus, shard.name, self.stages, stack)
                first = 0
                for group in range(reader.row_groups):
                    columns, rows = reader.read(group, names), reader.rows(group)
                    decision = Decision(self.stages, columns, rows)
                    found = RowGroup(number, group, first, columns, decision)
                    yield found
                    first += rows
                    self.documents += rows
                    self.bytes += int(found.sizes.sum())
                    self.progress.show(self.documents // 2, self.bytes // 2)
