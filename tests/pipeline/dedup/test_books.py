"""Long documents that hold others, found as such; that they share a licence makes none a copy."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tamis.filters.minhash import Signer
from tamis.filters.minhash_settings import NAMED
from tamis.pipeline.dedup import books
from tamis.pipeline.dedup.books import ONE_IN, notes

RECIPE = """
[[stage]]
kind = "dedup"
methods = {methods}
keep = "longest"
long = 2000
[stage.rules]
duplicate = {{ column = "duplicate", max = 0 }}
"""
LICENCE = " ".join(f"clause{number}" for number in range(900))


def book(seed: int, words: int) -> str:
    draw = random.Random(seed)
    return " ".join(f"w{draw.randrange(4000)}" for _ in range(words))


@pytest.fixture(scope="module")
def shelf() -> dict[str, str]:
    whale, monster, river = (book(seed, 9000) for seed in range(3))
    words = whale.split()
    return {
        "whale": f"{LICENCE} {whale}",
        "whale, half of it": " ".join(words[2000:6500]),
        "whale, bare": whale,
        "whale, a third, rewritten after": " ".join(words[:3000]) + " " + book(9, 6000),
        "monster": f"{LICENCE} {monster}",
        "river": f"{river} {LICENCE}",
        "a page of the river": " ".join(river.split()[:400]),
    }


def kept(here, tmp_path: Path, shelf: dict[str, str], methods: list[str]) -> dict[str, str | None]:
    (tmp_path / "r.toml").write_text(RECIPE.format(methods=json.dumps(methods)))
    with (tmp_path / "in.jsonl").open("w") as file:
        for name, text in shelf.items():
            file.write(json.dumps({"id": name, "text": text}) + "\n")
    here("run", "r.toml", "in.jsonl", "-o", "corpus")
    ids = pq.read_table(tmp_path / "corpus/documents/00000.parquet").column("id").to_pylist()
    signals = pq.read_table(tmp_path / "corpus/signals/dedup/00000.parquet")
    return dict(zip(ids, signals.column("duplicate_of").to_pylist(), strict=True))


def test_what_is_in_a_larger_book_goes(here, tmp_path: Path, shelf: dict[str, str]) -> None:
    """Half a book has a Jaccard similarity of 0.45 to it, which no band finds."""
    found = kept(here, tmp_path, shelf, ["containment"])
    expected = dict.fromkeys(shelf)
    assert found == {**expected, "whale, half of it": "whale", "whale, bare": "whale"}


def test_a_page_is_no_book(here, tmp_path: Path, shelf: dict[str, str]) -> None:
    """It is in a book word for word, and stays: what is long enough is the recipe's to say."""
    found = kept(here, tmp_path, shelf, ["minhash", "containment"])
    assert found["a page of the river"] is None
    assert found["whale, half of it"] == found["whale, bare"] == "whale"


def test_notes_are_a_sample_by_hash(shelf: dict[str, str]) -> None:
    """A sample that depends on the document would miss what is in another at another place."""
    signer = Signer(*NAMED["default"])
    texts = [shelf["whale"].encode(), shelf["whale, half of it"].encode()]
    ends = np.cumsum([0, *map(len, texts)])
    keys, rows = notes(signer, np.frombuffer(b"".join(texts), np.uint8), ends, np.array([0, 1]))
    whole, half = set(keys[rows == 0].tolist()), set(keys[rows == 1].tolist())
    assert half < whole
    assert 4500 / ONE_IN / 2 < len(half) < 4500 / ONE_IN * 2
    assert max(whole) < (1 << 64) // ONE_IN


def test_boilerplate_joins_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note that many documents share says nothing of any two of them."""
    assert books.LONGEST < 100
    key, row = np.repeat(np.arange(5, dtype=np.uint64), 100), np.tile(np.arange(100), 5)
    assert [len(part) for part in books.pairs(key, row)] == [0, 0]
    left, right = books.pairs(key[(row == 3) | (row == 70)], row[(row == 3) | (row == 70)])
    assert (left.tolist(), right.tolist()) == ([3], [70])
