"""Gathering: the shingles of documents that have to be compared, once per shard."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from tamis.filters.kernels.edits import texts
from tamis.filters.minhash import Signer
from tamis.pipeline.dedup.signed import Signed
from tamis.pipeline.dedup.work import Work, WorkPhase, numbers
from tamis.pipeline.signals import ShardReader
from tamis.pipeline.stage import Stage


@dataclass
class GatherPhase(WorkPhase):
    """Writes the shingle sets of the members of groups; its units are shards."""

    earlier: list[Stage]

    step: ClassVar[str] = "gather"

    def done(self, unit: int) -> bool:
        return self.work_.done(sets_name(unit))

    def make(self, unit: int) -> None:
        """Writes one shard's sets: the row, and its distinct shingles in ascending order."""
        measure: Any = self.work_.stage.measure
        signer = Signer(measure.shingling, measure.banding)
        signed = Signed(self.corpus, self.work_.stage)
        low, high = signed.firsts[unit], signed.firsts[unit + 1]
        asked = np.unique(numbers(self.work_.read("members"), "representative"))
        asked = asked[slice(*np.searchsorted(asked, (low, high)))]
        places = signed.file(unit).row[asked - low]
        values, sizes, first = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], 0
        with ExitStack() as stack:
            shard = self.corpus.shards[unit].name
            reader = ShardReader(self.corpus, shard, self.earlier, stack)
            for group in range(reader.row_groups if len(asked) else 0):
                stop = first + reader.rows(group)
                mine = places[slice(*np.searchsorted(places, (first, stop)))] - first
                if len(mine):
                    text = reader.read(group, ["text"])["text"].take(pa.array(mine))
                    found = signer.sets(*texts(text))
                    values.append(found.values)
                    sizes.append(np.diff(found.offsets))
                first = stop
        ends = np.concatenate([[0], np.cumsum(np.concatenate(sizes), dtype=np.int64)])
        sets = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(values)))
        self.work_.write(sets_name(unit), {"row": asked, "shingles": sets})


def sets_name(unit: int) -> str:
    return f"sets-{unit:05d}"


class Sets:
    """The shingle sets of all shards, by row."""

    def __init__(self, work: Work, signed: Signed) -> None:
        self._work, self._signed = work, signed
        self._files: dict[int, tuple[Any, Any, Any]] = {}

    def take(self, rows: Any) -> tuple[Any, Any]:
        """The sets of some rows of the corpus, one after the other, and where each begins."""
        sizes = np.zeros(len(rows), np.int64)
        found = []
        for unit, mine, positions in self._signed.parts(rows):
            known, starts, values = self._file(unit)
            places = np.searchsorted(known, positions + self._signed.firsts[unit])
            sizes[mine] = starts[places + 1] - starts[places]
            found.append((mine, places, starts, values))
        ends = np.concatenate([[0], np.cumsum(sizes)])
        joined = np.empty(ends[-1], np.uint64)
        for mine, places, starts, values in found:
            for row, place in zip(mine.tolist(), places.tolist(), strict=True):
                joined[ends[row] : ends[row + 1]] = values[starts[place] : starts[place + 1]]
        return joined, ends

    def _file(self, unit: int) -> tuple[Any, Any, Any]:
        if unit not in self._files:
            batch = self._work.read(sets_name(unit))
            sets = batch.column("shingles")
            values = sets.values.to_numpy(zero_copy_only=False)
            self._files[unit] = numbers(batch, "row"), sets.offsets.to_numpy(), values
        return self._files[unit]
