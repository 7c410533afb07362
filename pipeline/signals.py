"""Reading and writing the columns that stages put beside the documents, row group by row group.

Every signals file has the row groups of its documents, so that one row group of everything is the
unit that is held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import WorkError
from tamis.pipeline.files import fingerprint, parquet_file
from tamis.pipeline.rules import Columns, Mask, in_scope
from tamis.pipeline.schema import INGEST, Status
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location

ALL = "all"  # of the rows: what a record says in place of a promise


def is_current(corpus: Corpus, stage: Stage, shard: str, fingerprint: str) -> bool:
    """Whether a shard has signals of this stage with this fingerprint."""
    record = corpus.record(stage.place, shard)
    return record is not None and record.get("fingerprint") == fingerprint


def present(
    corpus: Corpus, stages: Iterable[Stage], fingerprints: dict[str, str]
) -> tuple[list[Stage], list[Stage]]:
    """The stages with current signals for every shard, and those without."""
    there: list[Stage] = []
    missing: list[Stage] = []
    for stage in stages:
        records = corpus.records(stage.place)
        whole = all(r and r.get("fingerprint") == fingerprints[stage.name] for r in records)
        (there if whole else missing).append(stage)
    return there, missing


def promise(stages: Sequence[Stage], fingerprints: dict[str, str]) -> str:
    """What decides who is alive after some stages: their signals and their rules."""
    return fingerprint(
        [
            (s.place, fingerprints[s.name], repr(s.rules), repr(sorted(s.only.items())))
            for s in stages
        ]
    )


class ShardReader:
    """The columns of one shard, one row group at a time, from whichever file holds them."""

    def __init__(self, corpus: Corpus, shard: str, stages: Sequence[Stage], open_files: ExitStack):
        self.corpus, self.shard, self.stages = corpus, shard, stages
        self._open_files = open_files
        self._files: dict[str, pq.ParquetFile] = {}
        self.documents = self._open("", corpus.documents(shard))
        self.row_groups = self.documents.num_row_groups

    def _open(self, owner: str, path: Location) -> pq.ParquetFile:
        if owner not in self._files:
            try:
                file = parquet_file(path)
            except FileNotFoundError:
                raise WorkError(f"{path} is gone: the corpus is damaged") from None
            except pa.ArrowException as error:
                raise WorkError(f"{path} is damaged: {error}") from error
            self._files[owner] = self._open_files.enter_context(file)
        return self._files[owner]

    def rows(self, group: int) -> int:
        rows: int = self.documents.metadata.row_group(group).num_rows
        return rows

    def read(self, group: int, names: Iterable[str]) -> dict[str, pa.Array]:
        """Columns of documents, of ingest and of the stages; `text` is the newest edit."""
        wanted = set(names)
        columns = self._read("", self.corpus.documents(self.shard), group, wanted)
        ingest = wanted & set(INGEST.names)
        columns |= self._read("ingest", self.corpus.signals("ingest", self.shard), group, ingest)
        for stage in self.stages:
            mine = wanted & set(stage.schema.names)
            path = self.corpus.signals(stage.place, self.shard)
            found = self._read(stage.name, path, group, mine)
            if "text" in found:
                found["text"] = overlay(columns["text"], found["text"])
            columns |= found
        return columns

    def _read(self, owner: str, path: Location, group: int, names: set[str]) -> dict[str, pa.Array]:
        if not names:
            return {}
        file = self._open(owner, path)
        mine = [name for name in file.schema_arrow.names if name in names]
        if not mine:
            return {}
        try:
            table = file.read_row_group(group, columns=mine, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise WorkError(f"{path} cannot be read: {error}") from error
        return {name: one_chunk(table.column(name)) for name in mine}


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array; text with 64-bit offsets fits whatever its size."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def overlay(old: pa.Array, new: pa.Array) -> pa.Array:
    """`new` where it is not null, else `old`."""
    if new.null_count == len(new):
        return old
    rows = np.arange(len(old))
    take = np.where(new.is_valid().to_numpy(zero_copy_only=False), rows + len(old), rows)
    return pa.concat_arrays([old, new.cast(old.type)]).take(pa.array(take))


class Verdicts:
    """What a stage's rules say of one row group, given who was alive before it."""

    def __init__(self, stage: Stage, columns: Columns, alive: Mask) -> None:
        rows = len(alive)
        scope = in_scope(stage.only, columns, rows)
        status = columns[f"{stage.name}_status"].to_numpy(zero_copy_only=False)
        self.entered = alive.copy()
        self.status = np.where(alive, status, np.uint8(Status.NOT_EVALUATED))
        self.failed: dict[str, Mask] = {}
        error = alive & (status == Status.ERROR)
        judged = alive & scope & ~error
        for rule in stage.rules:
            self.failed[rule.name] = judged & rule.failing(columns)
        self.failed["error"] = error
        self.rejected = np.logical_or.reduce(list(self.failed.values()))
        self.passed = alive & ~self.rejected


def decision_columns(stages: Iterable[Stage]) -> set[str]:
    """The columns that deciding about these stages reads."""
    names: set[str] = set()
    for stage in stages:
        names |= {f"{stage.name}_status", *stage.only}
        for rule in stage.rules:
            names |= rule.columns
    return names
