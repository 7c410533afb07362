"""An input as chunks of records, each of which can be turned into rows in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tamis.pipeline.guard import Guard
from tamis.pipeline.ingest import delimited, jsonl, parquet, plain, warc
from tamis.pipeline.ingest.inputs import Unreadable
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.plan import Piece
from tamis.pipeline.ingest.records import Extractor, Rows
from tamis.pipeline.ingest.streams import Source
from tamis.pipeline.ingest.warc_records import Record

READING = 1  # what is in hand: a chunk that is being read, and not its records


@dataclass
class Chunk:
    """Some records that follow each other."""

    block: int
    """Where in the file they begin: a byte, or 0."""
    records: int
    rows: Callable[[int, int], Rows]
    """The rows of records start to stop of the chunk."""
    place: Callable[[int], str]
    """Where a record of the chunk is, in words."""


def read(source: Source, piece: Piece, options: IngestOptions) -> Iterator[Chunk | Unreadable]:
    """The chunks of a piece of an input; raises Unreadable where it cannot be read on."""
    extractor = Extractor(source.input, options)
    if source.input.format == "jsonl":
        yield from _lines(source, piece, extractor)
    elif source.input.format == "csv":
        yield from _tables(source, extractor)
    elif source.input.format == "parquet":
        yield from _batches(source, piece, extractor)
    elif source.input.format == "hub":
        yield from _dataset(source, piece, extractor)
    elif source.input.format == "warc":
        yield from _archived(source, extractor)
    else:
        rows = partial(plain.read, source, extractor, options)
        yield Chunk(0, 1, lambda start, stop: rows(), lambda record: "file")


def guarded(
    source: Source,
    piece: Piece,
    options: IngestOptions,
    guard: Guard,
    unit: int,
    numbers: Iterator[int],
) -> Iterator[Chunk | Unreadable]:
    """The chunks of a piece; where reading killed its worker twice is an error.

    A damaged footer can end the process in Arrow itself. numbers count the chunks of the unit.
    """
    found, records = read(source, piece, options), 0
    if source.input.format not in ("parquet", "warc"):
        yield from found
        return
    for number in numbers:
        (portion,) = guard.portions(unit, READING, number, number + 1)
        if portion.condemned:
            left = _left(source, piece, records)
            yield Unreadable("killed_worker", "reading it killed its worker twice", left)
            return
        with guard.holding(unit, READING, number, number + 1):
            chunk = _caught(found)
        if chunk is None:
            return
        records += chunk.records
        yield chunk


def _left(source: Source, piece: Piece, records: int) -> int:
    """How many records of a piece are lost when so many were read; one where nobody knows."""
    if source.input.format != "parquet":
        return 1
    return max(parquet.rows_between(source.input, piece.start, piece.stop) - records, 1)


def _caught(found: Iterator[Chunk | Unreadable]) -> Chunk | Unreadable | None:
    try:
        return next(found, None)
    except Unreadable as error:
        return error  # the generator has ended with it


def _lines(source: Source, piece: Piece, extractor: Extractor) -> Iterator[Chunk]:
    # A compressed file is read from its beginning, whatever the piece: its task takes them all.
    start, stop = (0, None) if source.input.compression else (piece.start, piece.stop)
    numbered = start == 0
    for lines in jsonl.read_lines(source, extractor.options.max_document_bytes, start, stop):
        rows = partial(jsonl.parse, lines, extractor, numbered)
        yield Chunk(lines.block, len(lines.lines), rows, partial(jsonl.place_of, lines, numbered))


def _tables(source: Source, extractor: Extractor) -> Iterator[Chunk]:
    # Newlines may be quoted: only who reads from the beginning knows where a record begins.
    for held in delimited.read(source, extractor.options):
        rows = partial(delimited.rows, held, extractor)
        yield Chunk(held.block, len(held.found), rows, partial(delimited.place_of, held))


def _batches(source: Source, piece: Piece, extractor: Extractor) -> Iterator[Chunk | Unreadable]:
    for batch in parquet.read(source.input, extractor.options, piece.start, piece.stop):
        if isinstance(batch, Unreadable):
            yield batch
        else:
            rows = partial(parquet.rows, batch, extractor)
            yield Chunk(batch.block, batch.records, rows, partial(parquet.place_of, batch))


def _dataset(source: Source, piece: Piece, extractor: Extractor) -> Iterator[Chunk | Unreadable]:
    from tamis.pipeline.ingest import hub_reader  # datatrove's readers: most inputs need none

    for batch in hub_reader.read(source.input, extractor.options, piece.start, piece.stop or 1):
        if isinstance(batch, Unreadable):
            yield batch
        else:
            rows = partial(hub_reader.rows, batch, extractor)
            yield Chunk(0, batch.records, rows, partial(hub_reader.place_of, batch))


def _archived(source: Source, extractor: Extractor) -> Iterator[Chunk]:
    for records in warc.read(source, extractor.options.max_document_bytes):
        rows = partial(warc.rows, records, extractor)
        yield Chunk(records[0].at, len(records), rows, partial(_place_in_archive, records))


def _place_in_archive(records: list[Record], record: int) -> str:
    return warc.place_of(records[record])
