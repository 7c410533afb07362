"""Rows into one shard: documents, what ingest knows of each, what is set aside, and errors."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.pipeline import files
from tamis.pipeline.files import Draft
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.records import Rows
from tamis.pipeline.schema import DOCUMENTS, ERRORS, INGEST, Status
from tamis.pipeline.storage.location import Location

ROW_GROUP_BYTES = 32_000_000
ROW_GROUP_ROWS = 65_536
MOST_REASONS = 200  # why records are passed over: media types are named by strangers
HELD_BYTES = 4 * ROW_GROUP_BYTES  # where what came with the texts is larger than they are


class ShardWriter:
    """Writes the files of one shard; they appear when it is closed."""

    def __init__(self, root: Location, shard: str, options: IngestOptions) -> None:
        self.root, self.shard, self.options = root, shard, options
        self.counts: dict[str, Any] = {
            "rows": 0,
            "text_bytes": 0,
            "errors": {},
            "passed_over": {},
            "set_aside": {side: [0, 0] for side in options.set_aside},
        }
        self._stack = ExitStack()
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._drafts: dict[str, Draft] = {}
        self._batches: list[pa.RecordBatch] = []
        self._groups: list[str] = []
        self._pending_bytes = 0
        self._pending_rows = 0
        self._held_bytes = 0
        self._errors: list[tuple[str, str, str, str, int]] = []
        for place in ("documents", "signals/ingest", "errors", *options.set_aside):
            # An interrupted attempt may have had rows for a file that this one has none for.
            self._path(place).unlink(missing_ok=True)

    def add(self, rows: Rows, input_place: int, input_name: str) -> int:
        """Takes rows of one input; returns their bytes of text."""
        for place, error in rows.errors:
            self.error(input_name, place, error.reason, error.detail, error.records)
        for reason, records in rows.passed_over.items():
            self._pass_over(reason, records)
        if not rows.ids:
            return 0
        text = pa.array(rows.texts, pa.large_string())
        size = pc.binary_length(text)
        columns = [
            pa.array(rows.ids, pa.string()),
            text,
            pa.array(rows.sources, pa.string()),
            pa.array(rows.urls, pa.string()),
            pa.array(rows.dates, pa.timestamp("us")),
            pa.array(rows.metas, pa.string()),
            pa.array(np.full(len(rows.ids), Status.EVALUATED, np.uint8)),
            size.cast(pa.int64()),
            pa.array(np.full(len(rows.ids), input_place, np.int32)),
            pa.array(rows.places, pa.int64()),
        ]
        schema = pa.schema([*DOCUMENTS, *INGEST])
        batch = pa.record_batch(columns, schema=schema)
        self._batches.append(batch)
        self._groups.extend(rows.groups)
        added = int(pc.sum(size).as_py())
        self._pending_bytes += added
        self._pending_rows += len(rows.ids)
        self._held_bytes += batch.nbytes
        if (
            self._pending_bytes >= ROW_GROUP_BYTES
            or self._pending_rows >= ROW_GROUP_ROWS
            or self._held_bytes >= HELD_BYTES
        ):
            self._flush()
        return added

    def error(self, name: str, place: str, reason: str, detail: str, records: int = 1) -> None:
        """Notes something that could not be read."""
        self._errors.append((name, place, reason, detail[:500], records))
        self.counts["errors"][reason] = self.counts["errors"].get(reason, 0) + records
        if len(self._errors) >= ROW_GROUP_ROWS:
            self._flush_errors()

    def _pass_over(self, reason: str, records: int) -> None:
        """Counts records; past MOST_REASONS those of a kind together: there may be a million."""
        counts = self.counts["passed_over"]
        if reason not in counts and len(counts) >= MOST_REASONS:
            reason = f"{reason.partition(' ')[0]} other"
        counts[reason] = counts.get(reason, 0) + records

    def close(self) -> dict[str, Any]:
        """Makes the files appear and says what is in them."""
        self._flush()
        self._flush_errors()
        self._stack.close()
        self.counts["files"] = {name: draft.facts for name, draft in sorted(self._drafts.items())}
        return self.counts

    def abandon(self, error: BaseException) -> None:
        """Removes what was written so far."""
        self._stack.__exit__(type(error), error, error.__traceback__)

    def _flush(self) -> None:
        if not self._batches:
            return
        table = pa.Table.from_batches(self._batches).combine_chunks()
        sides = self._draw(table.num_rows)
        for side, place in enumerate(("documents", *self.options.set_aside)):
            part = table if sides is None else table.filter(pa.array(sides == side))
            if part.num_rows and (side == 0 or sides is not None):
                self._write(place, part)
            if sides is None:
                break
        self._batches, self._groups = [], []
        self._pending_bytes = self._pending_rows = self._held_bytes = 0

    def _write(self, place: str, table: pa.Table) -> None:
        size = int(pc.sum(table.column("text_bytes")).as_py())
        self._writer(place, DOCUMENTS).write_table(
            table.select(DOCUMENTS.names), row_group_size=table.num_rows
        )
        if place == "documents":
            self._writer("signals/ingest", INGEST).write_table(
                table.select(INGEST.names), row_group_size=table.num_rows
            )
            self.counts["rows"] += table.num_rows
            self.counts["text_bytes"] += size
        else:
            counts = self.counts["set_aside"][place]
            counts[0] += table.num_rows
            counts[1] += size

    def _flush_errors(self) -> None:
        if self._errors:
            columns = [
                pa.array(column, field.type)
                for column, field in zip(zip(*self._errors, strict=True), ERRORS, strict=True)
            ]
            self._writer("errors", ERRORS).write_table(pa.table(columns, schema=ERRORS))
            self._errors = []

    def _writer(self, place: str, schema: pa.Schema) -> pq.ParquetWriter:
        if place not in self._writers:
            draft = self._stack.enter_context(files.atomic(self._path(place)))
            self._drafts[place] = draft
            self._writers[place] = self._stack.enter_context(
                files.parquet_writer(draft.path, schema)
            )
        return self._writers[place]

    def _path(self, place: str) -> Location:
        return self.root / place / f"{self.shard}.parquet"

    def _draw(self, rows: int) -> np.ndarray[Any, np.dtype[np.int64]] | None:
        """Where each row goes, 0 for the corpus; whole groups, by a draw that the seed decides."""
        if not self._groups:
            return None
        ends = np.cumsum(list(self.options.set_aside.values()))
        drawn = {group: _uniform(self.options.seed, group) for group in set(self._groups)}
        values = np.array([drawn[group] for group in self._groups])
        side = np.searchsorted(ends, values, side="right")
        return np.where(side < len(ends), side + 1, 0)


def _uniform(seed: int, group: str) -> float:
    digest = hashlib.blake2b(f"{seed}\0{group}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64
