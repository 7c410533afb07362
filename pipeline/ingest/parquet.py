"""Parquet: row groups in small batches, every column that is not mapped kept in `meta`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.pipeline.ingest import columns, pages
from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.records import Extractor, Rows, without_text
from tamis.pipeline.ingest.streams import opened
from tamis.pipeline.schema import DOCUMENTS

BATCH_ROWS = 256
BATCH_BYTES = 64_000_000
PAGE_BYTES = 350_000_000  # Arrow writes pages of up to 1,024 values: 300 MB of books, say

_BROKEN = (pa.ArrowException, OSError)


def row_group_bytes(source: Input) -> list[int]:
    """The uncompressed size of every row group; empty for a file that cannot be read."""
    if not source.ranges:
        return []  # all of it would come, for each piece
    try:
        metadata = _metadata(source)
    except (*_BROKEN, Unreadable):
        return []
    return [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]


def _metadata(source: Input) -> Any:
    with opened(source) as file, pq.ParquetFile(file) as parquet:
        return parquet.metadata


def rows_between(source: Input, start: int, stop: int | None) -> int:
    """How many rows the row groups start to stop have, by the footer."""
    metadata = _metadata(source)
    groups = range(metadata.num_row_groups)[start:stop]
    return sum(metadata.row_group(group).num_rows for group in groups)


@dataclass
class Batch:
    """Some rows, the number of the first, and about where in the file they are."""

    first: int
    columns: pa.RecordBatch
    block: int

    @property
    def records(self) -> int:
        rows: int = self.columns.num_rows
        return rows


def read(
    source: Input, options: IngestOptions, start: int, stop: int | None
) -> Iterator[Batch | Unreadable]:
    """The rows of row groups start to stop, and what cannot be read among them.

    Raises Unreadable for a file without texts.
    """
    with opened(source) as raw:
        yield from read_open(raw, max(source.bytes, 0), options, start, stop)


def read_open(
    raw: BinaryIO, size: int, options: IngestOptions, start: int = 0, stop: int | None = None
) -> Iterator[Batch | Unreadable]:
    """The same of a file that is open, and of so many bytes."""
    try:
        file = pq.ParquetFile(
            raw, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
        )
        schema = file.schema_arrow
    except _BROKEN as error:
        raise Unreadable("corrupt_file", f"not a Parquet file: {error}") from error
    rows = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    groups = range(file.num_row_groups)[start:stop]
    page_bytes = max(PAGE_BYTES, 2 * options.max_document_bytes)
    if missing := without_text(schema.names, options):
        raise Unreadable("no_text", missing, sum(rows[group] for group in groups))
    for group in groups:
        first, last = sum(rows[:group]), sum(rows[: group + 1])
        at = size * first // max(sum(rows), 1)
        try:
            for batch in _batches(file, raw, group, page_bytes):
                yield Batch(first, batch, at)
                first += batch.num_rows
        except _BROKEN as error:
            where = f"rows {first} to {last - 1}"
            lost = Unreadable("corrupt_file", str(error), last - first, where)
            lost.__cause__ = error
            yield lost
        except Unreadable as error:
            where = f"rows {first} to {last - 1}"
            yield Unreadable(error.reason, error.detail, error.records, where)


def _batches(
    file: pq.ParquetFile, raw: BinaryIO, group: int, page_bytes: int
) -> Iterator[pa.RecordBatch]:
    """A row group, in batches that are small even if every row has a dictionary's longest value."""
    metadata = file.metadata.row_group(group)
    if not metadata.num_rows:
        return
    found = pages.measure(raw, metadata)
    # A dictionary is held besides the values made of it: 350 MB of one took 1.3 GB.
    if max(found.largest, 2 * found.dictionary) > page_bytes:
        detail = (
            f"a page of {found.largest} bytes in column '{found.column}', which is read whole: "
            f"--max-document-bytes {-(-found.largest // 2)} lets it take that much memory twice"
        )
        raise Unreadable("too_long", detail, metadata.num_rows)
    row_bytes = max(metadata.total_byte_size // metadata.num_rows, found.dictionary, 1)
    rows = min(max(BATCH_BYTES // row_bytes, 1), BATCH_ROWS)
    for batch in file.iter_batches(rows, row_groups=[group], use_threads=False):
        yield from _parts(batch)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch halved until its parts are small: long values may stand side by side."""
    rows = batch.num_rows
    if rows < 2 or batch.nbytes <= BATCH_BYTES:
        yield batch
        return
    yield from _parts(batch.slice(0, rows // 2))
    yield from _parts(batch.slice(rows // 2))


def place_of(batch: Batch, row: int) -> str:
    """Where a row of a batch is."""
    return f"row {batch.first + row}"


def rows(batch: Batch, extractor: Extractor, start: int, stop: int) -> Rows:
    """The documents and errors of rows start to stop of a batch."""
    found, limit = Rows(), extractor.options.max_document_bytes
    names = columns.unique(batch.columns.schema.names)
    simple = [columns.simple(one) for one in batch.columns.slice(start, stop - start).columns]
    long = _too_long(simple, limit)
    places = batch.first + start + np.arange(len(long))
    if long.any():
        for place in places[long].tolist():
            error = Unreadable("too_long", f"a value over {limit} bytes (--max-document-bytes)")
            found.lose(f"row {place}", error)
        simple = [one.filter(pa.array(~long)) for one in simple]
    records = zip(*map(columns.values, simple), strict=True)
    ours = set(DOCUMENTS.names) <= set(names)
    for place, row in zip(places[~long].tolist(), records, strict=True):
        record = {name: value for name, value in zip(names, row, strict=True) if value is not None}
        try:
            extractor.add(found, _opened_meta(record) if ours else record, place)
        except Unreadable as error:
            found.lose(f"row {place}", error)
    return found


def _too_long(batch: list[pa.Array], limit: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows have a string that is too long; they are never made into Python objects."""
    long = np.zeros(len(batch[0]), bool)
    for column in batch:
        if columns.is_bytes(column.type) and column.nbytes > limit:
            long |= pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False) > limit
    return long


def _opened_meta(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a file that tamis wrote, what its `meta` holds among the other fields."""
    try:
        meta = orjson.loads(record.get("meta") or "null")
    except orjson.JSONDecodeError:
        return record
    if not isinstance(meta, dict):
        return record
    del record["meta"]
    return {**meta, **record}
