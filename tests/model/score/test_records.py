"""Files are read as they come, and what cannot be read is named with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.model.errors import ModelError
from tamis.model.score.records import files_of, records, zstd

ROWS = [{"text": f"text {n}", "id": str(n)} for n in range(3)]
LINES = b"".join(b'{"text": "text %d", "id": "%d"}\n' % (n, n) for n in range(3))


def test_every_kind_reads_the_same(tmp_path: Path) -> None:
    """Compression would be a property of a domain."""
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(LINES))
    (tmp_path / "c.jsonl.zst").write_bytes(zstd.compress(LINES))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "d.parquet")
    (tmp_path / "README.md").write_text("not data")
    files = files_of(tmp_path)
    assert [one.name[0] for one in files] == list("abcd")
    for path in files:
        found = list(records(path, ("text", "id", "url")))
        assert [one for _, one in found] == ROWS
        assert [place for place, _ in found] == [f"{path.name}:{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", LINES + b"{broken\n", "a.jsonl:4: cannot be read"),
        ("a.jsonl", LINES + b"[1]\n", "a.jsonl:4: cannot be read: not a JSON object"),
        ("a.jsonl", b'{"text": "\\ud800"}\n', "a.jsonl:1: cannot be read"),
        ("a.jsonl", b'{"text": "\xff"}\n', "a.jsonl:1: cannot be read"),
        ("a.jsonl.gz", b"plain", "a.jsonl.gz:1: cannot be read"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:-12], "a.jsonl.gz:"),
        ("a.jsonl.zst", zstd.compress(LINES)[:-3], "a.jsonl.zst:"),
        ("a.parquet", b"PAR1", "a.parquet:1: cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    """A line passed over is a task of other items than everybody's."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=said):
        list(records(tmp_path / name, ("text",)))


def test_blank_lines_count_as_lines(tmp_path: Path) -> None:
    """They are no records, and the next one stands where an editor shows it."""
    (tmp_path / "a.jsonl").write_text('\n{"text": "a"}\n \n\n{"text": "b"}\n\n')
    found = records(tmp_path / "a.jsonl", ())
    assert [place for place, _ in found] == ["a.jsonl:2", "a.jsonl:5"]


def test_nothing_to_read(tmp_path: Path) -> None:
    """The mean of no document is no figure."""
    with pytest.raises(ModelError, match="nothing to read"):
        files_of(tmp_path)
    with pytest.raises(ModelError, match="does not exist"):
        files_of(tmp_path / "gone.jsonl")
