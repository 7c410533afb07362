"""The formats of written shards: Parquet, and JSON lines under zstd."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from tamis.pipeline import files
from tamis.pipeline.files import Draft
from tamis.pipeline.storage.location import Location

FORMATS = ("parquet", "jsonl.zst")
ROWS_AT_ONCE = 1000  # Python objects for so many rows at a time


class TableWriter(Protocol):
    """Something that tables of one schema can be written to."""

    schema: pa.Schema

    def write(self, table: pa.Table) -> None: ...


def open_writer(
    path: Location, schema: pa.Schema, form: str, stack: ExitStack
) -> tuple[TableWriter, Draft]:
    """A writer, and the draft of its file, which appears when the stack is closed."""
    draft = stack.enter_context(files.atomic(path))
    if form == "parquet":
        parquet = stack.enter_context(files.parquet_writer(draft.path, schema))
        return _Parquet(schema, parquet), draft
    return _JsonLines(schema, stack.enter_context(zstd.open(draft.path, "wb", level=3))), draft


@dataclass
class _Parquet:
    schema: pa.Schema
    writer: pq.ParquetWriter

    def write(self, table: pa.Table) -> None:
        if table.num_rows:
            self.writer.write_table(table, row_group_size=table.num_rows)


@dataclass
class _JsonLines:
    schema: pa.Schema
    file: Any

    def write(self, table: pa.Table) -> None:
        """One object a line; `meta` as the object it is, nulls left out."""
        for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
            lines = []
            for record in batch.to_pylist():
                if record["meta"] is not None:
                    record["meta"] = orjson.Fragment(record["meta"])
                present = {key: value for key, value in record.items() if value is not None}
                lines.append(orjson.dumps(present, option=orjson.OPT_APPEND_NEWLINE))
            self.file.write(b"".join(lines))
