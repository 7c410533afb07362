"""Signals that are lists, such as one value for every line: in why, write and report."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
from backports import zstd
from support import command

COLUMNS = ("lengths", "places")


def said_by(text: str, column: str) -> Any:
    """What the document's own first line says, as precise as a float32."""
    found = json.loads(text.split("\n")[0]).get(column)
    return pytest.approx(found, rel=1e-6) if found is not None else None


@pytest.fixture(scope="module")
def written(marked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of both formats, kept and rejected."""
    out = tmp_path_factory.mktemp("written")
    for form in ("parquet", "jsonl.zst"):
        places = ["-o", out / form, "--rejected", out / f"{form}.rejected"]
        run = command("write", "corpus", "--format", form, *places)
        subprocess.run(run, cwd=marked, check=True, capture_output=True, timeout=120)
    return out


@pytest.mark.parametrize("side", ["", ".rejected"])
def test_lists_are_written_as_they_are(written: Path, side: str) -> None:
    """Both formats, nulls and empty lists included."""
    found = duckdb.sql(f"SELECT text, lengths, places FROM '{written}/parquet{side}/*.parquet'")
    rows = found.fetchall()
    for text, lengths, places in rows:
        assert (lengths, places) == (said_by(text, "lengths"), said_by(text, "places"))
    assert {lengths is None for _, lengths, _ in rows} == {True, False} and [] in [
        row[2] for row in rows
    ]
    lines = []
    for path in sorted((written / f"jsonl.zst{side}").glob("*.jsonl.zst")):
        lines += zstd.decompress(path.read_bytes()).decode().splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == len(rows)
    for record in records:
        for column in COLUMNS:
            assert record.get(column) == said_by(record["text"], column)


def test_lists_of_rows_that_came_alive_are_put_in_place(marked: Path, loosened: Path) -> None:
    """New values among old ones: a list in the row of another would be nobody's."""

    def measured(root: Path) -> list[Any]:
        return duckdb.sql(f"""SELECT d.text, s.again_lengths, s.again_places
            FROM '{root}/corpus/documents/*.parquet' d
            POSITIONAL JOIN '{root}/corpus/signals/again/*.parquet' s
            WHERE again_status = 1""").fetchall()

    before, after = measured(marked), measured(loosened)
    assert len(after) > len(before) > 0
    for text, lengths, places in after:
        assert (lengths, places) == (said_by(text, "lengths"), said_by(text, "places"))


def test_why_shows_the_beginning_of_a_list(here, marked: Path) -> None:
    """A page of a thousand lines must not push the rules off the screen."""
    query = f"""SELECT row_number() OVER () - 1 AS row, places
        FROM '{marked}/corpus/signals/marks/00000.parquet'"""
    long = duckdb.sql(f"SELECT row, places FROM ({query}) WHERE len(places) > 4 LIMIT 1")
    row, places = long.fetchall()[0]
    said = here(marked, "why", "corpus", f"00000:{row}").out
    assert f"[0, 1, 2, 3, ... ({len(places)} values)]" in said
    whole = json.loads(here(marked, "why", "corpus", f"00000:{row}", "--json").out)
    assert whole[0]["stages"][0]["signals"]["places"] == places
    short = duckdb.sql(f"SELECT row FROM ({query}) WHERE places = [0, 1] LIMIT 1").fetchall()
    assert "[0, 1]" in here(marked, "why", "corpus", f"00000:{short[0][0]}").out


def test_a_report_says_that_it_draws_no_lists(reported: dict[str, Any]) -> None:
    """What is missing from the page without a word is taken for what was never measured."""
    named = [one["column"] for one in reported["stages"][0]["not_drawn"]]
    assert named == ["lengths", "places"]


def test_a_rule_on_a_list_is_refused(here, marked: Path) -> None:
    """Told before any work, with the line, in place of a failure in a worker."""
    change = ["--set", 'marks.rules.places={column="places",in=["1"]}']
    said = here(marked, "report", "corpus", *change, "-o", "nowhere", expect=2).err
    assert "'places' holds list" in said
