"""JSON lines: one record a line, lines of any length, in memory bounded by the longest allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from tamis.pipeline.ingest.inputs import Unreadable
from tamis.pipeline.ingest.records import Extractor, Rows
from tamis.pipeline.ingest.streams import Source

BOM = b"\xef\xbb\xbf"


@dataclass
class Lines:
    """Consecutive whole lines, the block they begin in, and the place of the first."""

    block: int
    offset: int
    number: int
    lines: list[bytes]
    too_long: bool = False
    """The one line here is over the limit; its bytes were let go."""

    def offset_of(self, line: int) -> int:
        """The byte at which one of these lines begins."""
        return self.offset + sum(map(len, self.lines[:line])) + line


def read_lines(
    source: Source, limit: int, start: int = 0, stop: int | None = None
) -> Iterator[Lines]:
    """The lines that begin at bytes start to stop of the text, a block's worth at a time.

    Line numbers count from where reading began. Raises Unreadable as Source.blocks does; the
    unfinished line of a truncated file is not a line.
    """
    # A line that begins exactly at start follows a newline at start - 1.
    offset = begin = max(start - 1, 0)
    skip = start > 0  # the line in hand began before start
    tail: list[bytes] = []  # of the line in hand, unless it is too long
    held, block, number = 0, begin, 1  # bytes of that line, the block it began in, its number
    for at, data in source.blocks(begin):
        if stop is not None and (at if skip else offset) >= stop:
            return
        if not held:
            block = at
        *lines, last = data.split(b"\n")
        if lines:
            held += len(lines[0]) + 1
            if skip or held > limit + 1:
                if not skip:
                    yield Lines(block, offset, number, [b""], too_long=True)
                    number += 1
                offset, block, skip = offset + held, at, False
                del lines[0]
            else:
                lines[0] = b"".join([*tail, lines[0]])
            size = sum(map(len, lines)) + len(lines)
            if stop is not None:
                lines = _before(lines, stop - offset)
            if lines:
                yield Lines(block, offset, number, lines)
            number, offset = number + len(lines), offset + size
            tail, held, block = [], 0, at
        held += len(last)
        if held > limit or skip:
            tail = []
            if stop is not None and at >= stop:
                break  # the rest of a line that is too long is nobody's
        elif last:
            tail.append(last)
    if held and not skip and (stop is None or offset < stop):
        yield Lines(block, offset, number, [b"".join(tail)], too_long=held > limit)


def _before(lines: list[bytes], room: int) -> list[bytes]:
    """The lines that begin within the first `room` bytes."""
    kept = []
    for line in lines:
        if room <= 0:
            break
        kept.append(line)
        room -= len(line) + 1
    return kept


def parse(chunk: Lines, extractor: Extractor, numbered: bool, start: int, stop: int) -> Rows:
    """The documents and errors of lines start to stop of a chunk."""
    rows, limit = Rows(), extractor.options.max_document_bytes
    offset = chunk.offset_of(start)
    for number, line in enumerate(chunk.lines[start:stop], chunk.number + start):
        try:
            if chunk.too_long or len(line) > limit:
                raise Unreadable("too_long", f"a line over {limit} bytes (--max-document-bytes)")
            if line and not line.isspace() and line.rstrip() != BOM:
                extractor.add(rows, _record(line), offset)
        except Unreadable as error:
            rows.lose(_place(number, offset, numbered), error)
        offset += len(line) + 1
    return rows


def place_of(chunk: Lines, numbered: bool, line: int) -> str:
    """Where a line of a chunk is: its number if lines were counted from the first, or its byte."""
    return _place(chunk.number + line, chunk.offset_of(line), numbered)


def _place(number: int, offset: int, numbered: bool) -> str:
    return f"line {number}" if numbered else f"byte {offset}"


def _record(line: bytes) -> Any:
    try:
        record = orjson.loads(line)
        rounded = type(record) is dict and _rounded(record)
    except orjson.JSONDecodeError as error:
        if line.startswith(BOM):  # of the file, or of one that was joined to it
            return _record(line.removeprefix(BOM))
        if "infinity" not in str(error):
            raise _explained(line, error) from None
        rounded = True
    if not rounded:
        return record
    try:
        return json.loads(line)
    except (RecursionError, ValueError) as error:  # nested a thousand deep, or 4,300 digits
        raise Unreadable("invalid_json", f"cannot be represented: {error}") from None


def _rounded(record: dict[str, Any]) -> bool:
    """Whether a number in a record may be an integer past 64 bits, which orjson rounds."""
    nested: list[Any] = [record]
    while nested:
        one = nested.pop()
        for value in one.values() if type(one) is dict else one:
            kind = type(value)
            if kind is float:
                if not -(2.0**63) < value < 2.0**63:
                    return True
            elif kind is dict or kind is list:
                nested.append(value)
    return False


def _explained(line: bytes, error: orjson.JSONDecodeError) -> Unreadable:
    if not line.strip(b"\0"):
        return Unreadable("invalid_json", f"{len(line)} NUL bytes: a hole that a crash left?")
    if line.count(0) * 3 > len(line):
        return Unreadable("invalid_utf8", "half of it NULs: UTF-16? JSON lines are UTF-8 (iconv)")
    try:
        text = line.decode().strip()
    except UnicodeDecodeError as wrong:
        where = f"byte {line[wrong.start]:#04x} at {wrong.start} of the line"
        return Unreadable("invalid_utf8", where)
    if text in ("[", "{", "[{"):
        return Unreadable("invalid_json", "JSON over many lines: one object a line is read")
    return Unreadable("invalid_json", str(error))
