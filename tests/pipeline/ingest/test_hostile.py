"""Inputs that want to hang, crash or fill the machine: each ends as rows that say what it was."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archives import good, http, members, warc
from backports import zstd

from tamis.pipeline.ingest import run

Ingest = Callable[..., Any]
Tamis = Callable[..., subprocess.CompletedProcess[str]]

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, 1),
    "bz2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zst": zstd.compress,
}
GOOD = b'{"text": "good"}\n'

MEASURE = """
import resource, sys
from pathlib import Path
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.guard import Guard
from tamis.pipeline.ingest.inputs import expand
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.phase import IngestPhase
from tamis.pipeline.ingest.plan import plan
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
root, *paths = sys.argv[1:]
inputs, options = expand(paths, list).inputs, IngestOptions()
phase = IngestPhase(Corpus(Path(root)), inputs, plan(inputs, 0), options)
before = peak()
for (unit,) in phase.tasks:
    phase.work(unit, Guard())
print(peak() - before)
"""

# Names the places of a footer where a wrong byte is tried; no reader of columns survives the last.
FATAL = """
import io, sys
import pyarrow.parquet as pq
data = open(sys.argv[1], "rb").read()
footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
for place in range(footer, len(data) - 8):
    bad = bytearray(data[footer:])
    bad[place - footer] = 39
    print(place, flush=True)
    try:
        pq.read_metadata(io.BytesIO(b"PAR1" + bad)).row_group(0).column(0)
    except Exception:
        pass
"""


def memory(corpus: Path, *paths: Path) -> tuple[int, list[dict[str, Any]], list[dict[str, Any]]]:
    """MB that a worker takes for some inputs, the documents and the errors."""
    arguments = [sys.executable, "-c", MEASURE, str(corpus), *map(str, paths)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True)
    found = [
        [
            row
            for path in sorted((corpus / place).glob("*"))
            for row in pq.read_table(path).to_pylist()
        ]
        for place in ("documents", "errors")
    ]
    return int(done.stdout), found[0], found[1]


@pytest.mark.parametrize(("kind", "size"), [("gz", 1000), ("zst", 1000), ("xz", 250), ("bz2", 250)])
def test_a_bomb_is_one_error_in_little_memory(tmp_path: Path, kind: str, size: int) -> None:
    """Up to a gigabyte of zeros as one line, in a file of a megabyte, and good lines around it."""
    zeros = COMPRESS[kind](bytes(10_000_000)) * (size // 10)
    bomb = tmp_path / f"bomb.jsonl.{kind}"
    bomb.write_bytes(COMPRESS[kind](GOOD) + zeros + COMPRESS[kind](b"\n" + GOOD))
    taken, documents, errors = memory(tmp_path / "corpus", bomb)
    assert [row["text"] for row in documents] == ["good", "good"]
    assert [(row["place"], row["reason"]) for row in errors] == [("line 2", "too_long")]
    assert taken < 250, "MB: the limit of a document is 50 MB"


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_a_line_of_60_mb_and_one_of_40_take_little_memory(tmp_path: Path, ending: str) -> None:
    sentence = b"The ferry crosses the river at noon when the bells of both banks ring. "
    long = b'{"text": "' + sentence * (60_000_000 // len(sentence)) + b'"}\n'
    fits = b'{"text": "' + sentence * (40_000_000 // len(sentence)) + b'"}\n'
    data = GOOD + long + fits + GOOD
    path = tmp_path / f"long.{ending}"
    path.write_bytes(COMPRESS["gz"](data) if ending.endswith("gz") else data)
    taken, documents, errors = memory(tmp_path / "corpus", path)
    assert [len(row["text"]) > 10 for row in documents] == [False, True, False]
    assert [row["reason"] for row in errors] == ["too_long"]
    assert taken < 500


def test_a_parquet_value_of_60_mb_takes_little_memory(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "x" * 60_000_000, "b"], "more": ["c", "d", "e"]})
    pq.write_table(table, tmp_path / "in.parquet", compression="zstd")
    taken, documents, errors = memory(tmp_path / "corpus", tmp_path / "in.parquet")
    assert [row["text"] for row in documents] == ["a", "b"]
    assert [(row["place"], row["reason"]) for row in errors] == [("row 1", "too_long")]
    assert taken < 400


def test_a_directory_of_everything_that_is_wrong(tmp_path: Path, tamis: Tamis) -> None:
    """The real command: no hang, no crash, every file accounted for."""
    root = tmp_path / "in"
    root.mkdir()
    packed = gzip.compress(GOOD * 50)
    contents = {
        "a-good.jsonl": GOOD,
        "array.json": b'[{"text": "a"}, {"text": "b"}]',
        "blank.jsonl": b"\n\n \n",
        "cut.jsonl.gz": packed[:-4],
        "deep.jsonl": b'{"text": %s}' % (b"[" * 10_000 + b"]" * 10_000),
        "empty.jsonl": b"",
        "empty.jsonl.gz": b"",
        "end.jsonl": GOOD + GOOD.strip(),
        "garbage.jsonl.gz": packed + b"<html>not found</html>",
        "html.jsonl.gz": b"<html>not found</html>",
        "mark.jsonl": b"\xef\xbb\xbf" + GOOD,
        "nul.jsonl": b'{"text": "a\0"}\n' + rb'{"text": "kept: \u0000"}',
        "picture.txt": b"\x89PNG\r\n\x1a\n\0",
        "page.parquet": b"<html>not found</html>",
        "surrogate.jsonl": rb'{"text": "\ud800"}',
        "utf16.jsonl": GOOD.decode().encode("utf-16"),
        "windows.jsonl": GOOD.replace(b"\n", b"\r\n") * 2,
    }
    for name, data in contents.items():
        (root / name).write_bytes(data)
    os.mkfifo(root / "pipe.jsonl")
    (root / "loop").symlink_to(".", target_is_directory=True)
    (root / "zero.jsonl").symlink_to("/dev/zero")
    said = tamis("ingest", root, "-o", "corpus", "--workers", 2).stderr
    assert "passed over 3 files of other kinds (3 no file)" in said
    errors = {
        (row["input"], row["place"]): row["reason"]
        for path in sorted((tmp_path / "corpus/errors").glob("*"))
        for row in pq.read_table(path).to_pylist()
    }
    assert errors == {
        ("array.json", "line 1"): "not_an_object",
        ("cut.jsonl.gz", "file"): "truncated_file",
        ("deep.jsonl", "line 1"): "invalid_json",
        ("garbage.jsonl.gz", "file"): "corrupt_file",
        ("html.jsonl.gz", "file"): "corrupt_file",
        ("nul.jsonl", "line 1"): "invalid_json",
        ("page.parquet", "file"): "corrupt_file",
        ("picture.txt", "file"): "invalid_utf8",
        ("surrogate.jsonl", "line 1"): "invalid_json",
        ("utf16.jsonl", "line 1"): "invalid_utf8",
        ("utf16.jsonl", "line 2"): "invalid_json",
    }
    counts = json.loads((tmp_path / "corpus/corpus.json").read_bytes())["counts"]
    assert counts["documents"] == 1 + 50 + 2 + 50 + 1 + 1 + 2
    assert counts["records"] == counts["documents"] + len(errors)


def test_a_footer_that_ends_the_process_is_an_error_row(tmp_path: Path, tamis: Tamis) -> None:
    """Arrow calls terminate() on some damaged footers: the worker dies, the ingest goes on."""
    table = pa.table({"text": [f"{n:x} " * 200 for n in range(9000)]})
    pq.write_table(table, tmp_path / "in.parquet", use_dictionary=False, compression="none")
    (tmp_path / "good.jsonl").write_bytes(GOOD)
    looked = subprocess.run(
        [sys.executable, "-c", FATAL, "in.parquet"], cwd=tmp_path, capture_output=True, text=True
    )
    if looked.returncode >= 0:
        pytest.skip("this version of Arrow survives every damaged footer that was tried")
    data = bytearray((tmp_path / "in.parquet").read_bytes())
    data[int(looked.stdout.split()[-1])] = 39
    (tmp_path / "in.parquet").write_bytes(data)
    said = tamis("ingest", "in.parquet", "good.jsonl", "-o", "corpus", "--workers", 2).stderr
    assert "SIGABRT" in said
    (error,) = pq.read_table(*(tmp_path / "corpus/errors").glob("*")).to_pylist()
    assert (error["input"], error["reason"], error["records"]) == (
        "in.parquet",
        "killed_worker",
        9000,
    )


def test_files_that_change_between_planning_and_reading(
    tmp_path: Path, read_in: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.jsonl").write_bytes(GOOD)
    table = pa.table({"text": ["x"] * 100})
    pq.write_table(table, tmp_path / "e.parquet")
    real = run.plan

    def meanwhile(*arguments: Any) -> Any:
        made = real(*arguments)
        (tmp_path / "a.jsonl").unlink()
        (tmp_path / "b.jsonl").write_bytes(GOOD * 2)
        (tmp_path / "c.jsonl").unlink()
        os.mkfifo(tmp_path / "c.jsonl")
        (tmp_path / "e.parquet").unlink()
        return made

    monkeypatch.setattr(run, "plan", meanwhile)
    found = read_in(tmp_path)
    assert found.texts == ["good"]
    assert [(name, reason) for name, _, reason, _ in found.errors] == [
        ("a.jsonl", "unreadable_file"),
        ("b.jsonl", "changed_file"),
        ("c.jsonl", "changed_file"),
        ("e.parquet", "unreadable_file"),
    ]


def test_two_hundred_thousand_errors(tmp_path: Path, read_in: Ingest) -> None:
    """A pretty-printed file, say: an error row a line, written as they come."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"  17,\n" * 200_000 + GOOD)
    found = read_in(path, shard_bytes=500_000)
    assert found.texts == ["good"]
    assert found.manifest["counts"]["errors"] == {"invalid_json": 200_000}
    places = [place for _, place, _, _ in found.errors]
    assert len(set(places)) == 200_000
    assert places[0] == "line 1" and places[-1] == f"byte {6 * 199_999}"


def test_an_archive_of_everything_that_is_large(tmp_path: Path) -> None:
    """Bombs, a header of 100 MB, a length of 10^15, records of a gigabyte: none of it is held."""
    zeros = [gzip.compress(bytes(10_000_000), 1)]
    bomb = warc(http(zeros[0] * 100, "Content-Encoding: gzip"))
    line = [gzip.compress(b"X: " + b"a" * 10_000_000, 1)]
    film, page = http(b"", kind="video/mp4"), http(b"<p>")
    begun = [gzip.compress(warc(one, length=len(one) + 4 + 10**9)) for one in (film, page)]
    parts = [members([good(), bomb, warc(b"x", length=10**15), good()])]
    parts += [gzip.compress(b"WARC/1.0\r\n"), *line * 10, members([good()])]
    for one in begun:
        parts += [one, *zeros * 100, members([good()])]
    (tmp_path / "in.warc.gz").write_bytes(b"".join(parts))
    taken, documents, errors = memory(tmp_path / "corpus", tmp_path / "in.warc.gz")
    assert len(documents) == 5
    assert [row["reason"] for row in errors] == [
        "too_long",
        "malformed_record",
        "malformed_record",
        "too_long",
    ]
    assert taken < 250, "MB: the limit of a document is 50 MB"
