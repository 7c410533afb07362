"""Perplexity, normalise to number, against cc_net's chain in Python over the same model.

The chain is cc_net's: its normaliser, SentencePiece's Python library, KenLM's. The model is a
5-gram of 65,536 pieces at most, trained on every other paragraph of the pool and scored on the
rest, in the form that glues lines: what the chain knows no other way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import kenlm
import numpy as np
import pyarrow as pa
import sentencepiece
from measuring import Row, Sample, in_process, median, plain, rate
from texts import SCRATCH, Pool, documents, fresh, pool

from tamis.filters.ngram.model import load
from tamis.filters.ngram.model_training import train
from tamis.filters.ngram.normalise_tables import PUNCTUATION
from tamis.filters.ngram.settings import Training

MEGABYTES = 20.0
BATCH = 256
TARGET_SPEED, TARGET_RATIO = 6.0, 1.3
SAME = 1e-3

_DIGIT = re.compile(r"\d")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table."""
    everything = pool(data)
    halves = [
        Pool(f"{everything.name}-{n}", everything.paragraphs[n::2], everything.lengths)
        for n in (0, 1)
    ]
    texts = list(documents(halves[1], int((megabytes or MEGABYTES) * 1e6)))
    size = sum(len(text.encode()) for text in texts) / 1e6
    found = [_row(form, halves[0], texts, size, rounds) for form in ("ccnet", "fixed")]
    return [*found[0], found[1][0]]


def _row(form: str, learnt: Pool, texts: list[str], size: float, rounds: int) -> list[Row]:
    folder = _model(form, learnt)
    ours, chain = load(str(folder)), Chain(folder)
    batches = list(_batches(texts))
    samples: dict[str, list[Sample]] = {"tamis": [], "chain": []}
    found: dict[str, list[float]] = {"tamis": [], "chain": []}

    def score() -> None:
        scores = [ours.score(batch) for batch in batches]
        found["tamis"] = [v for logs, n in scores for v in (10.0 ** (-logs / n)).tolist()]

    def other() -> None:
        found["chain"] = [chain.perplexity(text) for text in texts]

    for number in range(rounds):
        sides = {"tamis": score, "chain": other}
        for name in sorted(sides, reverse=bool(number % 2)):
            samples[name].append(in_process(sides[name]))
    mine, theirs = median(samples["tamis"]), median(samples["chain"])
    ratio, speed = theirs.cpu / mine.cpu, size / mine.cpu
    what = {"ccnet": "lines glued, as cc_net", "fixed": "lines apart; other: cc_net's, glued"}[form]
    made = Row(
        f"perplexity, {len(texts):,} documents, {size:.0f} MB, {what}",
        rate(size, mine),
        rate(size, theirs),
        f"{ratio:.2f}x",
        f">= {TARGET_SPEED:g} MB/s and {TARGET_RATIO:g}x",
        speed >= TARGET_SPEED and ratio >= TARGET_RATIO,
        {"text_mb": size, "ngrams": list(ours.ngrams.counts), "samples": plain(samples)},
    )
    near = np.isclose(found["tamis"], found["chain"], rtol=SAME, atol=0, equal_nan=True)
    same = Row(
        f"perplexities within {SAME:g} of the chain's",
        f"{near.sum():,} of {len(near):,}",
        "",
        f"{near.mean():.4%}",
        "all",
        bool(near.all()),
    )
    return [made, same]


def _model(form: str, learnt: Pool) -> Path:
    """A model of half of the pool; made once."""
    folder = SCRATCH / "models" / f"{learnt.name}-{len(learnt.paragraphs)}-{form}"
    if not (folder / "lm.json").exists():
        parts = iter(learnt.paragraphs)
        texts = [
            pa.array(part, pa.large_string())
            for part in iter(lambda: list(islice(parts, 4096)), [])
        ]
        train(lambda: texts, Training(form=form), fresh(folder))
    return folder


class Chain:
    """What cc_net does to a document, a library after the other."""

    def __init__(self, folder: Path) -> None:
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
        self.model = kenlm.Model(str(folder / "lm.bin"))

    def perplexity(self, text: str) -> float:
        """As cc_net's DocLM computes it, before it rounds to a tenth."""
        total, length = 0.0, 0
        line = " ".join(self.pieces.encode_as_pieces(normalised(text)))
        for part in line.split("\n"):
            total += self.model.score(part)
            length += len(part.split()) + 1
        return 10.0 ** (-total / length)


def normalised(text: str) -> str:
    """cc_net's steps, one after another."""
    lower = unicodedata.normalize("NFD", text.strip().lower())
    bare = "".join([c for c in lower if unicodedata.category(c) != "Mn"])
    mapped = "".join(PUNCTUATION.get(c, c) for c in _DIGIT.sub("0", bare))
    return _CONTROL.sub("", mapped)


def _batches(texts: list[str]) -> Iterator[pa.LargeStringArray]:
    for start in range(0, len(texts), BATCH):
        yield pa.array(texts[start : start + BATCH], pa.large_string())
