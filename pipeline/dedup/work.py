"""Files of a dedup stage at work: signatures, which stay, and what only passes from phase to phase.

Every file is an Arrow IPC file of one batch, and has a completion record that names the key of the
work it belongs to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import pyarrow as pa

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import WorkError
from tamis.pipeline.guard import Guard
from tamis.pipeline.rounds import CHANCE
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location, Remote, remote
from tamis.pipeline.storage.reading import RangeFile


@dataclass(frozen=True)
class Work:
    """One round of a stage over a corpus."""

    corpus: Corpus
    stage: Stage
    key: str

    def done(self, name: str) -> bool:
        """Whether a file of this name is there, of this round."""
        record = self.corpus.record(self._records, name)
        return record is not None and record["key"] == self.key

    def fact(self, name: str, fact: str) -> Any:
        """What the record of a file says."""
        return (self.corpus.record(self._records, name) or {}).get(fact)

    def write(self, name: str, columns: Mapping[str, Any], **facts: Any) -> None:
        """Writes a file, then its record."""
        self.corpus.retract(self._records, name)
        batch = pa.record_batch([pa.array(column) for column in columns.values()], [*columns])
        with files.atomic(self._file(name), durable=False) as draft:
            write_batch(str(draft.path), batch)
        self.corpus.complete(self._records, name, {"key": self.key, **facts})

    def read(self, name: str) -> pa.RecordBatch:
        """The columns of a file; raises WorkError if it is gone."""
        return read_batch(self._file(name))

    def clean(self) -> None:
        """Removes all files of the stage that only pass from phase to phase, and their records."""
        for kind in ("records", "signals"):
            for part in ("work", CHANCE):
                files.remove_below(self.corpus.root / kind / self.stage.name / part)

    @property
    def _records(self) -> str:
        return f"{self.stage.name}/work"

    def _file(self, name: str) -> Location:
        return self.corpus.root / "signals" / self.stage.name / "work" / f"{name}.arrow"


@dataclass
class WorkPhase(ABC):
    """A phase of a round, most of which take no time worth a line of progress."""

    work_: Work
    tasks: Sequence[Sequence[int]]

    quiet: ClassVar[bool] = True
    step: ClassVar[str] = ""

    @property
    def corpus(self) -> Corpus:
        return self.work_.corpus

    @property
    def name(self) -> str:
        return f"{self.work_.stage.name}-{self.step}"

    @abstractmethod
    def done(self, unit: int) -> bool:
        """Whether a unit is as it should be."""

    def size(self, unit: int) -> int:
        return 0

    def part(self, rank: int) -> Self:
        return self

    def work(self, unit: int, guard: Guard) -> None:
        """Does one unit, unless it is done."""
        if not self.done(unit):
            self.make(unit)

    @abstractmethod
    def make(self, unit: int) -> None:
        """Writes what a unit becomes."""


def stars_name(unit: int) -> str:
    """The file of a share of all members: what became of them."""
    return f"stars-{unit:05d}"


def signature_file(corpus: Corpus, stage: str, shard: str) -> Location:
    """What the documents of a shard are compared by."""
    return corpus.root / "signals" / stage / "signatures" / f"{shard}.arrow"


def notes_file(corpus: Corpus, stage: str, shard: str) -> Location:
    """What the long documents of a shard are looked for by in others."""
    return corpus.root / "signals" / stage / "signatures" / f"{shard}-notes.arrow"


def write_batch(path: str, batch: pa.RecordBatch) -> None:
    """Writes an Arrow IPC file of one batch."""
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def read_batch(place: Location) -> pa.RecordBatch:
    """The batch of an Arrow IPC file: mapped where it is local."""
    try:
        if isinstance(place, Remote):
            source: Any = RangeFile(remote(place).read, remote(place).facts().bytes)
        else:
            source = pa.memory_map(str(place))
        return pa.ipc.open_file(source).get_batch(0)
    except FileNotFoundError:
        raise WorkError(f"{place} is gone: run the command again") from None
    except (pa.ArrowException, OSError) as error:
        raise WorkError(f"{place} is damaged ({error}): delete it and run again") from error


def numbers(batch: pa.RecordBatch, column: str) -> Any:
    """A column without nulls as an array, not copied."""
    return batch.column(column).to_numpy(zero_copy_only=False)
