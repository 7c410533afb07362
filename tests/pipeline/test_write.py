"""`write`, `apply`, arms and the card: what leaves the corpus."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml
from backports import zstd
from support import SENTENCES, digests

from tamis.pipeline.card import size_category


def rows(query: str) -> list[tuple]:
    return duckdb.sql(query).fetchall()


@pytest.fixture
def pages(tmp_path: Path) -> list[Path]:
    """Three files of ten pages in different languages and containers."""
    paths = []
    for name, languages in (("a", ("en", "de")), ("b", ("fr", "en")), ("c", ("es",))):
        path = tmp_path / f"{name}.jsonl.gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            for n in range(10):
                language = languages[n % len(languages)]
                row = {"id": f"{name}{n}", "text": f"{SENTENCES[language]}. {n}", "lang": language}
                file.write(json.dumps(row) + "\n")
        paths.append(path)
    return paths


def test_cleaned_shards_carry_text_meta_and_signals(sifted: Path) -> None:
    """A shard that lost a column is found out when the training run is over."""
    schema = pq.read_schema(next((sifted / "corpus/cleaned").glob("*.parquet")))
    assert schema.names[:6] == ["id", "text", "source", "url", "date", "meta"]
    assert {"language", "language_score", "again", "again_score"} < set(schema.names)
    corpus = sifted / "corpus"
    lost = rows(
        f"""SELECT count(*) FROM '{corpus}/cleaned/*.parquet' c
            ANTI JOIN '{corpus}/documents/*.parquet' d ON c.id = d.id AND c.text = d.text
            AND c.meta IS NOT DISTINCT FROM d.meta"""
    )
    assert lost == [(0,)]
    bad = f"SELECT count(*) FROM '{corpus}/cleaned/*.parquet' WHERE language_score < 0.5"
    assert rows(bad) == [(0,)]


def test_jsonl_zst_holds_the_same_documents(tmp_path: Path, here, sifted: Path) -> None:
    """Two formats, one answer."""
    here("write", sifted / "corpus", "-o", tmp_path / "out", "--format", "jsonl.zst")
    found = {}
    for path in sorted((tmp_path / "out").glob("*.jsonl.zst")):
        for line in zstd.decompress(path.read_bytes()).decode().splitlines():
            row = json.loads(line)
            found[row["id"]] = (row["text"], row.get("meta"))
    expected = {
        identifier: (text, json.loads(meta) if meta else None)
        for identifier, text, meta in rows(
            f"SELECT id, text, meta FROM '{sifted}/corpus/cleaned/*.parquet'"
        )
    }
    assert found == expected


def test_the_card_is_one_the_hub_reads(sifted: Path) -> None:
    """Front matter that does not parse makes the hub show an error in place of a dataset."""
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(sifted / "corpus/cleaned/README.md")
    front = yaml.safe_load((sifted / "corpus/cleaned/README.md").read_text().split("---")[1])
    assert card.data.to_dict()["configs"][0]["data_files"][0]["path"] == "*.parquet"
    assert set(front["language"]) <= {"en", "de", "fr"} and front["language"]
    assert front["size_categories"] == ["1K<n<10K"]
    assert "language.wanted" in card.text


@pytest.mark.parametrize(
    ("documents", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**7, "10M<n<100M"), (10**13, "n>1T")],
)
def test_size_categories_are_the_hubs(documents: int, category: str) -> None:
    """The hub refuses a card with a size it does not know."""
    assert size_category(documents) == category


def test_without_a_rule_is_what_the_recipe_without_it_gives(
    tmp_path: Path, here, sifted: Path, inputs: Path, recipe: Path
) -> None:
    """An arm that differs from the recipe it stands for measures something else."""
    before = digests(sifted / "corpus")
    here("write", sifted / "corpus", "--without", "language.wanted", "-o", tmp_path / "arm")
    text = recipe.read_text().replace(
        'wanted = { column = "language", in = ["en", "de", "fr"] }', ""
    )
    (tmp_path / "laws.toml").write_text(text)
    here("run", tmp_path / "laws.toml", inputs, "-o", tmp_path / "whole")
    arm = {p.name: p.read_bytes() for p in (tmp_path / "arm").glob("*.parquet")}
    whole = {p.name: p.read_bytes() for p in (tmp_path / "whole/cleaned").glob("*.parquet")}
    assert arm == whole and arm
    assert digests(sifted / "corpus") == before


def test_without_a_stage(tmp_path: Path, here, sifted: Path) -> None:
    """Leaving a stage out brings its rejects to life for the stages after it."""
    done = here("write", sifted / "corpus", "--without", "again", "-o", tmp_path / "arm", "--json")
    ledger = json.loads(done.stdout)
    assert [s["name"] for s in ledger["stages"]] == ["noop", "language"]
    whole = json.loads((sifted / "corpus/ledger.json").read_text())
    assert ledger["kept"]["documents"] > whole["kept"]["documents"]
    here("write", sifted / "corpus", "--without", "again", expect=2)
    here("write", sifted / "corpus", "--without", "agian", "-o", tmp_path / "x", expect=2)


def test_apply_gives_a_file_for_every_file(tmp_path: Path, here, pages: list[Path]) -> None:
    """Plain shards in, plain shards out, under the names they came with."""
    out, rejected = tmp_path / "out", tmp_path / "rejected"
    here("apply", "language", *pages, "-o", out, "--rejected", rejected)
    assert sorted(p.name for p in out.glob("*.parquet")) == ["a.parquet", "b.parquet", "c.parquet"]
    assert {i[0] for i in rows(f"SELECT id FROM '{out}/a.parquet'")} == {
        f"a{n}" for n in (0, 2, 4, 6, 8)
    }
    assert rows(f"SELECT count(*) FROM '{out}/c.parquet'") == [(0,)]
    assert rows(f"SELECT count(*), min(reasons[1]) FROM '{rejected}/c.parquet'") == [
        (10, "language.english")
    ]
    assert [p.name for p in out.iterdir() if p.name.startswith(".")] == []
    again = {p.name: p.read_bytes() for p in out.iterdir()}
    here("apply", "language", *pages, "-o", out, "--rejected", rejected)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == again


def english(folder: Path) -> Path:
    """A recipe that keeps what is English, however short."""
    path = folder / "english.toml"
    rule = 'english = { column = "language", in = ["en"] }'
    path.write_text(f'[[stage]]\nkind = "language"\n[stage.rules]\n{rule}\n')
    return path


def test_write_again_after_the_rules_changed(tmp_path: Path, here, pages: list[Path]) -> None:
    """What an earlier recipe wrote must not stay behind among the new shards."""
    corpus = tmp_path / "corpus"
    here("run", english(tmp_path), *pages, "-o", corpus)
    assert rows(f"SELECT count(*) FROM '{corpus}/cleaned/*.parquet'") == [(10,)]
    here("write", corpus, "--set", 'language.rules.english.in=["en", "fr"]')
    assert rows(f"SELECT count(*) FROM '{corpus}/cleaned/*.parquet'") == [(15,)]
    here("write", corpus, "--format", "jsonl.zst")
    assert list((corpus / "cleaned").glob("*.parquet")) == []


def test_signals_read_well_in_duckdb(sifted: Path) -> None:
    """The corpus is open data: no tamis is needed to ask it questions."""
    found = rows(
        f"""SELECT language, count(*) AS n FROM '{sifted}/corpus/signals/language/*.parquet'
            WHERE language_status = 1 GROUP BY ALL ORDER BY n DESC"""
    )
    assert {language for language, _ in found} >= {"en", "de", "fr", "es", "ja"}


def test_shards_of_another_corpus_are_never_taken_for_ours(
    tmp_path: Path, here, pages: list[Path]
) -> None:
    """The same names and sizes, other documents: what is written last is what is there."""
    recipe = english(tmp_path)
    for name in ("one", "two"):
        text = f"The {name} who came to the mill was welcome to bread and to a story"
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"id": "x", "text": text}))
        here("run", recipe, tmp_path / f"{name}.jsonl", "-o", tmp_path / name)
    for name in ("one", "two", "one"):
        here("write", tmp_path / name, "-o", tmp_path / "out")
        assert name in rows(f"SELECT text FROM '{tmp_path}/out/*.parquet'")[0][0]


def test_an_input_that_was_rewritten_is_noticed(tmp_path: Path, here) -> None:
    """Documents of the old bytes under the new file's name."""
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "one"}\n')
    here("ingest", source, "-o", tmp_path / "c")
    source.write_text('{"text": "one"}\n')
    assert "nothing to do" in here("ingest", source, "-o", tmp_path / "c").stderr
    source.write_text('{"text": "two"}\n')
    said = here("ingest", source, "-o", tmp_path / "c", expect=2).stderr
    assert "in.jsonl changed" in said
