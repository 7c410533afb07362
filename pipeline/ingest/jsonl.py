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


def read_lines(
    source: Source, limit: int, start: int = 0, stop: int | None = None
) -> Iterator[Lines]:
    """The lines that begin at bytes start to stop of the text, a block's worth at a time.

    Line numbers count from where reading began. Raises Unreadable as Source.blocks does; the
    unfinished line of a truncated file is not a line.
    """
    # A line that begins exactly at start follows a newline at start - 1.
    begin = max(start - 1, 0)
    tail: list[bytes] = []
    tail_bytes, tail_block, offset, number = 0, begin, begin, 1
    skip = start > 0
    for block, data in source.blocks(begin):
        if stop is not None and (block if skip else offset) >= stop:
            return
        first, newline, rest = data.partition(b"\n")
        if not newline:
            tail_block = tail_block if tail_bytes else block
            tail_bytes += len(data)
            tail = [*tail, data] if tail_bytes <= limit and not skip else []
            if stop is not None and block >= stop and tail_bytes > limit:
                break  # the rest of a line that is too long is nobody's
            continue
        if not tail_bytes:
            tail_block = block
        length = tail_bytes + len(first) + 1
        if skip:
            skip = False
        elif length > limit + 1:
            yield Lines(tail_block, offset, number, [b""], too_long=True)
            number += 1
        else:
            yield Lines(tail_block, offset, number, [b"".join([*tail, first])])
            number += 1
        offset += length
        *lines, last = rest.split(b"\n")
        if lines:
            if stop is not None:
                lines = _before(lines, stop - offset)
            yield Lines(block, offset, number, lines)
            number += len(lines)
            offset += len(rest) - len(last)
        tail, tail_bytes, tail_block = ([last], len(last), block) if last else ([], 0, block)
    if tail_bytes and not skip and (stop is None or offset < stop):
        yield Lines(tail_block, offset, number, [b"".join(tail)], too_long=tail_bytes > limit)


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
    offset = chunk.offset + sum(map(len, chunk.lines[:start])) + start
    for number, line in enumerate(chunk.lines[start:stop], chunk.number + start):
        try:
            if chunk.too_long or len(line) > limit:
                raise Unreadable("too_long", f"a line over {limit} bytes (--max-document-bytes)")
            if line and not line.isspace():
                extractor.add(rows, _record(line, offset), offset)
        except Unreadable as error:
            rows.errors.append((f"line {number}" if numbered else f"byte {offset}", error))
        offset += len(line) + 1
    return rows


def _record(line: bytes, offset: int) -> Any:
    if not offset and line.startswith(BOM):
        line = line.removeprefix(BOM)
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _explained(line, error) from None
    if type(record) is dict:
        for value in record.values():
            if type(value) is float and abs(value) >= 2.0**63:
                return json.loads(line)  # orjson rounds integers past 64 bits to floats
    return record


def _explained(line: bytes, error: orjson.JSONDecodeError) -> Unreadable:
    if not line.strip(b"\0"):
        return Unreadable("invalid_json", f"{len(line)} NUL bytes: a hole that a crash left?")
    try:
        text = line.decode()
    except UnicodeDecodeError as wrong:
        return Unreadable(
            "invalid_utf8", f"byte {line[wrong.start]:#04x} at {wrong.start} of the line"
        )
    if text.lstrip().startswith("[") and len(text.strip()) < 3:
        return Unreadable("invalid_json", "a JSON array over many lines: one object a line is read")
    return Unreadable("invalid_json", str(error))
