"""Buckets: a column filled by quantiles of the documents alive, each group by its own."""

from __future__ import annotations

import json
import math
import shutil
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest
from support import SENTENCES, execute, once

STAGE = """
from dataclasses import dataclass
from typing import ClassVar
import pyarrow as pa
import pyarrow.compute as pc
from tamis.filters.buckets import Buckets

@dataclass(frozen=True)
class Size:
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text", "language")
    gives: ClassVar[pa.Schema] = pa.schema(
        [("size", pa.float32()), ("size_class", pa.string()), ("size_of", pa.string())]
    )
    buckets: ClassVar[Buckets] = Buckets(
        "size_class", "size", "size_of", (0.3, 0.6), ("small", "middling", "large")
    )

    def measure(self, batch):
        size = pc.cast(pc.utf8_length(batch.column("text")), pa.float32())
        of = batch.column("language")
        none = pa.nulls(batch.num_rows, pa.string())
        return pa.record_batch([size, none, of], schema=self.gives)
"""
RECIPE = """
[[stage]]
kind = "language"
[stage.rules]
wanted = { column = "language", in = ["en", "de", "fr"] }

[[stage]]
kind = "sizes:Size"
[stage.rules]
fitting = { column = "size_class", in = ["small", "middling"] }

[[stage]]
kind = "noop"
only = { size_class = ["small"] }
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a run over 400 texts of four languages, of different lengths."""
    return once(tmp_path_factory, "sizes", _make)


def _make(root: Path) -> None:
    (root / "sizes.py").write_text(STAGE)
    (root / "sizes.toml").write_text(RECIPE)
    languages = ["en", "de", "fr", "es"]
    with (root / "in.jsonl").open("w", encoding="utf-8") as file:
        for n in range(400):
            text = ". ".join([SENTENCES[languages[n % 4]]] * (1 + n * 7 % 31)) + f" {n}"
            file.write(json.dumps({"id": f"{n}", "text": text}) + "\n")
    small = ("--set", "ingest.shard_bytes=100000")
    execute("run", "sizes.toml", "in.jsonl", "-o", "corpus", *small, cwd=root)


@pytest.fixture
def corpus(tmp_path: Path, made: Path) -> Path:
    """A copy of that corpus, and of the recipe beside it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "corpus"


def classes(corpus: Path) -> list[tuple[str, float, str | None, str]]:
    """Language, length, class and id of every document that was measured."""
    query = f"""SELECT size_of, size, size_class, id
        FROM '{corpus}/documents/*.parquet' POSITIONAL JOIN '{corpus}/signals/size/*.parquet'
        WHERE size_status = 1 ORDER BY size_of, size, id"""
    return duckdb.sql(query).fetchall()


def expected(rows: list[tuple[str, float, str | None, str]]) -> dict[str, str]:
    """The class of every id, by sorting."""
    sizes = defaultdict(list)
    for language, size, _, _ in rows:
        sizes[language].append(size)
    found = {}
    for language, size, _, name in rows:
        ordered = sizes[language]
        cuts = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.3, 0.6)]
        found[name] = ["small", "middling", "large"][sum(size > cut for cut in cuts)]
    return found


def test_every_group_is_cut_at_its_own_quantiles(corpus: Path) -> None:
    """One cut for all languages would keep those that are written short."""
    rows = classes(corpus)
    assert {row[0] for row in rows} == {"en", "de", "fr"}
    assert {row[3]: row[2] for row in rows} == expected(rows)
    stage = json.loads((corpus / "signals/size/stage.json").read_bytes())
    assert set(stage["buckets"]) == {"en", "de", "fr"}
    assert len(duckdb.sql(f"FROM '{corpus}/cleaned/*.parquet'").fetchall()) == sum(
        name in ("small", "middling") for name in expected(rows).values()
    )


def test_a_stage_may_be_for_one_bucket_only(corpus: Path) -> None:
    """What is chosen by a bucket is measured anew when the buckets are."""
    small = {name for name, found in expected(classes(corpus)).items() if found == "small"}
    query = f"""SELECT id FROM '{corpus}/documents/*.parquet'
        POSITIONAL JOIN '{corpus}/signals/noop/*.parquet' WHERE noop_status = 1"""
    assert {row[0] for row in duckdb.sql(query).fetchall()} == small


def test_other_documents_alive_mean_other_buckets(corpus: Path, here) -> None:
    """Buckets of documents that another rule has rejected since would be stale."""
    before = classes(corpus)
    change = ["--set", "language.rules.wanted.in=['en', 'de']"]
    stale = here("status", "corpus", "--recipe", "sizes.toml", *change).stdout
    assert "documents alive" in next(line for line in stale.splitlines() if "size" in line)
    here("run", "sizes.toml", "-o", "corpus", *change)
    kept = duckdb.sql(f"SELECT DISTINCT language FROM '{corpus}/cleaned/*.parquet'").fetchall()
    assert sorted(kept) == [("de",), ("en",)]
    now = [row for row in classes(corpus) if row[0] != "fr"]
    assert now == [row for row in before if row[0] != "fr"], "each language stands for itself"
    done = here("status", "corpus").stdout
    assert done.count("done") == 5, done
