"""Models that a run trains from reference text, and `tamis lm`."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import duckdb
import pytest
from support import SENTENCES, digests

RECIPE = """
[ingest]
set_aside = { reference = 0.3 }

[[stage]]
kind = "language"

[[stage]]
kind = "perplexity"
reference = ["corpus:reference"]
[stage.training]
tokens = "words"
order = 3
[stage.rules]
head_and_middle = { column = "perplexity_bucket", in = ["head", "middle"] }
"""


def written(path: Path, seed: int, documents: int, languages: list[str]) -> Path:
    """Documents of of twenty lines, 1.4 kB or so."""
    draw = random.Random(seed)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for n in range(documents):
            words = SENTENCES[languages[n % len(languages)]].split()
            text = "\n".join(" ".join(draw.choices(words, k=12)) + "." for _ in range(20))
            record = {"id": f"{path.name}-{n}", "text": text, "url": f"https://h{n}.example/"}
            file.write(json.dumps(record) + "\n")
    return path


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """1,600 pages, half of them German."""
    (tmp_path / "pp.toml").write_text(RECIPE)
    return written(tmp_path / "pages.jsonl.gz", 1, 1600, ["en", "de"])


def test_models_are_trained_from_what_was_set_aside(tmp_path: Path, here, pages: Path) -> None:
    """A model that had seen the documents it judges would find none surprising."""
    said = here("run", "pp.toml", pages, "-o", "c", "--set", "perplexity.languages=['en']").stderr
    assert "learning 'en'" in said and "'de'" not in said
    model = tmp_path / "c/assets/perplexity/en/lm.json"
    text = json.loads(model.read_bytes())["text"]
    trained = json.loads((tmp_path / "c/assets/perplexity/trained.json").read_bytes())
    assert trained["inputs"][0]["name"] == "reference/00000.parquet" and text["sentences"] > 1000
    query = f"""SELECT perplexity_language, perplexity_bucket, count(*)
        FROM '{tmp_path}/c/signals/perplexity/*.parquet' GROUP BY ALL ORDER BY ALL"""
    found = duckdb.sql(query).fetchall()
    assert [row[:2] for row in found] == [
        ("en", "head"),
        ("en", "middle"),
        ("en", "tail"),
        (None, None),
    ]
    assert found[0][2] / sum(row[2] for row in found[:3]) == pytest.approx(0.3, abs=0.01)
    ledger = json.loads((tmp_path / "c/ledger.json").read_bytes())["stages"][1]
    assert ledger["not_applicable"]["documents"] == found[3][2]
    before = digests(tmp_path / "c"), model.stat().st_mtime_ns
    again = here("run", "pp.toml", "-o", "c", "--set", "perplexity.languages=['en']").stderr
    assert "learning" not in again and before == (digests(tmp_path / "c"), model.stat().st_mtime_ns)
    here("write", "c", "-o", "all", "--without", "perplexity.head_and_middle")
    assert model.stat().st_mtime_ns == before[1], "an arm trains nothing again"


def test_files_of_good_text_named_in_the_call(tmp_path: Path, here, pages: Path) -> None:
    """Another text under the same name is another model, and its signals are measured anew."""
    written(tmp_path / "good.jsonl.gz", 2, 500, ["en"])
    here("ingest", pages, "-o", "c", "--recipe", "pp.toml")
    here("language", "c", "--recipe", "pp.toml")
    call = ("perplexity", "c", "--reference", "good.jsonl.gz", "--json")
    assert json.loads(here(*call).stdout)["evaluated"][0] > 0
    first = (tmp_path / "c/signals/perplexity/00000.parquet").read_bytes()
    assert "good.jsonl.gz" in (tmp_path / "c/recipe.toml").read_text()
    written(tmp_path / "good.jsonl.gz", 3, 500, ["en"])
    assert "learning" in here(*call).stderr
    assert first != (tmp_path / "c/signals/perplexity/00000.parquet").read_bytes()
    missing = here("perplexity", "c", "--reference", "gone.jsonl", expect=2).stderr
    assert "gone.jsonl" in missing


def test_too_little_text_is_said(tmp_path: Path, here) -> None:
    """A run over ten pages goes on without the stage's answer."""
    (tmp_path / "pp.toml").write_text(RECIPE)
    pages = written(tmp_path / "few.jsonl.gz", 1, 30, ["en"])
    said = here("run", "pp.toml", pages, "-o", "c").stderr
    assert "no model: 200 kB" in said
    kept = duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/c/cleaned/*.parquet'").fetchall()
    assert kept[0][0] > 0


def test_lm_train_info_and_score(tmp_path: Path, here) -> None:
    """The whole way by hand; an ARPA file for other tools lies beside it."""
    written(tmp_path / "good.jsonl.gz", 4, 300, ["en", "de"])
    (tmp_path / "two.jsonl").write_text(
        f'{{"id": "a", "text": "{SENTENCES["en"]}"}}\n{{"id": "b", "text": "  "}}\n'
    )
    made = here(
        "lm", "train", "good.jsonl.gz", "-o", "lm", "--order", 3, "--vocabulary", 150
    ).stdout
    assert "3-grams" in made
    facts = json.loads(here("lm", "info", "lm", "--json").stdout)
    assert facts["text"]["sources"][0]["name"].endswith("good.jsonl.gz")
    assert (tmp_path / "lm/lm.arpa").read_bytes().startswith(b"\\data\\\nngram 1=")
    scored = here("lm", "score", "lm", "two.jsonl", "--json").stdout.splitlines()
    first, second = (json.loads(line) for line in scored)
    assert first["perplexity"] > 1 and second == {"id": "b", "perplexity": None, "tokens": 0}


def test_wrong_calls_of_lm_are_answered(tmp_path: Path, here) -> None:
    """What, where, and what to do."""
    (tmp_path / "empty.jsonl").write_text('{"text": " "}\n')
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    for arguments, code, words in (
        (("train", "empty.jsonl", "-o", "lm"), 1, "no sentence"),
        (("train", "empty.jsonl", "-o", "full"), 2, "not empty"),
        (("train", "empty.jsonl", "-o", "lm", "--tokens", "letters"), 2, "--tokens"),
        (("train", "empty.jsonl", "-o", "lm", "--memory", "lots"), 2, "512M"),
        (("info", "full"), 2, "no language model"),
        (("score", "empty.jsonl", "empty.jsonl"), 2, "missing"),
    ):
        assert words in here("lm", *arguments, expect=code).stderr, arguments
    assert not (tmp_path / "lm").exists() and [p.name for p in (tmp_path / "full").iterdir()] == [
        "x"
    ]


def test_a_broken_model_is_said_before_any_document_is_judged(tmp_path: Path, here) -> None:
    """Else every document of its language would be an error, and rejected."""
    (tmp_path / "pp.toml").write_text(RECIPE)
    (tmp_path / "one.jsonl").write_text(f'{{"text": "{SENTENCES["en"]}"}}\n')
    (tmp_path / "en.arpa").write_text("\\data\\\n")
    (tmp_path / "en.sp.model").write_bytes(b"no model")
    call = ("run", "pp.toml", "one.jsonl", "-o", "c", "--set", 'perplexity.models={en="en.arpa"}')
    assert "SentencePiece" in here(*call, expect=1).stderr
    (tmp_path / "en.sp.model").unlink()
    assert "en.sp.model is missing" in here(*call, expect=2).stderr
