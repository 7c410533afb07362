"""`write`: the documents that every rule let through, with their signals, as shards to train on.

An output directory holds the shards, a dataset card, and `tamis.json`, which says what they are and
marks the directory as ours: one with anything else in it is never written into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.guard import Guard
from tamis.pipeline.ledger import Decision, Tally, total
from tamis.pipeline.schema import DOCUMENTS, Status
from tamis.pipeline.shard_formats import FORMATS, open_writer
from tamis.pipeline.signals import ShardReader, decision_columns
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location, size

Format = Literal["parquet", "jsonl.zst"]
MARK = "tamis.json"


@dataclass
class WritePhase:
    """Writes what was kept, and what was rejected if asked; its units are shards."""

    corpus: Corpus
    stages: list[Stage]
    promise: str
    tasks: Sequence[Sequence[int]]
    out: Location
    format: Format = "parquet"
    rejected: Location | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """Shard to file name without ending, where they are not the same."""
    name: str = "write"

    @property
    def key(self) -> str:
        """The name of its completion records: one set for each place and format."""
        if self.out == self.corpus.root / "cleaned" and self.rejected is None:
            return f"write-{self.format}"
        places = [str(self.out.resolve()), str(self.rejected and self.rejected.resolve())]
        return f"write-{files.fingerprint([*places, self.format])}"

    def done(self, unit: int) -> bool:
        """Whether a shard is written as it should be now."""
        return self.written(self.corpus.shards[unit].name) is not None

    def size(self, unit: int) -> int:
        return self.corpus.shards[unit].text_bytes

    def written(self, shard: str) -> dict[str, Any] | None:
        """The record of a shard that is written as it should be now, else None."""
        record = self.corpus.record(self.key, shard)
        if record is None or record["promise"] != self.promise:
            return None
        outputs = self.outputs(shard)
        try:
            whole = all(
                size(outputs[what]) == file["bytes"] for what, file in record["files"].items()
            )
        except FileNotFoundError:
            return None
        return record if whole else None

    def outputs(self, shard: str) -> dict[str, Location]:
        """The files that a shard becomes."""
        name = f"{self.names.get(shard, shard)}.{self.format}"
        lost = {} if self.rejected is None else {"rejected": self.rejected / name}
        return {"kept": self.out / name, **lost}

    def part(self, rank: int) -> WritePhase:
        return self

    def work(self, unit: int, guard: Guard) -> None:
        """Writes one shard."""
        shard = self.corpus.shards[unit].name
        if self.written(shard) is not None:
            return
        self.corpus.retract(self.key, shard)
        tallies: list[Tally] = []
        languages = Counter[str]()
        outputs = self.outputs(shard)
        with ExitStack() as stack:
            reader = ShardReader(self.corpus, shard, self.stages, stack)
            kept, draft = open_writer(
                outputs["kept"], output_schema(self.stages), self.format, stack
            )
            drafts, lost = {"kept": draft}, None
            if "rejected" in outputs:
                schema = output_schema(self.stages, rejected=True)
                lost, draft = open_writer(outputs["rejected"], schema, self.format, stack)
                drafts["rejected"] = draft
            names = {*kept.schema.names, *decision_columns(self.stages), "text_bytes"}
            for group in range(reader.row_groups):
                columns = reader.read(group, names)
                decision = Decision(self.stages, columns, reader.rows(group))
                sizes = columns["text_bytes"].to_numpy()
                tallies.append(decision.tally(self.stages, sizes))
                table = pa.table({name: columns[name] for name in kept.schema.names}, kept.schema)
                table_kept = table.filter(pa.array(decision.kept))
                kept.write(table_kept)
                if "language" in table.schema.names:
                    languages.update(_counted(table_kept.column("language")))
                if lost is not None:
                    lost.write(_rejected(table, decision, self.stages))
                guard.advance(reader.rows(group), int(sizes.sum()))
        record = {
            "promise": self.promise,
            "tally": total(tallies),
            "languages": languages,
            "files": {what: draft.facts for what, draft in drafts.items()},
        }
        self.corpus.complete(self.key, shard, record)


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each value of a column is there."""
    counts = pc.value_counts(column.drop_null())
    return {str(value): count.as_py() for value, count in zip(*counts.flatten(), strict=True)}


def output_schema(stages: Sequence[Stage], rejected: bool = False) -> pa.Schema:
    """The columns of written shards: the documents', then the signals of every stage."""
    signals = [
        column
        for stage in stages
        for column in stage.schema
        if column.name not in ("text", f"{stage.name}_error")
    ]
    reasons = [pa.field("reasons", pa.list_(pa.string()))] if rejected else []
    return pa.schema([*DOCUMENTS, *signals, *reasons])


def _rejected(table: pa.Table, decision: Decision, stages: Sequence[Stage]) -> pa.Table:
    """The rejected rows with their reasons; stages that they never reached are blank."""
    for stage, verdict in zip(stages, decision.verdicts, strict=True):
        for name in (column.name for column in stage.schema if column.name in table.schema.names):
            place = table.schema.get_field_index(name)
            column = table.column(name)
            if name == "text":
                continue
            if name == f"{stage.name}_status":
                column = pa.array(verdict.status.astype(np.uint8))
            else:
                blank = pa.nulls(len(column), column.type)
                reached = pa.array(verdict.status != Status.NOT_EVALUATED)
                column = pc.if_else(reached, column, blank)
            table = table.set_column(place, table.schema.field(name), column)
    rows = np.flatnonzero(~decision.kept)
    reasons = [decision.reasons(stages, int(row)) for row in rows]
    return table.take(pa.array(rows)).append_column(
        "reasons", pa.array(reasons, pa.list_(pa.string()))
    )


def claim(directory: Location) -> dict[str, Any]:
    """Makes an empty directory ours, or says what is in one that is.

    Raises CallError for a directory that holds something else.
    """
    directory.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in directory.iterdir()}
    if there and MARK not in there:
        raise CallError(
            f"{directory} holds files that are not tamis's ({sorted(there)[0]}, ...): "
            "choose an empty directory"
        )
    if not there:
        files.write_json(directory / MARK, {"state": "being written"})
    mark: dict[str, Any] = files.read_json(directory / MARK)
    return mark


def clear(directory: Location, outputs: set[str], documents: str) -> None:
    """Claims a directory and removes the shards of earlier writes but those to be written.

    documents is the digest of the corpus's documents: all shards of other documents go.
    """
    same = claim(directory).get("documents") == documents
    if isinstance(directory, Path):
        files.sweep(directory)
    for path in directory.iterdir():
        shard = path.name.endswith(tuple(f".{form}" for form in FORMATS))
        if shard and not (same and path.name in outputs):
            path.unlink()
    if not same:
        files.write_json(directory / MARK, {"state": "being written", "documents": documents})
