"""An input as chunks of records, each of which can be turned into rows in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tamis.pipeline.ingest import jsonl, parquet, plain
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.plan import Piece
from tamis.pipeline.ingest.records import Extractor, Rows
from tamis.pipeline.ingest.streams import Source


@dataclass
class Chunk:
    """Some records that follow each other."""

    block: int
    """Where in the file they begin: a byte, or 0."""
    records: int
    rows: Callable[[int, int], Rows]
    """The rows of records start to stop of the chunk."""


def read(source: Source, piece: Piece, options: IngestOptions) -> Iterator[Chunk]:
    """The chunks of a piece of an input; raises Unreadable where it cannot be read on."""
    extractor = Extractor(source.input, options)
    if source.input.format == "jsonl":
        # A compressed file is read from its beginning, whatever the piece: its task takes them all.
        start, stop = (0, None) if source.input.compression else (piece.start, piece.stop)
        for lines in jsonl.read_lines(source, options.max_document_bytes, start, stop):
            rows = partial(jsonl.parse, lines, extractor, start == 0)
            yield Chunk(lines.block, len(lines.lines), rows)
    elif source.input.format == "parquet":
        for batch in parquet.read(source.input, options.text_key, piece.start, piece.stop):
            yield Chunk(0, batch.records, partial(parquet.rows, batch, extractor))
    else:
        yield Chunk(0, 1, lambda start, stop: plain.read(source, extractor, options))
