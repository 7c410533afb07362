"""CSV and TSV in every state: read back exactly, as Python's csv module reads it, errors placed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest.delimited import read
from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.options import IngestOptions

Ingest = Callable[..., Any]
FIELDS = st.text(st.sampled_from('ab"",;\t|\n\r \ufeffé\U0001f600'), max_size=8)


class Blocks:
    """A source whose blocks are as long as asked."""

    def __init__(self, data: bytes, size: int, name: str = "in.csv") -> None:
        self.data, self.size, self.input = data, size, Input(name, name, len(data), "csv")

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        for place in range(0, len(self.data), self.size):
            yield place, self.data[place : place + self.size]


def found_in(data: bytes, size: int = 1 << 20, **options: Any) -> list[Any]:
    """Line, byte, and fields or reason of every record."""
    return [
        (line, byte, found.reason if isinstance(found, Unreadable) else found)
        for records in read(Blocks(data, size), IngestOptions(**options))  # type: ignore[arg-type]
        for line, byte, found in records.found
    ]


def written(rows: list[list[str]], **dialect: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue()


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(FIELDS, min_size=2, max_size=2), max_size=5),
    size=st.integers(1, 30),
    dialect=st.sampled_from(
        [
            {"lineterminator": "\r\n"},
            {"lineterminator": "\n", "quoting": csv.QUOTE_ALL},
            {"delimiter": "\t"},
            {"delimiter": ";"},
        ]
    ),
)
def test_what_a_writer_writes_is_read_back(
    rows: list[list[str]], size: int, dialect: dict[str, Any]
) -> None:
    """A text with newlines or quotes would be cut or changed, or two blocks joined wrongly."""
    data = written([["text", "more"], *rows], **dialect).encode()
    found = found_in(data, size)
    assert [fields for _, _, fields in found] == rows
    lines = data.split(b"\n")
    for line, byte, fields in found:
        assert byte == sum(len(one) + 1 for one in lines[: line - 1])
        record = written([fields], **dialect).encode()
        assert data[byte : byte + len(record)] == record


@settings(max_examples=500, deadline=None)
@given(
    text=st.text(st.sampled_from('a",\n\r"'), max_size=30),
    size=st.integers(1, 9),
)
@example(text='"a\n",b\n', size=2)
@example(text='"a\nb,"c"\n"d"\n', size=100)
def test_it_agrees_with_pythons_csv_module(text: str, size: int) -> None:
    """Whatever the text, good records are those of csv.reader up to its first error, and reading
    goes on behind one to the end of the file."""
    data = f"text\n{text}".encode()
    expected, broken = [], False
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    try:
        for fields in reader:
            expected += [fields] if fields else []
    except csv.Error:
        broken = True
    found = [fields for _, _, fields in found_in(data, size)]
    assert found[: len(expected)] == expected
    assert found[len(expected) :][:1] == (["invalid_csv"] if broken else [])


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(st.sampled_from('aaaa",\n'), max_size=60),
    size=st.integers(1, 9),
    limit=st.integers(3, 12),
)
@example(text='"""""""""\n",aa\n', size=1, limit=3)
@example(text='aaaaaaaa,"\n"\naa\n', size=3, limit=5)
def test_a_record_over_the_limit_costs_itself_alone(text: str, size: int, limit: int) -> None:
    """The rest of a long record would be read as records of its own."""
    data = f"t\n{text}".encode()
    try:
        list(csv.reader(io.StringIO(text, newline="\n"), strict=True))
    except csv.Error:
        return
    wanted, begin = [], 2
    lines = io.StringIO(text, newline="\n").readlines()
    reader = csv.reader(iter(lines), strict=True)
    before = 0
    for fields in reader:
        length = sum(map(len, lines[before : reader.line_num]))
        if fields:
            wanted.append((begin, fields if length <= limit else "too_long"))
        begin, before = begin + length, reader.line_num
    found = [
        (byte, fields)
        for _, byte, fields in found_in(data, size, max_document_bytes=limit, text_key="t")
    ]
    assert found == wanted


def test_an_open_quote_that_is_too_long_ends_where_quoting_breaks() -> None:
    """The good record that shows the quote to be open would be lost with it."""
    data = b't\n"aaaa\naaaa\naaaa\n"b"\nc\n'
    for size in range(1, 11):
        found = found_in(data, size, max_document_bytes=8, text_key="t")
        assert found == [(2, 2, "too_long"), (5, 18, ["b"]), (6, 22, ["c"])]


def test_fields_become_columns(tmp_path: Path, read_in: Ingest) -> None:
    rows = [["1", 'Ein Satz,\nzwei "Zeilen"', "http://a.example/x", "2020-01-02", "web", "7", ""]]
    names = ["id", "text", "url", "date", "source", "n", "empty"]
    (tmp_path / "in.csv").write_text(written([names, *rows]), newline="", encoding="utf-8-sig")
    (row,) = read_in(tmp_path / "in.csv").rows()
    assert (row["id"], row["text"], row["url"]) == ("1", rows[0][1], "http://a.example/x")
    assert (row["date"].year, row["source"], row["meta"]) == (2020, "web", '{"n":"7"}')


@pytest.mark.parametrize(
    ("name", "header", "options"),
    [
        ("in.csv", "id,text", {}),
        ("in.csv", "id;text", {}),
        ("in.csv", "id|text", {}),
        ("in.csv", "id\ttext", {}),
        ("in.csv", "a, b, c;text", {}),
        ("in.tsv", "id\ttext", {}),
        ("in.csv", "id~text", {"delimiter": "~"}),
        ("in.tsv", "id\ttext,more", {"text_key": "text,more"}),
        ("in.csv", "id\ttext", {"delimiter": "tab"}),
    ],
)
def test_the_delimiter(
    tmp_path: Path, read_in: Ingest, name: str, header: str, options: dict[str, Any]
) -> None:
    delimiter = options.get("delimiter", next(d for d in "~\t;|," if d in header))
    delimiter = "\t" if delimiter == "tab" else delimiter
    (tmp_path / name).write_text(f"{header}\n1{delimiter}a b\n")
    assert read_in(tmp_path / name, **options).texts == ["a b"]


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv.zst", ".csv.bz2", ".tsv.xz"])
def test_compressed(tmp_path: Path, read_in: Ingest, ending: str) -> None:
    import bz2
    import lzma

    from backports import zstd

    compress = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}
    delimiter = "\t" if "tsv" in ending else ","
    data = written([["text", "n"], ["a\nb", "1"]], delimiter=delimiter).encode()
    path = tmp_path / f"in{ending}"
    path.write_bytes(compress.get(ending.split(".")[-1], bytes)(data))
    assert read_in(path).texts == ["a\nb"]


def test_bad_records_are_placed_and_cost_themselves_alone(tmp_path: Path, read_in: Ingest) -> None:
    """An error that is placed wrongly, or takes its neighbours along, or none at all."""
    data = b"\n".join(
        [
            b"id,text",
            b"1,good",
            b"2,too,many",
            b"few",
            b"",
            b"5,inv\xfflid",
            b'6,"two\nlines \xff"',
            b"8,nul \0",
            b'9,"quote "within" it"',
            b'10,"several',
            b'lines"',
            b'11,5" disk',
            b"",
        ]
    )
    (tmp_path / "in.csv").write_bytes(data)
    found = read_in(tmp_path / "in.csv")
    assert found.texts == ["good", "several\nlines", '5" disk']
    assert [(place, reason) for _, place, reason, _ in found.errors] == [
        ("line 3", "too_many_fields"),
        ("line 4", "too_few_fields"),
        ("line 6", "invalid_utf8"),
        ("line 7", "invalid_utf8"),
        ("line 9", "invalid_csv"),
        ("line 10", "invalid_csv"),
    ]
    details = [row["detail"] for row in found.rows("errors")]
    assert details[0] == "3 fields, and the header names 2 (see --delimiter)"
    assert details[3] == "byte 0xff at 6 of line 8 is not utf-8 (see --encoding)"


def test_quotes_that_are_never_closed(tmp_path: Path, read_in: Ingest) -> None:
    """The lines that such a quote swallows would be lost without a word, or become one text."""
    (tmp_path / "in.csv").write_text('id,text\n1,"open\n2,x\n3,"y"\n4,z\n5,"open\nw')
    found = read_in(tmp_path / "in.csv")
    assert found.texts == ["y", "z"]
    assert [(place, reason, n) for _, place, reason, n in found.errors] == [
        ("line 2", "invalid_csv", 2),
        ("line 6", "invalid_csv", 2),
    ]
    assert found.rows("errors")[1]["detail"] == "the quote that opens on line 6 is never closed"


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"", "invalid_csv", "in the header: no header line"),
        (b"\n\n", "invalid_csv", "in the header: no header line"),
        (b"id,body\n1,x\n", "no_text", "no column 'text'; it has: id, body (see --text-key)"),
        ("id,text\n1,x\n".encode("utf-16"), "invalid_csv", "UTF-16, which is not read (see iconv)"),
        (b"id,t\xffxt\n1,x\n", "invalid_utf8", "in the header: byte 0xff"),
        (b'id,"text\n1,x\n', "invalid_csv", "in the header: the quote that opens on line 1"),
    ],
)
def test_headers_that_name_no_text(
    tmp_path: Path, read_in: Ingest, data: bytes, reason: str, detail: str
) -> None:
    (tmp_path / "in.csv").write_bytes(data)
    (tmp_path / "good.md").write_text("good")
    found = read_in(tmp_path)
    assert [(name, why, n) for name, _, why, n in found.errors] == [("in.csv", reason, 1)]
    assert detail in found.rows("errors")[0]["detail"]


def test_two_columns_of_one_name_and_an_empty_text(tmp_path: Path, read_in: Ingest) -> None:
    (tmp_path / "in.csv").write_text("text,text,\n,b,c\n")
    (row,) = read_in(tmp_path / "in.csv").rows()
    assert (row["text"], json.loads(row["meta"])) == ("", {"text#2": "b", "": "c"})


def test_other_encodings(tmp_path: Path, read_in: Ingest) -> None:
    (tmp_path / "in.csv").write_bytes("text,n\nGrüße;,1\n".encode("cp1252"))
    assert read_in(tmp_path / "in.csv", encoding="cp1252").texts == ["Grüße;"]


def test_a_field_of_any_length_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """A 500 MB field, in one line or many, would be held whole."""
    for line in (b"x" * 1000, b"x" * 999 + b"\n", b'""'):
        data = b'text,n\n"' + line * (30_000_000 // len(line)) + b'",1\nnext,2\n'
        tracemalloc.start()
        found = found_in(data, 1 << 18, max_document_bytes=1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [fields for _, _, fields in found] == ["too_long", ["next", "2"]], line[:2]
        assert peak < 12_000_000


def test_shards_do_not_change_the_rows(
    tmp_path: Path, read_in: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CSV is cut where the reader passes a byte: no record may be in two shards, or in none."""
    monkeypatch.setattr("tamis.pipeline.ingest.plan.READ", 1 << 14)
    monkeypatch.setattr("tamis.pipeline.ingest.streams.READ", 1 << 14)
    draw = random.Random(3)
    rows = [[str(n), " ".join(draw.choices(["a", 'b"', "c\n", "d,"], k=60))] for n in range(9000)]
    text = written([["id", "text"], *rows])
    (tmp_path / "in.csv").write_text(text, newline="")
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress(text.encode()))
    whole = read_in(tmp_path / "in.csv", name="whole")
    for name in ("in.csv", "in.csv.gz"):
        cut = read_in(tmp_path / name, name=f"cut-{name}", shard_bytes=300_000)
        assert len(cut.manifest["shards"]) > 1
        assert cut.texts == whole.texts == [text for _, text in rows]
        assert cut.manifest["inputs"][0]["sha256"]
