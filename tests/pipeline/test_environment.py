"""What the machine does to a run: full disks, read-only places, two runs at once, wrong calls."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import digests


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_said_and_nothing_is_half_written(
    small_disk: Path, tamis, inputs: Path, recipe: Path, undisturbed: dict[str, str]
) -> None:
    """What is written before the disk is full must be good for the run after it."""
    corpus = small_disk / "corpus"
    filler = small_disk / "filler"
    filler.write_bytes(bytes(1_200_000))
    said = tamis("run", recipe, inputs, "-o", corpus, expect=1).stderr
    assert "the disk is full: free some space and run the same command again" in said
    assert [p.name for p in corpus.rglob("*.tmp")] == []
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    tamis("run", recipe, inputs, "-o", corpus)
    assert digests(corpus) == undisturbed


def test_a_read_only_place_is_said(small_disk: Path, here, inputs: Path) -> None:
    """An answer within a second, not a traceback at the first file."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said = here("ingest", inputs, "-o", small_disk / "corpus", expect=1).stderr
    assert "read-only" in said and "choose another directory" in said


def test_a_file_where_a_directory_should_be(tmp_path: Path, here, inputs: Path) -> None:
    """A typing mistake, not a crash."""
    (tmp_path / "corpus").write_text("not a directory")
    said = here("ingest", inputs, "-o", tmp_path / "corpus", expect=1).stderr
    assert "corpus" in said


def settled(corpus: Path) -> dict[str, str]:
    """The digests of the files that nobody is writing at this moment."""
    return {name: sha for name, sha in digests(corpus).items() if not name.endswith(".tmp")}


def test_two_runs_at_once(sleeping: subprocess.Popen[str], tmp_path: Path, here) -> None:
    """The second says who holds the corpus and leaves it alone."""
    before = settled(tmp_path / "asleep")
    for second in (["run", "sleepy.toml", "in.jsonl", "-o", "asleep"], ["write", "asleep"]):
        said = here(*second, expect=1).stderr
        assert f"in use by process {sleeping.pid} on " in said
    assert settled(tmp_path / "asleep") == before and sleeping.poll() is None


def test_an_output_directory_with_something_else_in_it(tmp_path: Path, here, sifted: Path) -> None:
    """A mistyped -o must never delete or mix with what a user keeps there."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "00000.parquet").write_text("precious")
    said = here("write", sifted / "corpus", "-o", tmp_path / "mine", expect=2).stderr
    assert "choose an empty directory" in said
    assert (tmp_path / "mine" / "00000.parquet").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["langage", "x"], "Did you mean 'language'"),
        (["run", "quickstrt", "x"], "did you mean 'quickstart'"),
        (["ingest", "nowhere.jsonl", "-o", "c"], "nowhere.jsonl: no such file or directory"),
        (["write", "nowhere"], "nowhere is not a corpus"),
        (["language", "nowhere"], "tamis ingest INPUT... -o nowhere"),
        (["why", "nowhere", "id"], "is not a corpus"),
        (["run", "quickstart"], "name inputs, such as installed:"),
        (["ingest", "s4://bucket/x.jsonl", "-o", "c"], "unknown protocol 's4'"),
        (["apply", "langauge", "x.jsonl", "-o", "d"], "did you mean 'language'"),
        (["ingest", "in.jsonl", "-o", "c", "--set-aside", "heldout"], "write SIDE=SHARE"),
        (["ingest", "in.jsonl", "-o", "c", "--set-aside", "held=0.1"], "'held' is not one of"),
        (["ingest", "in.jsonl", "-o", "c", "--encoding", "utf-9"], "unknown encoding"),
        (["ingest", "in.xlsx", "-o", "c"], "unknown kind of file"),
    ],
)
def test_wrong_calls_get_an_answer(arguments: list[str], said: str, tmp_path: Path, here) -> None:
    """Exit code 2, what was expected, the nearest valid name; never a traceback."""
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
    (tmp_path / "in.xlsx").write_text("text\nx\n")
    assert said in here(*arguments, expect=2).stderr


def test_why_knows_what_was_set_aside_and_what_never_was(here, sifted: Path) -> None:
    """`not found` is no answer for a document that ingest itself put elsewhere."""
    import duckdb

    found = duckdb.sql(f"SELECT id FROM '{sifted}/corpus/heldout/*.parquet' LIMIT 1").fetchall()
    said = here("why", sifted / "corpus", found[0][0], expect=2).stderr
    assert "was set aside by ingest" in said and "heldout" in said
    assert "no document 'nobody'" in here("why", sifted / "corpus", "nobody", expect=2).stderr


def test_why_by_place_and_terminal_escapes(tmp_path: Path, here) -> None:
    """Text from strangers must not command the terminal of whoever asks about it."""
    text = "harmless \x1b]0;owned\x07 words \x9b31m here"
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": "bad\x1bid", "text": text}))
    here(
        "run",
        "quickstart",
        tmp_path / "in.jsonl",
        "-o",
        tmp_path / "c",
        "--set",
        "ingest.set_aside={}",
    )
    shown = here("why", tmp_path / "c", "00000:0").stdout
    assert "\x1b" not in shown and "\x9b" not in shown and "\\x1b" in shown


def test_commands_one_after_the_other_without_naming_a_recipe(tmp_path: Path, here) -> None:
    """`ingest`, `language`, `write` is what a new user types first."""
    (tmp_path / "in.jsonl").write_text('{"text": "The rain fell on the old mill all night."}\n')
    here("ingest", tmp_path / "in.jsonl", "-o", tmp_path / "c")
    said = here("write", tmp_path / "c", "-o", tmp_path / "all").stderr
    assert "taking quickstart" in said
    assert "taking no part: language" in said and "tamis language" in said
    assert "taking" not in here("language", tmp_path / "c").stderr
    assert "taking" not in here("perplexity", tmp_path / "c").stderr
    assert "taking" not in here("dedup", tmp_path / "c").stderr
    assert "taking" not in here("heuristics", tmp_path / "c").stderr
    assert "taking" not in here("write", tmp_path / "c").stderr
    assert here("--version").stdout.startswith("tamis ")
