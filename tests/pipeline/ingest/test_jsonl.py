"""Lines of any file cut anywhere, and what becomes of lines that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.jsonl import Lines, parse, place_of, read_lines
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.records import Extractor, Rows


class Blocks:
    """A source whose blocks are as long as asked."""

    def __init__(self, data: bytes, sizes: list[int], fault: Unreadable | None = None) -> None:
        self.data, self.sizes, self.fault = data, sizes, fault

    def blocks(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        place, number = start, 0
        while place < len(self.data):
            size = self.sizes[number % len(self.sizes)]
            yield place, self.data[place : place + size]
            place, number = place + size, number + 1
        if self.fault:
            raise self.fault


def lines_of(
    source: Any, limit: int, start: int = 0, stop: int | None = None
) -> list[tuple[int, int, bytes | None]]:
    """Offset, number and bytes of every line; None for one that is too long."""
    found = []
    for chunk in read_lines(source, limit, start, stop):
        assert not chunk.too_long or chunk.lines == [b""]
        for place, line in enumerate(chunk.lines):
            known = None if chunk.too_long or len(line) > limit else line
            found.append((chunk.offset_of(place), chunk.number + place, known))
    return found


def expected(data: bytes, limit: int) -> list[tuple[int, int, bytes | None]]:
    *lines, last = data.split(b"\n")
    offset, found = 0, []
    for number, line in enumerate([*lines, last] if last else lines, 1):
        found.append((offset, number, line if len(line) <= limit else None))
        offset += len(line) + 1
    return found


TEXT = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bcd", b"efghijkl", b"\0"])).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(
    data=TEXT | st.binary(),
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    limit=st.integers(1, 30),
    cuts=st.sets(st.integers(1, 60)),
)
@example(data=b"\n\n", sizes=[1], limit=1, cuts={1})
@example(data=b"aaaa\nb", sizes=[2], limit=3, cuts={4, 5})
def test_every_line_is_in_exactly_one_piece(
    data: bytes, sizes: list[int], limit: int, cuts: set[int]
) -> None:
    wanted = expected(data, limit)
    assert lines_of(Blocks(data, sizes), limit) == wanted
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), None]
    pieces = [
        line
        for a, b in pairwise(places)
        for line in lines_of(Blocks(data, sizes), limit, a or 0, b)
    ]
    assert [(offset, line) for offset, _, line in pieces] == [(o, line) for o, _, line in wanted]


def test_a_long_line_is_never_held() -> None:
    """A gigabyte without a newline is one error, whoever's piece it began in."""
    data = b"ab\n" + b"x" * 100_000 + b"\ncd\n"
    read: list[int] = []

    class Counting(Blocks):
        def blocks(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
            for place, block in super().blocks(start):
                read.append(len(block))
                yield place, block

    found = lines_of(Counting(data, [100]), 50, 0, 10)
    assert found == [(0, 1, b"ab"), (3, 2, None)]
    assert sum(read) < 500  # the rest of it is not even read
    assert lines_of(Counting(data, [100]), 50, 10) == [(100_004, 1, b"cd")]


def test_the_unfinished_line_of_a_file_that_breaks_off_is_not_a_line() -> None:
    source = Blocks(b"ab\ncd\nef", [5], Unreadable("truncated_file", "cut"))
    found: list[Lines] = []
    with pytest.raises(Unreadable, match="cut"):
        for chunk in read_lines(source, 50):  # type: ignore[arg-type]
            found.append(chunk)
    assert [line for chunk in found for line in chunk.lines] == [b"ab", b"cd"]


def parsed(*lines: bytes, **options: Any) -> Rows:
    source = Input("in.jsonl", "/in.jsonl", 1, "jsonl")
    extractor = Extractor(source, IngestOptions(**options))
    return parse(Lines(0, 0, 1, list(lines)), extractor, True, 0, len(lines))


def test_good_lines_among_bad_ones() -> None:
    lines = {
        b'{"text": "one"}': None,
        b'{"text": broken': "invalid_json",
        b"": None,
        b" \t\r": None,
        b'["text"]': "not_an_object",
        b'"text"': "not_an_object",
        b"17": "not_an_object",
        b"null": "not_an_object",
        b'{"text": 17}': "text_not_a_string",
        b'{"text": ["a"]}': "text_not_a_string",
        b'{"text": null}': "no_text",
        b'{"title": "x"}': "no_text",
        b"{}": "no_text",
        b'{"text": "\xff"}': "invalid_utf8",
        b'{"text": "\xed\xa0\x80"}': "invalid_utf8",  # a surrogate in UTF-8
        b'{"text": "\\ud800 alone"}': "invalid_json",
        b'{"text": "a\0b"}': "invalid_json",
        b"\0" * 40: "invalid_json",
        b'{"text": "two"}\r': None,
        '{"text": "drei"}'.encode("utf-16"): "invalid_utf8",
        b'{"text": "x", "deep": %s}' % (b"[" * 10_000 + b"]" * 10_000): "invalid_json",
        b'{"text": "a"}{"text": "b"}': "invalid_json",
        b'{"text": ""}': None,
    }
    rows = parsed(*lines)
    assert rows.texts == ["one", "two", ""]
    wanted = [(f"line {n}", reason) for n, reason in enumerate(lines.values(), 1) if reason]
    assert [(where, error.reason) for where, error in rows.errors] == wanted
    said = {where: error.detail for where, error in rows.errors}
    assert said["line 8"] == "a JSON null, not an object with a text"
    assert said["line 12"] == "no 'text'; the record has: title (see --text-key)"
    assert "40 NUL bytes" in said["line 18"] and "UTF-16" in said["line 20"]


def test_json_over_many_lines_is_said() -> None:
    for line in (b"[", b"{", b"[{", b"  {\r"):
        assert "one object a line" in parsed(line).errors[0][1].detail


def test_escapes_are_kept_as_they_are() -> None:
    rows = parsed(rb'{"text": "nul \u0000, line \u2028, face \ud83d\ude00, tab \t"}')
    assert rows.texts == ["nul \0, line \u2028, face \U0001f600, tab \t"]


def test_a_byte_order_mark_is_no_part_of_a_record() -> None:
    mark = b"\xef\xbb\xbf"
    rows = parsed(mark + b'{"text": "first"}', b"", mark, mark + b'{"text": "of a joined file"}')
    assert (rows.texts, rows.errors) == (["first", "of a joined file"], [])


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        -(2**63) - 1,
        2**64 - 1,
        10**400,
        [1, {"a": [2**70]}],
        {"x": {"y": -(2**100)}},
        1e300,
        -0.0,
        0.1,
        1e16,
        "ünïcödé \U0001f600",
        None,
        [[], {}],
    ],
)
def test_other_fields_survive_exactly(value: Any) -> None:
    rows = parsed(json.dumps({"text": "t", "field": value}).encode())
    assert rows.errors == []
    assert rows.metas[0] is not None
    assert json.loads(rows.metas[0]) == {"field": value}
    assert str(json.loads(rows.metas[0])["field"]) == str(value)


def test_what_python_cannot_hold_is_an_error_and_not_a_crash() -> None:
    deep = b"[" * 1000 + b"1e30" + b"]" * 1000
    rows = parsed(
        b'{"text": "t", "n": %s}' % (b"9" * 5000),
        b'{"text": "t", "n": %s}' % deep,
        b'{"text": "t", "n": %s}' % deep.replace(b"1e30", b"1"),
        b'{"text": "t", "n": %s}' % (b"[" * 400 + b"]" * 400),
    )
    assert len(rows.texts) + len(rows.errors) == 4
    assert {error.reason for _, error in rows.errors} == {"invalid_json"}
    assert "line 1" in dict(rows.errors) and "line 4" not in dict(rows.errors)


def test_a_line_over_the_limit_is_an_error_row_and_one_at_the_limit_is_not() -> None:
    line = b'{"text": "0123456789"}'
    assert parsed(line, max_document_bytes=len(line)).texts == ["0123456789"]
    rows = parsed(line, max_document_bytes=len(line) - 1)
    assert [(where, error.reason) for where, error in rows.errors] == [("line 1", "too_long")]


def test_parts_of_a_chunk_are_the_chunk() -> None:
    source = Input("in.jsonl", "/in.jsonl", 1, "jsonl")
    chunk = Lines(0, 100, 5, [b'{"text": "%d"}' % n if n % 3 else b"x" * n for n in range(12)])
    for numbered in (True, False):
        extractor = Extractor(source, IngestOptions())
        everything = parse(chunk, extractor, numbered, 0, 12)
        parts = [parse(chunk, extractor, numbered, a, b) for a, b in ((0, 1), (1, 7), (7, 12))]
        assert everything.ids == [one for part in parts for one in part.ids]
        assert everything.places == [one for part in parts for one in part.places]
        where = [place for part in parts for place, _ in part.errors]
        assert [place for place, _ in everything.errors] == where
        assert where == [place_of(chunk, numbered, line) for line in (3, 6, 9)]


def test_many_errors_take_no_time_each() -> None:
    """A hundred thousand lines of junk in one chunk: places are counted, not summed up anew."""
    chunk = Lines(0, 0, 1, [b"x"] * 100_000)
    extractor = Extractor(Input("in.jsonl", "/in.jsonl", 1, "jsonl"), IngestOptions())
    rows = parse(chunk, extractor, False, 0, 100_000)
    assert len(rows.errors) == 100_000
    assert rows.errors[-1][0] == "byte 199998"
