"""Parquet: row groups in small batches, every column that is not mapped kept in `meta`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.records import Extractor, Rows
from tamis.pipeline.ingest.streams import opened
from tamis.pipeline.schema import DOCUMENTS

BATCH_ROWS = 256


def row_group_bytes(source: Input) -> list[int]:
    """The uncompressed size of every row group; empty for a file that cannot be read."""
    try:
        metadata = pq.read_metadata(source.path)
    except (OSError, pa.ArrowException):
        return []
    return [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]


@dataclass
class Batch:
    """Some rows, and the number of the first."""

    first: int
    columns: pa.RecordBatch

    @property
    def records(self) -> int:
        rows: int = self.columns.num_rows
        return rows


def read(source: Input, text_key: str, start: int, stop: int | None) -> Iterator[Batch]:
    """The rows of row groups start to stop; raises Unreadable for a file without texts."""
    with opened(source) as raw:
        try:
            file = pq.ParquetFile(raw, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise Unreadable("corrupt_file", f"not a Parquet file: {error}") from error
        groups = list(range(file.num_row_groups))[start:stop]
        first = sum(file.metadata.row_group(i).num_rows for i in range(start))
        lost = sum(file.metadata.row_group(i).num_rows for i in groups)
        _check_text(file.schema_arrow, text_key, lost)
        batches = file.iter_batches(BATCH_ROWS, row_groups=groups, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                detail = f"corrupt from row {first} on: {error}"
                raise Unreadable("corrupt_file", detail, lost) from error
            if batch is None:
                return
            yield Batch(first, batch)
            first += batch.num_rows
            lost -= batch.num_rows


def _check_text(schema: pa.Schema, key: str, records: int) -> None:
    column = key.partition(".")[0]
    if column not in schema.names:
        has = ", ".join(schema.names[:12])
        raise Unreadable("no_text", f"no column '{key}'; it has: {has} (see --text-key)", records)


def rows(batch: Batch, extractor: Extractor, start: int, stop: int) -> Rows:
    """The documents and errors of rows start to stop of a batch."""
    found, key = Rows(), extractor.options.text_key
    limit = extractor.options.max_document_bytes
    columns = batch.columns.slice(start, stop - start)
    ours = set(DOCUMENTS.names) <= set(columns.schema.names)
    for place, record in enumerate(_records(columns, ours), batch.first + start):
        try:
            text = record.get(key)
            if isinstance(text, bytes):
                record[key] = text = _decoded(text)
            if isinstance(text, str) and len(text) * 4 > limit and len(text.encode()) > limit:
                raise Unreadable("too_long", f"a text over {limit} bytes (--max-document-bytes)")
            extractor.add(found, {k: v for k, v in record.items() if v is not None}, place)
        except Unreadable as error:
            found.errors.append((f"row {place}", error))
    return found


def _records(batch: pa.RecordBatch, ours: bool) -> Iterator[dict[str, Any]]:
    """The rows as Python objects; the `meta` of a file that tamis wrote is opened again.

    A column with invalid UTF-8 comes as bytes.
    """
    try:
        records = batch.to_pylist()
    except UnicodeDecodeError:
        columns = [
            c.cast(pa.large_binary() if pa.types.is_large_string(c.type) else pa.binary())
            if pa.types.is_string(c.type) or pa.types.is_large_string(c.type)
            else c
            for c in batch.columns
        ]
        as_bytes = pa.record_batch(columns, names=batch.schema.names).to_pylist()
        records = [{k: _text_or_bytes(v) for k, v in record.items()} for record in as_bytes]
    for record in records:
        if ours and isinstance(record["meta"], str):
            try:
                meta = orjson.loads(record["meta"])
            except orjson.JSONDecodeError:
                meta = None
            if isinstance(meta, dict):
                del record["meta"]
                record = {**meta, **record}
        yield record


def _text_or_bytes(value: Any) -> Any:
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(
            "invalid_utf8", f"byte {data[error.start]:#04x} at {error.start}"
        ) from None
