"""The sample that a vocabulary is learnt from: as it is defined, and of what is kept."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from support import prose

from tamis.pipeline import recipe as recipes
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.sift import Sift
from tamis.pipeline.tokens import sample
from tamis.pipeline.tokens.sample import draw, shares

SIZES = {"web": 900, "books": 30, "mail": 200}


def write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def rows() -> list[dict[str, str]]:
    """Documents of three sources: many, few, and in between; some empty, one long."""
    draw = random.Random(1)
    made = [
        {"id": f"{source}-{n}", "source": source, "text": text}
        for source, count in SIZES.items()
        for n, text in enumerate(prose(count, count))
    ]
    made += [{"id": "long", "source": "books", "text": "é中a" * 40_000}]
    made += [{"id": f"e{n}", "source": "web", "text": ""} for n in range(9)]
    draw.shuffle(made)
    return made


@pytest.fixture
def corpus(tmp_path: Path, here, rows) -> Sift:
    write(tmp_path / "in.jsonl", rows)
    here("ingest", "in.jsonl", "-o", "corpus")
    return Sift(Corpus.open(tmp_path / "corpus"), recipes.nothing())


def expected(rows: list[dict[str, str]], budget: int, seed: int) -> dict[str, list[tuple]]:
    """By the definition: source to (id, bytes), least priorities first."""
    key = seed.to_bytes(8, "little", signed=True)
    order = sorted(rows, key=lambda r: hashlib.blake2b(r["id"].encode(), digest_size=8, key=key)
                   .digest()[::-1])  # fmt: skip
    by = defaultdict(list)
    for row in order:
        if size := len(row["text"].encode()):
            by[row["source"]].append((row["text"], min(size, sample.WINDOW)))
    left, share = budget, {}
    for place, name in enumerate(sorted(by, key=lambda n: sum(s for _, s in by[n]))):
        share[name] = min(sum(s for _, s in by[name]), left // (len(by) - place))
        left -= share[name]
    taken = defaultdict(list)
    for name, documents in by.items():
        for text, size in documents:
            if share[name] > 0:
                taken[name].append((text, min(size, share[name])))
                share[name] -= size
    return taken


@pytest.mark.parametrize("budget", [100, 40_000, 100_000, 10_000_000])
def test_it_is_what_is_defined(corpus: Sift, rows, budget: int) -> None:
    """The same bytes of every source, and what a small one lacks from the others."""
    found = defaultdict(list)
    for part in draw(corpus, budget, seed=3):
        found[part.source].append(part)
    wanted = expected(rows, budget, seed=3)
    assert set(found) == set(wanted)
    for name, parts in found.items():
        sizes = dict(wanted[name])
        for part in parts:
            whole = next(text for text in sizes if part.text.decode() in text)
            assert part.whole == len(whole.encode())
            assert sizes[whole] - 6 <= len(part.text) <= sizes.pop(whole)
        assert not sizes
    assert sum(len(p.text) for parts in found.values() for p in parts) <= budget


def test_shards_and_order_do_not_matter(corpus: Sift, rows, tmp_path: Path, here) -> None:
    """Else the tokens of a corpus would depend on how many cores ingested it."""
    for name, part in (("a", rows[500:]), ("b", rows[:500])):
        write(tmp_path / f"{name}.jsonl", part)
    here("ingest", "a.jsonl", "b.jsonl", "-o", "other", "--shard-bytes", 100_000)
    other = Sift(Corpus.open(tmp_path / "other"), recipes.nothing())
    assert len(other.corpus.shards) > 1
    there = [draw(one, 50_000, 0) for one in (corpus, other)]
    assert sorted(there[0]) == sorted(there[1])
    assert sorted(draw(corpus, 50_000, 1)) != sorted(there[0])


def test_holding_few_changes_nothing(corpus: Sift, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is dropped on the way could not have been taken."""
    whole = list(draw(corpus, 20_000, 0))
    monkeypatch.setattr(sample, "CANDIDATES", 10)
    assert list(draw(corpus, 20_000, 0)) == whole


def test_a_long_document_gives_one_window(corpus: Sift) -> None:
    """A dump of 100 MB would be half of what is learnt from."""
    long = [part for part in draw(corpus, 10_000_000, 0) if part.whole > 200_000]
    (part,) = long
    assert sample.WINDOW - 6 < len(part.text) <= sample.WINDOW
    places = {window(seed) for seed in range(8)}
    assert len(places) > 4


def window(seed: int) -> bytes:
    priority = int.from_bytes(hashlib.blake2b(bytes([seed]), digest_size=8).digest(), "little")
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 3000))).encode()
    found = sample._window(memoryview(text), 1000, priority)
    assert 994 <= len(found) <= 1000 and found in text and found.decode()
    return found


@pytest.mark.parametrize(
    ("there", "budget", "given"),
    [
        ([10, 100, 1000], 300, [10, 100, 190]),
        ([10, 1000, 1000], 301, [10, 145, 146]),
        ([5, 5], 100, [5, 5]),
        ([], 100, []),
        ([7, 7, 7], 2, [0, 1, 1]),
    ],
)
def test_shares(there: list[int], budget: int, given: list[int]) -> None:
    assert shares(np.array(there, np.int64), budget).tolist() == given


def test_only_what_is_kept_as_it_was_edited(tmp_path: Path, here) -> None:
    """A vocabulary of what was thrown away would be learnt for nothing."""
    lines = "The old miller carried his flour across the bridge.\nmenu of no sentence\n"
    good = {"id": "good", "text": lines * 3 + lines.replace("miller", "baker") * 3}
    write(tmp_path / "in.jsonl", [good, {"id": "bad", "text": "zz { lorem ipsum } zz. " * 20}])
    (tmp_path / "r.toml").write_text(
        '[[stage]]\nkind = "c4"\n[stage.rules]\n'
        'braces = { column = "c4_curly_bracket", max = 0 }\n'
        '[[stage]]\nkind = "language"\n'
    )
    here("run", "r.toml", "in.jsonl", "-o", "corpus")
    sift = Sift(Corpus.open(tmp_path / "corpus"), recipes.load(str(tmp_path / "r.toml")))
    (part,) = draw(sift, 10_000, 0)
    assert b"miller" in part.text and b"menu" not in part.text and b"lorem" not in part.text
    assert (part.language, part.whole) == ("en", len(part.text))
