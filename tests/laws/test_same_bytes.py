"""Law 2: same input, same bytes, whatever the number of workers and the order things end in."""

from __future__ import annotations

import json
import random
from pathlib import Path

import duckdb
from support import digests, record


def test_any_number_of_workers(
    tamis, tmp_path: Path, inputs: Path, recipe: Path, undisturbed: dict[str, str]
) -> None:
    """A corpus that depends on how many cores made it can never be made again."""
    tamis("run", recipe, inputs, "-o", tmp_path / "corpus", "--workers", 2)
    assert digests(tmp_path / "corpus") == undisturbed


def test_any_number_of_workers_with_models(
    tamis,
    tmp_path: Path,
    inputs: Path,
    with_models: Path,
    undisturbed_with_models: dict[str, str],
) -> None:
    """What is trained and its buckets come of every shard; two workers are in the law of kills."""
    tamis("run", with_models, inputs, "-o", tmp_path / "corpus", "--workers", 5)
    assert digests(tmp_path / "corpus") == undisturbed_with_models


def test_stage_by_stage_is_the_same_as_run(
    here,
    tmp_path: Path,
    inputs: Path,
    with_models: Path,
    undisturbed_with_models: dict[str, str],
) -> None:
    """`run` is a convenience: its answer is that of the commands one after the other."""
    corpus = tmp_path / "corpus"
    here("ingest", inputs, "-o", corpus, "--recipe", with_models)
    for stage in ("noop", "language", "perplexity", "again"):
        here("stage", stage, corpus)
    here("write", corpus)
    assert digests(corpus) == undisturbed_with_models


def test_earlier_recipes_leave_no_trace(
    here,
    tmp_path: Path,
    inputs: Path,
    with_models: Path,
    undisturbed_with_models: dict[str, str],
) -> None:
    """Rows that a looser recipe measured must not change what a stricter one answers."""
    corpus = tmp_path / "corpus"
    loose = ["--set", "language.rules.confident.min=0", "--set", 'language.rules.wanted.in=["ja"]']
    here("run", with_models, inputs, "-o", corpus, *loose)
    here("run", with_models, inputs, "-o", corpus)
    found, expected = digests(corpus), undisturbed_with_models
    different = {path for path in expected if found[path] != expected[path]}
    # Signals keep what was measured of rows that are dead now; the answer does not.
    assert all(path.startswith(("signals/perplexity/0", "signals/again/0")) for path in different)
    assert found.keys() == expected.keys()


def written(path: Path, records: int) -> Path:
    """A file of so many records."""
    draw = random.Random(3)
    rows = [json.dumps(record(draw, number)) + "\n" for number in range(records)]
    path.write_text("".join(rows), encoding="utf-8")
    return path


def test_looser_rules_measure_just_the_rows_that_came_alive(here, tmp_path: Path) -> None:
    """What is strict first and loose afterwards ends where loose alone does, byte for byte."""
    source = written(tmp_path / "in.jsonl", 800)
    stages = '[[stage]]\nkind = "language"\n[stage.rules]\n'
    stages += 'sure = {column = "language_score", min = %s}\n'
    stages += '[[stage]]\nkind = "language"\nname = "again"\n'
    for name, bound in (("strict", "0.9"), ("loose", "0.3")):
        (tmp_path / f"{name}.toml").write_text('name = "r"\n' + stages % bound)

    def measured() -> int:
        query = (
            f"SELECT count(*) FROM '{tmp_path}/a/signals/again/*.parquet' WHERE again_status = 1"
        )
        return duckdb.sql(query).fetchall()[0][0]

    here("run", tmp_path / "strict.toml", source, "-o", tmp_path / "a")
    before = json.loads((tmp_path / "a/ledger.json").read_text())["stages"][1]["entered"]
    measured_first = measured()
    here("run", tmp_path / "loose.toml", source, "-o", tmp_path / "a")
    here("run", tmp_path / "loose.toml", source, "-o", tmp_path / "b")
    after = json.loads((tmp_path / "a/ledger.json").read_text())["stages"][1]["entered"]
    assert before["documents"] < after["documents"]
    assert measured_first == before["documents"] and measured() == after["documents"]
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_stages_that_edit_text_by_kernels(tamis, here, tmp_path: Path) -> None:
    """Kernels keep their arrays from document to document: nothing of one may reach another."""
    source = written(tmp_path / "in.jsonl", 900)
    (tmp_path / "r.toml").write_text(
        "[ingest]\nshard_bytes = 700000\n"
        '[[stage]]\nkind = "heuristics"\n'
        "[stage.rules]\nwords = { column = 'gopher_words', min = 20 }\n"
        '[[stage]]\nkind = "c4"\nmin_words = 2\nneed_end_mark = false\n'
        '[[stage]]\nkind = "refinedweb"\n'
        '[[stage]]\nkind = "heuristics"\nname = "second"\nsets = ["fineweb"]\n'
    )
    tamis("run", "r.toml", source, "-o", "by-3", "--workers", 3)
    here("run", "r.toml", source, "-o", "by-1")  # in this process, where all shards meet
    assert len(list((tmp_path / "by-1/documents").iterdir())) >= 3
    assert digests(tmp_path / "by-3") == digests(tmp_path / "by-1")
