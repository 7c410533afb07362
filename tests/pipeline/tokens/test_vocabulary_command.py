"""tamis vocabulary: folders that are the same every time, fertility, and what cannot be learnt."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from support import digests, prose

from tamis.pipeline import recipe as recipes
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import WorkError
from tamis.pipeline.sift import Sift
from tamis.pipeline.tokens import fertility
from tamis.pipeline.tokens.learn import Settings, learn
from tamis.pipeline.tokens.sample import Part
from tamis.tokenize.training import smaller, train
from tamis.tokenize.vocabulary import load


def write(path: Path, texts: list[str], **more: str) -> None:
    path.write_text("".join(json.dumps({"text": text, **more}) + "\n" for text in texts))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path / "a.jsonl", prose(1, 300), source="web")
    write(tmp_path / "b.jsonl", [text.upper() for text in prose(2, 100)], source="loud")
    return tmp_path


def test_a_vocabulary_of_files(place: Path, here) -> None:
    """The same folder of the same texts, that says what it is and tells no path and no time."""
    ask = ("vocabulary", "train", "a.jsonl", "b.jsonl", "--vocab-size", 700, "--sample", "20k")
    said = here(*ask, "-o", "v", "--special", "<|pad|>", "--json")
    facts = json.loads(said.stdout)
    assert facts == json.loads((place / "v/vocabulary.json").read_text())
    assert (facts["size"], facts["specials"]["<|pad|>"]) == (700, 3)
    assert facts["sample"]["sources"].keys() == {"loud", "web"}
    assert facts["sample"]["bytes"] <= 20_000
    sizes = [source["bytes"] for source in facts["sample"]["sources"].values()]
    assert max(sizes) - min(sizes) < 10
    here(*ask, "-o", "again/v", "--special", "<|pad|>", "--workers", 2)
    assert digests(place / "v") == digests(place / "again/v")
    here(*ask, "-o", "other", "--seed", 1)
    assert digests(place / "other") != digests(place / "v")
    assert str(place) not in (place / "v/vocabulary.json").read_text()
    assert {path.name for path in place.iterdir() if path.name[0] == "."} == set()


def test_info_measures_what_it_is_shown(place: Path, here) -> None:
    """Bytes per token are of this text, counted by this vocabulary."""
    (place / "v").mkdir()
    (place / "v/tokenizer.model").write_bytes(train(prose(1, 300), 600))
    assert "fertility" not in json.loads(here("vocabulary", "info", "v", "--json").stdout)
    asked = ("vocabulary", "info", "v", "a.jsonl", "b.jsonl")
    found = json.loads(here(*asked, "--json").stdout)["fertility"]
    vocabulary = load(place / "v")
    for source, texts in (("web", prose(1, 300)), ("loud", [t.upper() for t in prose(2, 100)])):
        row = found["sources"][source]
        tokens = [len(vocabulary.encode(text)) for text in texts]
        assert (row["tokens"], row["documents"]) == (sum(tokens), len(texts))
        size = sum(len(text.encode()) for text in texts)
        assert row["bytes_per_token"] == round(size / sum(tokens), 4)
        assert row["tokens_per_document"] == round(sum(tokens) / len(tokens), 1)
    table = here(*asked).stdout
    assert "source loud" in table and "against 600" in table


def test_smaller_sizes_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by the vocabulary that training at that size would have given."""
    monkeypatch.setattr(fertility, "SIZES", (100, 420, 500, 900))
    monkeypatch.setattr(fertility, "REFERENCE", 420)
    texts = prose(4, 200)
    model = train(texts, 600)
    (tmp_path / "tokenizer.model").write_bytes(model)
    parts = [Part("s", "en", text.encode(), 2 * len(text.encode())) for text in texts]
    vocabulary = load(tmp_path)
    own = fertility.measure(vocabulary, parts)
    assert own["languages"]["en"] == own["all"] == own["sources"]["s"]
    rows = fertility.by_size(vocabulary, parts, own["all"])
    assert [row["size"] for row in rows] == [420, 500, 600]
    assert rows[2]["tokens"] == sum(len(vocabulary.encode(text)) for text in texts)
    assert own["all"]["tokens_per_document"] == round(2 * rows[2]["tokens"] / 200, 1)
    (tmp_path / "tokenizer.model").write_bytes(smaller(model, 420))
    tokens = sum(len(load(tmp_path).encode(text)) for text in texts)
    assert (rows[0]["tokens"], rows[0]["saved"]) == (tokens, 0)
    assert rows[2]["saved"] == round(1 - rows[2]["tokens"] / tokens, 4) > 0


def test_of_a_corpus_what_its_recipe_keeps(sifted: Path, tmp_path: Path, here) -> None:
    """The documents of `write`, and fertility by the language that its stage found."""
    shutil.copytree(sifted / "corpus", tmp_path / "corpus", symlinks=True)
    here("vocabulary", "train", "corpus", "-o", "v", "--vocab-size", 600, "--sample", "100M")
    facts = json.loads((tmp_path / "v/vocabulary.json").read_text())
    ledger = json.loads((tmp_path / "corpus/ledger.json").read_text())
    assert facts["sample"]["documents"] == ledger["kept"]["documents"]
    assert facts["sample"]["bytes"] == ledger["kept"]["bytes"]
    assert facts["fertility"]["languages"].keys() == {"en", "de", "fr"}
    assert digests(tmp_path / "corpus") == digests(sifted / "corpus")
    here("vocabulary", "train", "corpus/cleaned", "-o", "w", "--vocab-size", 600)
    again = json.loads((tmp_path / "w/vocabulary.json").read_text())
    assert again["sha256"] == facts["sha256"], "the card of cleaned/ is no document"


def test_absent_stages_are_named(place: Path, here) -> None:
    """As `write` says them: they may be what would have thrown the text away."""
    here("ingest", "a.jsonl", "-o", "corpus", "--recipe", "quickstart")
    said = here("vocabulary", "train", "corpus", "-o", "v", "--vocab-size", 500)
    assert "without signals, taking no part: " in said.stderr
    said = here("vocabulary", "train", "corpus", "a.jsonl", "-o", "w", expect=2)
    assert "corpus is a corpus: give it alone" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("a.jsonl", "--vocab-size", 9000), 1, "is the largest; ask for that"),
        (("a.jsonl", "--vocab-size", 290), 1, "lower the coverage"),
        (("nul.jsonl",), 1, "vocabulary of nul.jsonl: there is no text to learn"),
        (("empty.jsonl",), 1, "no document"),
        (("surrogate.jsonl",), 1, "no low surrogate"),
        (("nowhere.jsonl",), 2, "nowhere.jsonl"),
        (("a.jsonl", "--special", "a b"), 2, "--special"),
        (("a.jsonl", "--special", "<s>"), 2, "there already"),
        (("a.jsonl", "--sample", "5x"), 2, "expected a number"),
        (("a.jsonl", "-o", "full"), 2, "not empty"),
        (("a.jsonl", "-o", "a.jsonl/v"), 1, "cannot write"),
    ],
)
def test_what_cannot_be_is_said(place: Path, here, arguments, code: int, message: str) -> None:
    """And leaves nothing behind."""
    write(place / "nul.jsonl", ["\0\0\0"] * 3)
    write(place / "surrogate.jsonl", ["a \ud800 b"])
    (place / "empty.jsonl").touch()
    (place / "full").mkdir()
    (place / "full/mine.txt").touch()
    there = {path.name for path in place.rglob("*")}
    said = here("vocabulary", "train", "-o", "v", *arguments, expect=code)
    assert message in said.stderr
    assert {path.name for path in place.rglob("*")} == there


def test_nothing_kept(place: Path, here) -> None:
    (place / "r.toml").write_text(
        '[[stage]]\nkind = "language"\n[stage.rules]\nw = { column = "language", in = ["xx"] }\n'
    )
    here("run", "r.toml", "a.jsonl", "-o", "corpus")
    said = here("vocabulary", "train", "corpus", "-o", "v", expect=1)
    assert "no document with text is kept" in said.stderr


def test_info_of_what_is_none(place: Path, here) -> None:
    """Neither a folder without a model, nor a model that is damaged, nor facts of another."""
    assert "make a vocabulary with" in here("vocabulary", "info", "gone", expect=2).stderr
    (place / "bad").mkdir()
    (place / "bad/tokenizer.model").write_bytes(b"\xff\xfe not a model")
    assert "cannot be used" in here("vocabulary", "info", "bad", expect=2).stderr
    model = train(prose(1, 300), 500)
    (place / "bad/tokenizer.model").write_bytes(model)
    (place / "bad/vocabulary.json").write_text('{"sha256": "0", "fertility": {}}')
    assert "of another model" in here("vocabulary", "info", "bad").stderr


def test_what_may_shrink_is_said(place: Path, here, capsys) -> None:
    """A small corpus's own vocabulary is the largest it gives, or has fewer characters."""
    write(place / "c.jsonl", ["".join(map(chr, range(0x4E00, 0x4F00))), "the the " * 3000])
    for name, size in (("a.jsonl", 9000), ("c.jsonl", 340)):
        here("ingest", name, "-o", f"of-{name}")
        sift = Sift(Corpus.open(place / f"of-{name}"), recipes.nothing())
        settings = Settings(size, shrink=True)
        made = learn(sift, place / f"v-{name}", settings)
        assert made.size < 9000 and "cannot be had of this text: taking" in capsys.readouterr().err
        written = json.loads((place / f"v-{name}/vocabulary.json").read_text())["settings"]
        assert written["size"] == made.size
        with pytest.raises(WorkError):
            learn(sift, place / "no", dataclasses.replace(settings, shrink=False))
    assert written["coverage"] < 0.9999 and made.size <= 340
