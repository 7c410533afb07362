"""Recall against the S-curve, over seeds, and precision, on texts whose similarities are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from inprocess import sift

from tamis.filters.minhash import Signer
from tamis.filters.minhash_settings import Banding, Shingling
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.curve import curve

PAIRS, SEEDS, WORDS = 300, 25, 100


def words(draw: np.random.Generator, count: int) -> list[str]:
    """Words that no other text has."""
    return [f"w{number}" for number in draw.integers(0, 1 << 60, count)]


def pair(draw: np.random.Generator, shared: int) -> tuple[str, str]:
    """Texts that begin with the same words and end with different ones."""
    head, rest = words(draw, shared), WORDS - shared
    return " ".join(head + words(draw, rest)), " ".join(head + words(draw, rest))


def jaccard(one: str, other: str) -> float:
    """Of the word 5-grams, in plain Python."""
    sets = []
    for text in (one, other):
        cut = text.split()
        sets.append({tuple(cut[place : place + 5]) for place in range(len(cut) - 4)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.mark.parametrize(("bits", "bands", "rows"), [(32, 14, 8), (64, 14, 8), (32, 40, 4)])
def test_pairs_meet_as_often_as_the_curve_says(bits: int, bands: int, rows: int) -> None:
    """At every similarity: within five standard errors of what theory says, over all seeds."""
    draw = np.random.default_rng(7)
    for shared in (30, 50, 60, 70, 80, 90, 97):
        pairs = [pair(draw, shared) for _ in range(PAIRS)]
        similarity = jaccard(*pairs[0])
        data = [text.encode() for both in pairs for text in both]
        ends = np.concatenate([[0], np.cumsum([len(text) for text in data])]).astype(np.int64)
        met = 0
        for seed in range(SEEDS):
            banding = Banding(bands, rows, bits, seed)  # type: ignore[arg-type]
            signer = Signer(Shingling(), banding)
            signed = signer.sign(np.frombuffer(b"".join(data), np.uint8), ends)
            keys = signer.keys(signed.signatures)
            met += int((keys[:, 0::2] == keys[:, 1::2]).any(axis=0).sum())
        expected = float(banding.found(similarity))
        trials = PAIRS * SEEDS
        error = np.sqrt(expected * (1 - expected) / trials)
        assert abs(met / trials - expected) <= 5 * error + 1 / trials, (similarity, met / trials)


def test_what_is_removed_is_as_similar_as_asked(tmp_path: Path) -> None:
    """Exact verification: every removed text has its keeper's similarity, and none is below."""
    draw = np.random.default_rng(3)
    texts = {}
    for number, shared in enumerate(np.repeat([0, 60, 75, 80, 82, 84, 90, 100], 12).tolist()):
        texts[f"a{number}"], texts[f"b{number}"] = pair(draw, shared)
    source = tmp_path / "texts.jsonl"
    lines = [json.dumps({"id": name, "text": text}) for name, text in texts.items()]
    source.write_text("\n".join(lines) + "\n")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[[stage]]\nkind = "dedup"\nbands = 40\nrows = 4\n')
    sift(tmp_path, "run", recipe, source, "-o", "corpus")
    corpus = Corpus.open(tmp_path / "corpus")
    removed = {}
    for shard in corpus.shards:
        ids = pq.read_table(corpus.documents(shard.name), columns=["id"])["id"].to_pylist()
        rows = pq.read_table(corpus.signals("dedup", shard.name)).to_pylist()
        removed |= {name: row for name, row in zip(ids, rows, strict=True) if row["duplicate"]}
    for name, row in removed.items():
        similarity = jaccard(texts[name], texts[row["duplicate_of"]])
        assert similarity >= 0.7
        assert row["duplicate_similarity"] == pytest.approx(similarity, abs=1e-6)
    similar = {f"b{n[1:]}" for n in texts if jaccard(texts[f"a{n[1:]}"], texts[f"b{n[1:]}"]) >= 0.7}
    assert similar == set(removed)  # these bands miss one pair of this similarity in 50,000


def test_the_curve_in_numbers_and_as_a_plot() -> None:
    text = curve(Banding(14, 8), 0.7)
    assert "pairs found, %  <0.1  <0.1   0.1   0.9   5.3  21.1  56.5  92.4   100   100" in text
    assert "at 0.685; at 0.7 (:), the least that is removed, 56.5 %." in text
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    plot = {int(line[:5]): line[8:] for line in lines if line[6:7] == "|"}
    assert list(plot) == list(range(100, -1, -10))
    assert plot[0].startswith("*" * 30)
    assert plot[100].endswith("*")
    assert len(plot[100]) == 61
    for place in range(61):  # no gap: every column has its mark
        assert any(line[place : place + 1] == "*" for line in plot.values()), place
