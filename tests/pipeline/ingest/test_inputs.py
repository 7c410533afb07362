"""Files, directories and globs: which inputs they are, what they are called, what is left out."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tamis.pipeline.errors import CallError
from tamis.pipeline.ingest.inputs import Expansion, Input, expand
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.urls import Named

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Makes files in the current directory, an empty one."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        return tmp_path

    return make


def found(*arguments: object, corpus: Path | None = None) -> Expansion:
    return expand([str(argument) for argument in arguments], list, corpus)


def names(*arguments: object) -> list[str]:
    return [one.name for one in found(*arguments).inputs]


def test_kinds_by_their_endings(put: Put) -> None:
    put("a.jsonl", "b.ndjson.gz", "C.JSON.ZST", "d.txt.bz2", "e.md.xz", "f.parquet", "g.v2.jsonl")
    assert {one.name: (one.format, one.compression) for one in found(".").inputs} == {
        "C.JSON.ZST": ("jsonl", "zst"),
        "a.jsonl": ("jsonl", ""),
        "b.ndjson.gz": ("jsonl", "gz"),
        "d.txt.bz2": ("text", "bz2"),
        "e.md.xz": ("text", "xz"),
        "f.parquet": ("parquet", ""),
        "g.v2.jsonl": ("jsonl", ""),
    }


def test_a_directory_is_read_in_the_order_of_its_paths(put: Put) -> None:
    put("d/b.md", "d/a/z.md", "d/a/b/c.md", "d/c.md", "d/a.md")
    assert names("d") == ["a/b/c.md", "a/z.md", "a.md", "b.md", "c.md"]
    assert names("d/") == names(Path("d").absolute()) == names("d")
    assert all(Path(one.path).is_absolute() for one in found("d").inputs)


def test_what_is_passed_over_is_counted(put: Put) -> None:
    put(
        "d/a.md",
        "d/b.xlsx",
        "d/c.xlsx",
        "d/e.parquet.gz",
        "d/Makefile",
        "d/.hidden.md",
        "d/.git/x.md",
    )
    os.mkfifo("d/pipe.jsonl")
    Path("d/loop.jsonl").symlink_to("loop.jsonl")
    Path("d/gone.jsonl").symlink_to("nowhere")
    Path("d/up").symlink_to("..", target_is_directory=True)
    Path("d/zero.txt").symlink_to("/dev/zero")
    one = found("d")
    assert [source.name for source in one.inputs] == ["a.md"]
    assert one.skipped == {
        ".xlsx": 2,
        ".parquet.gz": 1,
        "no ending": 1,
        "hidden": 2,
        "no file": 5,
    }


def test_links_to_files_are_files(put: Put) -> None:
    put("far/a.md", "d/b.md")
    Path("d/a.md").symlink_to("../far/a.md")
    assert names("d") == ["a.md", "b.md"]


def test_a_file_named_twice_is_read_once(put: Put) -> None:
    put("d/a.md", "d/b.md")
    Path("d/same.md").symlink_to("a.md")
    one = found("d", "d/a.md", "d/*.md", Path("d/b.md").absolute())
    assert [source.name for source in one.inputs] == ["a.md", "b.md"]
    assert one.repeated == 1 + 1 + 3 + 1


def test_names_stay_apart(put: Put) -> None:
    put("x/a.md", "y/a.md", "a.md")
    assert names("x", "y", "a.md") == ["a.md", "a.md#2", "a.md#3"]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("d/*.md", ["a.md"]),
        ("d/**/*.md", ["a.md", "e/b.md", "e/f/c.md"]),
        ("d/**", ["a.md", "e/b.md", "e/f/c.md"]),
        ("d/e/[bc].md", ["b.md"]),
        ("d/?.md", ["a.md"]),
        ("./d/*/*.md", ["e/b.md"]),
        ("d/../d/*.md", ["a.md"]),
    ],
)
def test_globs(put: Put, pattern: str, wanted: list[str]) -> None:
    put("d/a.md", "d/e/b.md", "d/e/f/c.md", "d/x.xlsx")
    assert names(pattern) == wanted
    assert names(Path.cwd() / pattern) == wanted


def test_a_name_with_brackets_is_a_name(put: Put) -> None:
    put("a[1].md", "a1.md", "d[x]/b.md")
    assert names("a[1].md") == ["a[1].md"]
    assert names("d[x]") == ["b.md"]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("nowhere", "nowhere: no such file or directory"),
        ("empty", "empty: nothing to read there; known endings: .jsonl"),
        ("others", "others: nothing to read there (passed over: 2 .xlsx, 1 .png); known endings"),
        ("others/a.xlsx", "others/a.xlsx: unknown kind of file; known endings: .jsonl, .ndjson"),
        ("others/*.md", "others/*.md: nothing to read there"),
        ("others/a**b", "others/a**b: "),
        ("pipe", "pipe: neither a file nor a directory"),
        ("s3://bucket/x.jsonl", "s3://bucket/x.jsonl: no such file"),
        ("\udcff.md", "'\\udcff.md': the name is not UTF-8"),
    ],
)
def test_arguments_that_stand_for_nothing(put: Put, argument: str, said: str) -> None:
    put("others/a.xlsx", "others/b.xlsx", "others/c.png")
    Path("empty").mkdir()
    os.mkfifo("pipe")
    with pytest.raises(CallError, match="^" + re.escape(said)):
        found(argument)


def test_names_that_are_not_utf8_are_passed_over(put: Put) -> None:
    put("d/a.md")
    Path(os.fsdecode(b"d/\xff.md")).write_text("x")
    one = found("d")
    assert [source.name for source in one.inputs] == ["a.md"]
    assert one.skipped == {"name not UTF-8": 1}


def test_the_corpus_is_no_input_of_itself(put: Put) -> None:
    root = put("a.md", "corpus/records/plan.json", "corpus/documents/00000.parquet")
    assert [one.name for one in found(".", corpus=root / "corpus").inputs] == ["a.md"]
    with pytest.raises(CallError, match="nothing to read"):
        found("corpus", corpus=root / "corpus")


def test_installed_inputs_may_share_a_file(put: Put) -> None:
    root = put("METADATA")
    twice = [Input(n, str(root / "METADATA"), 8, "description", "", None, n) for n in ("a", "b")]
    assert [one.name for one in expand(["installed:"], lambda: twice).inputs] == ["a", "b"]


def test_a_format_that_is_named_is_that_of_every_file(put: Put, tmp_path: Path) -> None:
    """Names lie and are lost; then the first bytes say how a file is compressed."""
    put("a.bin", "b.jsonl.gz", "c")
    (tmp_path / "d.bad").write_bytes(gzip.compress(b"x"))
    (tmp_path / "e").write_bytes(b"")
    forced = expand(["."], list, named=Named(IngestOptions(format="warc"))).inputs
    assert [(one.name, one.format, one.compression) for one in forced] == [
        ("a.bin", "warc", ""),
        ("b.jsonl.gz", "warc", ""),
        ("c", "warc", ""),
        ("d.bad", "warc", "gz"),
        ("e", "warc", ""),
    ]
    with pytest.raises(CallError, match="unknown format 'wrac': did you mean 'warc'"):
        expand(["."], list, named=Named(IngestOptions(format="wrac")))
