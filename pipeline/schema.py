"""Every column that tamis writes, once."""

from __future__ import annotations

from enum import IntEnum

import pyarrow as pa

DOCUMENTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("url", pa.string()),
        pa.field("date", pa.timestamp("us")),  # UTC
        pa.field("meta", pa.string()),  # a JSON object, null where nothing else came along
    ]
)

ERRORS = pa.schema(
    [
        pa.field("input", pa.string(), nullable=False),
        pa.field("place", pa.string(), nullable=False),  # "line 17", "byte 4096", "row 3"
        pa.field("reason", pa.string(), nullable=False),  # a stable key: invalid_json
        pa.field("detail", pa.string(), nullable=False),  # what was found, and what to do
        pa.field("records", pa.int64(), nullable=False),  # how many records this row stands for
    ]
)

# What ingest measures of every document: its size, so that nobody has to read the text to count
# bytes, and where it came from, so that a row can be traced to its input.
INGEST = pa.schema(
    [
        pa.field("ingest_status", pa.uint8(), nullable=False),
        pa.field("text_bytes", pa.int64(), nullable=False),
        pa.field("input", pa.int32(), nullable=False),  # index in corpus.json's inputs
        pa.field("place", pa.int64(), nullable=False),  # byte offset, or row number (Parquet)
    ]
)


class Status(IntEnum):
    """What became of a row in a stage: the values of every `<stage>_status` column."""

    NOT_EVALUATED = 0
    EVALUATED = 1
    NOT_APPLICABLE = 2
    ERROR = 3


def status_field(stage: str) -> pa.Field:
    """The status column of a stage."""
    return pa.field(f"{stage}_status", pa.uint8(), nullable=False)


def error_field(stage: str) -> pa.Field:
    """The column that says why a row of a stage could not be evaluated."""
    return pa.field(f"{stage}_error", pa.string())
