"""The engine: workers that die, rows that kill, stages that raise."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from support import digests

STAGE = """
import os, signal, time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import pyarrow as pa
import pyarrow.compute as pc

@dataclass(frozen=True)
class Touchy:
    '''Counts characters; `poison` kills it, `once` kills it the first time, `error` raises.'''
    flag: str = ""
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("touchy", pa.int32())])

    def measure(self, batch):
        for text in batch.column("text").to_pylist():
            if "poison" in text:
                os.kill(os.getpid(), signal.SIGKILL)
            if "once" in text and not Path(self.flag).exists():
                Path(self.flag).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if "error" in text:
                raise ValueError(f"cannot digest {object()}")
        return pa.record_batch([pc.utf8_length(batch.column("text"))], schema=self.gives)
"""

RECIPE = '[[stage]]\nkind = "touchy_stage:Touchy"\nflag = "{flag}"\n'


@pytest.fixture
def sift(tmp_path: Path, tamis):
    """Runs the touchy stage over texts; gives the corpus and what was said."""
    (tmp_path / "touchy_stage.py").write_text(STAGE)
    (tmp_path / "touchy.toml").write_text(RECIPE.format(flag=tmp_path / "flag"))

    def run(texts: list[str], name: str = "corpus", expect: int = 0) -> tuple[Path, str]:
        lines = [json.dumps({"id": f"d{n}", "text": text}) for n, text in enumerate(texts)]
        (tmp_path / "in.jsonl").write_text("\n".join(lines))
        arguments = ("run", tmp_path / "touchy.toml", tmp_path / "in.jsonl", "-o", tmp_path / name)
        return tmp_path / name, tamis(*arguments, expect=expect).stderr

    return run


def rows(corpus: Path) -> dict[str, tuple[int, str | None]]:
    """Status and error of every row of the stage, by id."""
    found = duckdb.sql(
        f"""SELECT id, touchy_status, touchy_error
            FROM (SELECT *, row_number() OVER () AS n FROM '{corpus}/documents/*.parquet')
            POSITIONAL JOIN '{corpus}/signals/touchy/*.parquet'"""
    ).fetchall()
    return {identifier: (status, error) for identifier, status, error in found}


def test_a_worker_killed_from_outside_is_started_again(sift) -> None:
    """A pool that waits for a dead worker hangs a cluster job until its time is up."""
    texts = [f"text {n}" for n in range(50)]
    corpus, said = sift([*texts, "once"])
    assert "SIGKILL" in said and "starting it again" in said
    assert {status for status, _ in rows(corpus).values()} == {1}
    quiet, _ = sift([*texts, "once"], "quiet")  # the flag is there now: nothing dies
    assert digests(corpus) == digests(quiet)


def test_a_row_that_kills_its_worker_twice_is_an_error(sift) -> None:
    """One bad document must cost itself, not its shard, and not the run."""
    texts = [f"text {n}" for n in range(40)]
    texts[7], texts[23] = "poison", "more poison"
    corpus, said = sift(texts)
    found = rows(corpus)
    assert {name for name, (status, _) in found.items() if status == 3} == {"d7", "d23"}
    assert found["d7"][1] == "killed its worker twice"
    ledger = json.loads((corpus / "ledger.json").read_text())
    assert ledger["stages"][0]["rules"]["error"]["documents"] == 2
    assert ledger["kept"]["documents"] == 38
    assert said.count("the row is an error") == 2


def test_a_stage_that_kills_on_every_row_is_given_up(sift) -> None:
    """Condemning a whole corpus row by row would take for ever and keep nothing."""
    _, said = sift(["poison"] * 60, expect=1)
    assert "kills its workers" in said


def test_a_row_that_raises_is_an_error_and_says_why(sift) -> None:
    """The message has no memory address: the same run must write the same bytes."""
    corpus, _ = sift(["fine", "error", "fine too"])
    assert rows(corpus)["d1"] == (3, "ValueError: cannot digest <object object at 0x>")
    assert rows(corpus)["d0"] == rows(corpus)["d2"] == (1, None)


def test_a_stage_that_raises_on_every_row_fails(sift) -> None:
    """A broken stage must not turn a corpus into rejects."""
    _, said = sift(["error", "error again"], expect=1)
    assert "failed on every one of 2 rows" in said and "ValueError" in said
