"""Text and Markdown: a file is a document, or one error that says why not."""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tamis.pipeline.ingest.options import IngestOptions

Ingest = Callable[..., Any]


def test_every_file_is_a_document(tmp_path: Path, read_in: Ingest) -> None:
    (tmp_path / "in/b").mkdir(parents=True)
    (tmp_path / "in/a.txt").write_bytes("erste Zeile\r\nzweite: ä\n".encode())
    (tmp_path / "in/b/c.md").write_bytes(b"\xef\xbb\xbf# Title\n")
    (tmp_path / "in/d.rst.gz").write_bytes(gzip.compress(b"one ") + gzip.compress(b"two"))
    (tmp_path / "in/e.TXT.BZ2").write_bytes(bz2.compress(b"packed"))
    (tmp_path / "in/f.txt").write_bytes(b"")
    found = read_in(tmp_path / "in")
    assert found.texts == ["erste Zeile\r\nzweite: ä\n", "# Title\n", "one two", "packed", ""]
    paths = [json.loads(row["meta"])["path"] for row in found.rows()]
    assert paths == ["a.txt", "b/c.md", "d.rst.gz", "e.TXT.BZ2", "f.txt"]
    assert len({row["id"] for row in found.rows()}) == 5
    assert found.errors == []


@pytest.mark.parametrize(
    ("data", "reason", "said"),
    [
        (b"caf\xe9", "invalid_utf8", "byte 0xe9 at 3 is not utf-8 (see --encoding)"),
        (b"\xef\xbb\xbfab\xff", "invalid_utf8", "byte 0xff at 5 is not utf-8 (see --encoding)"),
        (b"\xed\xa0\x80", "invalid_utf8", "byte 0xed at 0 is not utf-8 (see --encoding)"),
        ("text".encode("utf-16"), "invalid_utf8", "UTF-16 byte order mark: try --encoding utf-16"),
        (b"MZ\0\0\x03", "binary_file", "a NUL at character 2"),
        (b"x" * 101, "too_long", "over 100 bytes (--max-document-bytes)"),
    ],
)
def test_what_is_no_text(
    tmp_path: Path, read_in: Ingest, data: bytes, reason: str, said: str
) -> None:
    (tmp_path / "bad.txt").write_bytes(data)
    (tmp_path / "good.txt").write_bytes(b"good")
    found = read_in(tmp_path / "bad.txt", tmp_path / "good.txt", max_document_bytes=100)
    assert found.texts == ["good"]
    assert found.errors == [("bad.txt", "file", reason, 1)]
    assert said in found.rows("errors")[0]["detail"]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "cp1252", "shift_jis", "UTF8"])
def test_other_encodings(tmp_path: Path, read_in: Ingest, encoding: str) -> None:
    text = "日本語" if encoding == "shift_jis" else "Café"
    (tmp_path / "in.txt").write_bytes(text.encode(encoding))
    assert read_in(tmp_path / "in.txt", encoding=encoding).texts == [text]


def test_a_text_that_is_not_of_its_encoding(tmp_path: Path, read_in: Ingest) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\x81\x20 text")
    (tmp_path / "good.txt").write_bytes("日本語".encode("shift_jis"))
    found = read_in(tmp_path / "bad.txt", tmp_path / "good.txt", encoding="shift_jis")
    assert found.texts == ["日本語"]
    assert found.errors == [("bad.txt", "file", "invalid_encoding", 1)]


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValidationError, match="unknown encoding 'klingon'"):
        IngestOptions(encoding="klingon")


def test_a_broken_file_is_one_error(tmp_path: Path, read_in: Ingest) -> None:
    """Half a document is none: of a text file, all or nothing is read."""
    (tmp_path / "cut.md.gz").write_bytes(gzip.compress(b"some text " * 500)[:-9])
    (tmp_path / "good.md").write_bytes(b"good")
    found = read_in(tmp_path / "cut.md.gz", tmp_path / "good.md")
    assert found.texts == ["good"]
    assert found.errors == [("cut.md.gz", "file", "truncated_file", 1)]


def test_the_key_of_the_text_may_be_that_of_the_path(tmp_path: Path, read_in: Ingest) -> None:
    (tmp_path / "in.md").write_bytes(b"the text")
    assert read_in(tmp_path / "in.md", text_key="path").texts == ["the text"]
