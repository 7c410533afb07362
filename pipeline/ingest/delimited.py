"""CSV and TSV: records under a header line, every value a string, places exact.

Python's csv module splits the records, fed one physical line after the other, with strict quoting
(RFC 4180). Unlike pyarrow.csv it guesses no types, takes a record of any length, does not let a
closing quote within a field pass, and says at which line it is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field

from tamis.pipeline.ingest import columns
from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.lines import Lines
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.records import Extractor, Rows, without_text
from tamis.pipeline.ingest.streams import Source

# Records are bounded here; the module's own bound, one for the whole process, must only be out of
# the way: the largest C long of every platform.
csv.field_size_limit(2**31 - 1)

DELIMITERS = ",\t;|"
Found = list[str] | Unreadable  # the fields of a record, or why there are none


@dataclass
class Records:
    """Consecutive records under one header, and the block that the first begins in."""

    block: int
    header: list[str]
    found: list[tuple[int, int, Found]] = field(default_factory=list)
    """The line and the byte at which each begins, and its fields."""


def read(source: Source, options: IngestOptions) -> Iterator[Records]:
    """All records of an input, about a block's worth at a time.

    Raises Unreadable for a file without a header or a text, and as Source.blocks does.
    """
    lines = Lines(source.blocks(), options.max_document_bytes, options.encoding)
    records = _records(lines, options.delimiter or _delimiter(source.input, lines.first, options))
    header = _header(records, options)
    held = Records(0, header)
    try:
        for block, number, offset, found in records:
            if block != held.block and held.found:
                yield held
                held = Records(block, header)
            held.block = block
            held.found.append((number, offset, found))
    except Unreadable:  # what came before it was good
        if held.found:
            yield held
        raise
    if held.found:
        yield held


def rows(records: Records, extractor: Extractor, start: int, stop: int) -> Rows:
    """The documents and errors of some of the records."""
    made = Rows()
    for number, offset, found in records.found[start:stop]:
        try:
            if isinstance(found, Unreadable):
                raise found
            extractor.add(made, _record(records.header, found, extractor.options), offset)
        except Unreadable as error:
            made.lose(f"line {number}", error)
    return made


def place_of(records: Records, record: int) -> str:
    """Where a record is: the line it begins on."""
    return f"line {records.found[record][0]}"


def _record(header: list[str], fields: list[str], options: IngestOptions) -> dict[str, str]:
    """The fields that are not empty, by name, and the text even if it is."""
    if len(fields) != len(header):
        many = "many" if len(fields) > len(header) else "few"
        detail = f"{len(fields)} fields, and the header names {len(header)} (see --delimiter)"
        raise Unreadable(f"too_{many}_fields", detail)
    pairs = zip(header, fields, strict=True)
    return {name: value for name, value in pairs if value or name == options.text_key}


def _header(records: Iterator[tuple[int, int, int, Found]], options: IngestOptions) -> list[str]:
    _, number, _, found = next(records, (0, 1, 0, Unreadable("invalid_csv", "no header line")))
    if isinstance(found, Unreadable):
        raise Unreadable(found.reason, f"in the header: {found.detail}", 1, f"line {number}")
    if missing := without_text(found, options):
        raise Unreadable("no_text", missing)
    return columns.unique(found)


def _delimiter(source: Input, first: str, options: IngestOptions) -> str:
    """A tab by the name, or what divides the first line so that it names a text, and most else."""
    if ".tsv" in source.name.lower()[-9:]:
        return "\t"

    def names(delimiter: str) -> tuple[bool, int]:
        try:
            found = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:
            found = []
        return not without_text(found, options), len(found)

    return max(DELIMITERS, key=names)


def _records(lines: Lines, delimiter: str) -> Iterator[tuple[int, int, int, Found]]:
    """Block, line, byte and fields of every record."""
    while not lines.ended:
        reader, first = csv.reader(lines.feed(), delimiter=delimiter, strict=True), lines.next
        going = True
        while going:
            block, number = lines.block, first + reader.line_num
            offset = lines.begin(number)
            found: Found | None = None
            try:
                found = next(reader, None)
                going = found is not None
            except csv.Error as error:
                going = False
                if not lines.too_long:
                    found = _broken(lines, number, first + reader.line_num - 1, str(error))
            stop = first + reader.line_num
            if lines.too_long:
                found = _skipped(lines, number, stop > number, delimiter)
            elif going:
                found = _unfit(lines, number, stop, offset) or found
            if found:
                yield block, number, offset, found


def _unfit(lines: Lines, number: int, stop: int, offset: int) -> Unreadable | None:
    """What is wrong with a record as a whole, or with the bytes of its lines."""
    if lines.offset(stop) - offset > lines.limit:
        return _too_long(lines)
    wrong = (lines.wrong.get(line) for line in range(number, stop)) if lines.wrong else ()
    return next((why for why in wrong if why), None)


def _too_long(lines: Lines, lost: int = 1) -> Unreadable:
    detail = f"a record over {lines.limit} bytes (--max-document-bytes), or a quote never closed"
    return Unreadable("too_long", detail, lost)


def _broken(lines: Lines, number: int, last: int, problem: str) -> Unreadable:
    """A record whose quoting breaks at the line that was read last.

    If that is not the line it began on, either a quote was never closed and this line begins a
    record, or the record is broken here: reading goes on with this line, and no earlier one, which
    may as well be in the midst of a text.
    """
    lines.next = last + 1
    if lines.ended:
        detail, lost = f"the quote that opens on line {number} is never closed", last - number + 1
    elif last == number:
        detail, lost = f"{problem} (a quote within a quoted field is written twice)", 1
    else:
        lines.next = last
        detail = f"a quote opens on line {number}, and on line {last}: {problem}"
        lost = last - number
    return Unreadable("invalid_csv", detail, lost)


def _skipped(lines: Lines, number: int, quoted: bool, delimiter: str) -> Unreadable:
    """Lets a record go that is too long to be held; the next begins behind it.

    A character before each piece says how it begins: in quotes, or within a plain field.
    """
    before, rest, fresh, lost = '"' if quoted else "", "", True, 1
    for piece, whole in lines.pieces():
        piece, rest = rest + piece, ""
        if not whole:
            piece, rest = _cut(piece, delimiter)
            if not piece:
                continue
        reader = csv.reader([before + piece, '"\n'], delimiter=delimiter, strict=True)
        try:
            next(reader, None)
            before = '"' if reader.line_num == 2 else "x"  # if it took the quote of the second line
        except csv.Error:
            before = "x"
            if whole and fresh and lines.next - 1 > number:
                lines.next -= 1
                lost = lines.next - number
        if whole and before == "x":
            break
        fresh = whole
    else:
        lost = max(lines.next - number, 1)
    return _too_long(lines, lost)


def _cut(piece: str, delimiter: str) -> tuple[str, str]:
    """A piece up to a delimiter or quotes at its end, whose meaning the next piece decides."""
    kept = piece.rstrip('"')
    quotes = len(piece) - len(kept)
    rest = '"' * (quotes if quotes < 3 else 2 + quotes % 2)  # a pair more means the same
    return (kept[:-1], delimiter + rest) if kept.endswith(delimiter) else (kept, rest)
