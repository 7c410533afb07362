"""Law 1: ingested = kept + rejected + errors + set aside; every rejected row has its reasons."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest


def test_every_record_is_accounted_for(sifted: Path) -> None:
    """A record that is in no column of the ledger is a record that silently vanished."""
    corpus, rejected = sifted / "corpus", sifted / "rejected"
    ledger = json.loads((corpus / "ledger.json").read_text())
    lines = 2500 + 7 + 1200 + 1 + 1  # web, its broken lines, more, story.md, binary.txt
    whole_lines = (
        ledger["ingested"]["documents"] - lines
    )  # of cut.jsonl.gz, its last one unfinished
    assert 0 < whole_lines < 2507
    aside = sum(side["documents"] for side in ledger["set_aside"].values())
    parts = ledger["kept"]["documents"], ledger["rejected"]["documents"]
    assert sum(parts) + ledger["errors"]["documents"] + aside == ledger["ingested"]["documents"]

    def count(pattern: Path, what: str = "count(*)") -> int:
        return duckdb.sql(f"SELECT {what} FROM '{pattern}'").fetchall()[0][0]

    assert count(corpus / "cleaned/*.parquet") == ledger["kept"]["documents"]
    assert count(rejected / "*.parquet") == ledger["rejected"]["documents"]
    assert count(corpus / "errors/*.parquet", "sum(records)") == ledger["errors"]["documents"]
    assert count(rejected / "*.parquet", "min(len(reasons))") >= 1
    for side, amount in ledger["set_aside"].items():
        assert amount["documents"] == count(corpus / side / "*.parquet") > 0
        assert amount["bytes"] == count(
            corpus / side / "*.parquet", "sum(octet_length(encode(text)))"
        )
    for stage in ledger["stages"]:
        assert stage["rejected"]["documents"] <= stage["entered"]["documents"]
        alone = sum(rule["alone"]["documents"] for rule in stage["rules"].values())
        assert alone <= stage["rejected"]["documents"]


def test_a_document_is_in_one_place_only(sifted: Path) -> None:
    """A host both trained on and held out makes every later measurement a lie."""
    corpus = sifted / "corpus"
    host = "regexp_extract(url, '//([^/]+)', 1)"
    shared = duckdb.sql(
        f"""SELECT {host} FROM '{corpus}/documents/*.parquet' INTERSECT
            SELECT {host} FROM read_parquet(['{corpus}/heldout/*.parquet',
                                             '{corpus}/reference/*.parquet'])"""
    ).fetchall()
    assert [row for row in shared if row[0]] == []


@pytest.mark.parametrize("name", ["kept", "rejected"])
def test_why_agrees_with_what_was_written(name: str, here, sifted: Path) -> None:
    """An explanation that contradicts the shards is worse than none."""
    corpus = sifted / "corpus"
    reasons = "reasons" if name == "rejected" else "[]"
    rows = duckdb.sql(
        f"SELECT id, {reasons}, language_score FROM '{sifted / name}/*.parquet' ORDER BY id LIMIT 3"
    ).fetchall()
    for identifier, expected, score in rows:
        found = json.loads(here("why", corpus, identifier, "--json").stdout)
        assert any(
            document["reasons"] == expected and document["kept"] == (name == "kept")
            for document in found
        )
        signals = found[0]["stages"][1]["signals"]
        assert signals["language_score"] == pytest.approx(score)
