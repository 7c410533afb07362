"""`tamis tokenize`: which documents become tokens, in which order, and what stands beside them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from inprocess import sift
from kept import decoded, flat, kept_corpus, written
from support import digests

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import Busy, CallError, WorkError
from tamis.pipeline.guard import Guard, Held
from tamis.pipeline.recipe import load as recipe
from tamis.pipeline.sift import Sift
from tamis.pipeline.tokens import encode, gather, shuffle
from tamis.pipeline.tokens.encode import EncodePhase, Settings
from tamis.pipeline.tokens.place import Place
from tamis.tokenize.shards import id_hash

OWN = ("--vocabulary", "v", "--shard-tokens", "5k")
MASK = (1 << 64) - 1


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `in`, `corpus` and `v`, and the tokens of the corpus in `tokens`."""
    root = tmp_path_factory.mktemp("kept")
    kept_corpus(root)
    sift(root, "tokenize", "corpus", "-o", "tokens", *OWN)
    return root


def number(seed: int, shard: int, row: int) -> int:
    """What a document is sorted by, in plain Python."""
    state = hashlib.blake2b(f"{seed} {shard}".encode(), digest_size=8, person=b"shuffle").digest()
    mixed = (int.from_bytes(state, "little") + (row + 1) * 0x9E3779B97F4A7C15) & MASK
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & MASK
    return mixed ^ mixed >> 31


def shuffled(corpus: Path, seed: int, shards: int) -> list[list[int]]:
    """The hashes of the ids of the kept documents, shard by shard, in plain Python."""
    kept = {one.id_hash for one in flat(written(corpus / "cleaned"))}
    found = []
    for shard, path in enumerate(sorted((corpus / "documents").glob("*.parquet"))):
        for row, name in enumerate(pq.read_table(path, columns=["id"])["id"].to_pylist()):
            if (hashed := id_hash(name)) in kept:
                found.append((number(seed, shard, row), hashed))
    parts: list[list[int]] = [[] for _ in range(shards)]
    for drawn, hashed in sorted(found):
        parts[drawn * shards >> 64].append(hashed)
    return parts


def test_what_is_kept_is_there_once_in_the_order_of_the_shuffle(place: Path) -> None:
    """Newest texts, their sources and sizes; sorted by what each document draws, and nothing else.

    A document that is there twice, or never, is found by nobody once a model is trained on it.
    """
    found, kept = decoded(place / "tokens"), written(place / "corpus/cleaned")
    assert sorted(flat(found)) == sorted(flat(kept)) and len(flat(kept)) > 300
    assert any(one.text.isupper() for one in flat(kept)) and {"unknown", "web"} < {
        one.source for one in flat(kept)
    }
    manifest = json.loads((place / "tokens/tokens.json").read_text())
    shards = -(-manifest["tokens"] // 5000)
    assert shards == len(found) > 5
    order = [[one.id_hash for one in documents] for documents in found.values()]
    assert order == shuffled(place / "corpus", 0, shards)


def test_memory_has_no_part_in_the_order(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoded, sorted and merged by a few documents at a time: the same bytes."""
    for module, name, small in (
        (encode, "PIECE", 400),
        (shuffle, "BLOCK", 300),
        (gather, "BLOCK", 200),
    ):
        monkeypatch.setattr(module, name, small)
    sift(place, "tokenize", "corpus", "-o", "small", *OWN)
    assert digests(place / "small") == digests(place / "tokens")


def test_another_seed_is_another_order(place: Path) -> None:
    sift(place, "tokenize", "corpus", "-o", "seed", "--vocabulary", "v", "--seed", 5)
    (documents,) = decoded(place / "seed").values()
    assert [one.id_hash for one in documents] == shuffled(place / "corpus", 5, 1)[0]
    assert json.loads((place / "seed/tokens.json").read_text())["seed"] == 5


def test_numbers_are_spread_evenly() -> None:
    """A shard of too many documents would be a shard of too many tokens."""
    drawn = np.concatenate([shuffle.numbers(1, shard, np.arange(5000)) for shard in range(20)])
    counts = np.histogram(drawn.astype(float), 50, (0, 2.0**64))[0]
    assert len(np.unique(drawn)) == 100_000 and counts.min() > 1800 and counts.max() < 2200


@pytest.mark.parametrize("marks", [(), ("--no-bos",), ("--no-bos", "--no-eos")])
def test_not_shuffled_is_as_written(place: Path, marks: tuple[str, ...]) -> None:
    """Shard by shard what `write` wrote, under the same names; those without documents are not."""
    name = "plain" + "".join(marks)
    sift(place, "tokenize", "corpus", "-o", name, "--vocabulary", "v", "--no-shuffle", *marks)
    found = decoded(place / name, "--no-bos" not in marks, "--no-eos" not in marks)
    assert found == written(place / "corpus/cleaned")
    assert len(found) < len(list((place / "corpus/cleaned").glob("*.parquet")))
    manifest = json.loads((place / name / "tokens.json").read_text())
    assert manifest["shuffled"] is False and manifest["seed"] is None
    assert not list((place / name).glob("00002.*"))


def test_a_folder_holds_tokens_and_nothing_else(place: Path) -> None:
    """What only the work needed would be copied to every machine that trains."""
    there = {path.name.partition(".")[2] for path in (place / "tokens").glob("0*")}
    assert there == {"ds", "ds.index", "ds.metadata", "documents.arrow"}
    others = {path.name for path in (place / "tokens").iterdir() if path.name[0] != "0"}
    assert others - {"logs"} == {"records", "tokenizer", "tokens.json"}
    assert (place / "tokens/tokenizer/tokenizer.model").read_bytes() == (
        place / "v/tokenizer.model"
    ).read_bytes()


def test_plain_inputs(place: Path, tmp_path: Path) -> None:
    """Files, and what `write` wrote: all documents, their fields named on the command line."""
    shutil.copytree(place / "v", tmp_path / "v")
    with (tmp_path / "a.jsonl").open("w") as file:
        for n in range(5):
            file.write(json.dumps({"name": f"n{n}", "body": f"body {n}", "from": "here"}) + "\n")
        file.write("broken\n")
    keys = ("--text-key", "body", "--id-key", "name", "--source", "there", "--vocabulary", "v")
    sift(tmp_path, "tokenize", "a.jsonl", "-o", "t", *keys)
    expected = {(id_hash(f"n{n}"), f"body {n}", "there", 6) for n in range(5)}
    assert {*flat(decoded(tmp_path / "t"))} == expected
    assert not (tmp_path / "t/.corpus").exists()
    sift(tmp_path, "tokenize", place / "corpus/cleaned", "-o", "c", *OWN)
    assert sorted(flat(decoded(tmp_path / "c"))) == sorted(flat(written(place / "corpus/cleaned")))


def test_inputs_that_changed_are_read_again(place: Path, tmp_path: Path) -> None:
    """The same command after an interruption must not take up the documents of other files."""
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n')
    Place(tmp_path / "t").claim()
    sift(tmp_path, "ingest", "a.jsonl", "-o", "t/.corpus")  # what a dead call would leave
    (tmp_path / "b.jsonl").write_text('{"text": "two"}\n{"text": "three"}\n')
    sift(tmp_path, "tokenize", "b.jsonl", "-o", "t", "--vocabulary", place / "v")
    assert {one.text for one in flat(decoded(tmp_path / "t"))} == {"two", "three"}


def test_the_corpus_learns_a_vocabulary_of_its_own(place: Path, tmp_path: Path) -> None:
    """Once: a second folder of tokens, and another arm, are of the same."""
    shutil.copytree(place / "corpus", tmp_path / "corpus")
    shutil.copy(place / "loudness.py", tmp_path)
    sift(tmp_path, "tokenize", "corpus", "-o", "t")
    own = (tmp_path / "corpus/assets/vocabulary/tokenizer.model").read_bytes()
    assert (tmp_path / "t/tokenizer/tokenizer.model").read_bytes() == own
    sift(tmp_path, "tokenize", "corpus", "-o", "all", "--without", "size.short")
    assert (tmp_path / "all/tokenizer/tokenizer.model").read_bytes() == own
    assert len(flat(decoded(tmp_path / "all"))) == 3500
    assert sorted(flat(decoded(tmp_path / "t"))) == sorted(flat(written(place / "corpus/cleaned")))


def test_done_is_done_and_anything_else_is_done_again(place: Path, tmp_path: Path) -> None:
    """Tokens of an older recipe, order or vocabulary under a new name would train a wrong model."""
    shutil.copytree(place / "tokens", tmp_path / "t")

    def ask(*arguments: object) -> set[str]:
        """The files that a call writes anew."""
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "t").glob("[0t]*.*")}
        sift(place, "tokenize", "corpus", "-o", tmp_path / "t", *arguments)
        after = {path: path.stat().st_mtime_ns for path in (tmp_path / "t").glob("[0t]*.*")}
        return {path.name for path in after if after[path] != before.get(path)}

    assert ask(*OWN) == set()
    assert digests(tmp_path / "t") == digests(place / "tokens")
    ds = tmp_path / "t/00002.ds"
    ds.write_bytes(ds.read_bytes()[:-2])
    assert ask(*OWN) == {file.name for file in (tmp_path / "t").glob("00002.*")} | {"tokens.json"}
    assert digests(tmp_path / "t") == digests(place / "tokens")
    assert "00000.ds" in ask(*OWN, "--seed", 1)
    assert "00000.ds" in ask(*OWN, "--seed", 1, "--set", "size.rules.short.min=90")
    assert len(flat(decoded(tmp_path / "t"))) < len(flat(decoded(place / "tokens")))
    sift(place, "write", "corpus", "--set", "size.rules.short.min=60")
    assert "00000.ds" in ask("--vocabulary", "v")
    assert not (tmp_path / "t/00001.ds").exists()  # of the smaller shards before


def test_a_folder_that_is_redone_is_no_tokens_meanwhile(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of new shards and half of old ones look whole to whoever reads them."""
    shutil.copytree(place / "tokens", tmp_path / "t")

    def fail(*_: Any) -> None:
        assert not (tmp_path / "t/tokens.json").exists()
        raise WorkError("stop")

    monkeypatch.setattr(EncodePhase, "work", fail)
    with pytest.raises(WorkError, match="stop"):
        sift(place, "tokenize", "corpus", "-o", tmp_path / "t", *OWN, "--seed", 3)
    assert not (tmp_path / "t/tokens.json").exists()


WRONG: list[tuple[list[str], type[Exception], str]] = [
    (["in", "-o", "x"], CallError, "name one with --vocabulary"),
    (["corpus", "-o", "corpus", *OWN], CallError, "not tamis's tokens"),
    (["corpus", "-o", "r.toml", *OWN], CallError, "is not a folder"),
    (["corpus", "in", "-o", "x", *OWN], CallError, "is a corpus: give it alone"),
    (["corpus", "-o", "memory://x", *OWN], CallError, "a folder of this machine"),
    (["in", "-o", "in/x", *OWN], CallError, "lies in in, which is read"),
    (["corpus", "-o", "x", "--text-key", "t", *OWN], CallError, "--text-key is an option of plain"),
    (["in", "-o", "x", "--without", "size", *OWN], CallError, "--without is an option of a corpus"),
    (["corpus", "-o", "x", "--no-shuffle", "--seed", "1"], CallError, "--seed is of the shuffle"),
    (["corpus", "-o", "x", "--shard-tokens", "many"], CallError, "expected a number such as 5000"),
    (["corpus", "-o", "x", "--vocabulary", "gone"], CallError, "gone: No such file"),
    (["corpus", "-o", "x", "--vocabulary", "in"], CallError, "tamis vocabulary train"),
    (["gone", "-o", "x", *OWN], CallError, "gone: no such file"),
]


@pytest.mark.parametrize(("arguments", "kind", "said"), WRONG)
def test_wrong_calls(place: Path, arguments: list[str], kind: type[Exception], said: str) -> None:
    """What is wrong, where, and what to do; and nothing is written."""
    before = digests(place / "corpus")
    with pytest.raises(kind, match=said):
        sift(place, "tokenize", *arguments)
    assert digests(place / "corpus") == before
    assert not (place / "x/tokens.json").exists()
    shutil.rmtree(place / "x", ignore_errors=True)


def test_nothing_kept(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "corpus", tmp_path / "corpus")
    shutil.copy(place / "loudness.py", tmp_path)
    none = ("--set", "size.rules.short.min=99999")
    with pytest.raises(WorkError, match="keeps no document"):
        sift(tmp_path, "tokenize", "corpus", "-o", "x", "--vocabulary", place / "v", *none)
    assert not list((tmp_path / "x").glob("[0t]*"))


def test_stages_without_signals_are_named(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `write` says it, which decides by the same function."""
    sift(tmp_path, "ingest", place / "in", "-o", "corpus")
    shutil.copy(place / "loudness.py", tmp_path)
    asked = ("tokenize", "corpus", "-o", "x", "--vocabulary", place / "v", "--recipe")
    with pytest.raises(WorkError, match="taking no part: louder, size"):
        sift(tmp_path, *asked, place / "r.toml", "--strict")
    sift(tmp_path, *asked, place / "r.toml")
    assert "without signals, taking no part: louder, size" in capsys.readouterr().err
    assert json.loads((tmp_path / "x/tokens.json").read_text())["from"]["took_no_part"] == [
        "louder",
        "size",
    ]


def test_two_at_once(place: Path) -> None:
    with Place(place / "tokens").corpus.lock(), pytest.raises(Busy):
        sift(place, "tokenize", "in", "-o", "tokens", *OWN)


def test_a_document_that_kills_its_worker_is_named(place: Path, tmp_path: Path) -> None:
    """Left out in silence it would be missing from what the manifest counts."""
    state = Sift(Corpus(place / "corpus"), recipe(str(place / "corpus/recipe.toml")))
    target = Place(tmp_path / "t")
    target.take(place / "v")
    stages = state.present()[0]
    phase = EncodePhase(target, state.corpus, stages, "p", Settings(), state.tasks)
    name, row = next(
        (name, row)
        for row, name in enumerate(pq.read_table(place / "corpus/documents/00000.parquet")["id"])
        if id_hash(name.as_py()) in {d.id_hash for d in flat(written(place / "corpus/cleaned"))}
    )
    guard = Guard(condemned=frozenset([Held(0, 0, row, row + 1)]))
    with pytest.raises(WorkError, match=f"document {name} .shard 00000, row {row}. killed"):
        phase.work(0, guard)
    assert not phase.done(0) and not list(tmp_path.glob("t/work/*"))


def test_a_vocabulary_without_bos(place: Path, tmp_path: Path, small: Callable[..., Any]) -> None:
    small(tmp_path / "v", bos_id=-1)
    asked = ("tokenize", "corpus", "-o", tmp_path / "x", "--vocabulary", tmp_path / "v")
    with pytest.raises(CallError, match="has no BOS token: add --no-bos"):
        sift(place, *asked)
    sift(place, *asked, "--no-bos")
    assert flat(decoded(tmp_path / "x", bos=False))


@pytest.fixture
def small() -> Callable[..., Any]:
    """Trains a vocabulary with other special tokens."""
    import sentencepiece
    from support import prose

    def train(folder: Path, **options: Any) -> None:
        folder.mkdir()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(prose(1, 50)),
            model_prefix=str(folder / "tokenizer"),
            vocab_size=330,
            model_type="bpe",
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            minloglevel=2,
            **options,
        )

    return train
