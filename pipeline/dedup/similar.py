"""The documents of a corpus that are nearest to a text, by the signatures of a dedup stage."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.filters.kernels.edits import texts as kernel_texts
from tamis.filters.minhash import Signer
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.asked import dedup_stage, parameters
from tamis.pipeline.dedup.settings import Dedup
from tamis.pipeline.dedup.signatures import Signatures
from tamis.pipeline.dedup.work import signature_file
from tamis.pipeline.errors import CallError
from tamis.pipeline.ledger import Decision
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.sift import Sift
from tamis.pipeline.signals import ShardReader, decision_columns
from tamis.pipeline.stage import Stage

COMPARED = 4
"""Candidates by estimate, for each one asked for, whose shingles are compared: at 112 values an
estimate is off by 0.05, and so is hardly ever behind so many worse ones."""
LEAST = 100


@dataclass(frozen=True)
class Near:
    """A document that shares a band with a text."""

    id: str
    key: str
    """shard:row."""
    similarity: float
    """The Jaccard index of their shingles."""
    estimate: float
    """The share of equal values of their signatures."""
    kept: bool
    """Whether no rule rejects it."""
    text: str


@dataclass(frozen=True)
class Answer:
    """The nearest documents, the most similar first, and among how many they were found."""

    signed: int
    """Documents of the corpus that were asked."""
    candidates: int
    """How many of them share a band with the text."""
    nearest: list[Near]


def similar(
    corpus: Corpus, recipe: Recipe, text: str, count: int = 10, stage: str | None = None
) -> Answer:
    """The nearest `count` documents of a text; those that share no band with it are not found.

    Raises CallError for a text without words, or a stage without words; WorkError if the stage has
    not signed the corpus.
    """
    sift = Sift(corpus, recipe)
    chosen = dedup_stage(sift, stage)
    measure = parameters(chosen)
    asked = question(text, measure)
    signed, found = 0, [(np.empty(0), np.empty((0, 2), np.int64))]
    for unit, shard in enumerate(corpus.shards):
        file = Signatures.open(signature_file(corpus, chosen.name, shard.name))
        positions = candidates(file, measure, asked)
        equal = (file.signature[positions] == asked).mean(axis=1)
        signed += file.n
        rows = file.row[positions]
        found.append((equal, np.stack([np.full(len(rows), unit), rows], axis=1)))
    estimates, places = (np.concatenate(part) for part in zip(*found, strict=True))
    best = np.argsort(-estimates, kind="stable")[: max(LEAST, COMPARED * count)]
    near = _compared(sift, chosen, text, estimates[best], places[best])
    near.sort(key=lambda one: (-one.similarity, -one.estimate, one.key))
    return Answer(signed, len(estimates), near[:count])


def question(text: str, measure: Dedup) -> Any:
    """The signature of a text; raises CallError if it, or the stage, has no words."""
    if "minhash" not in measure.methods:
        raise CallError(
            f"the stage compares by {', '.join(measure.methods)} alone: similar texts are found by "
            'the method "minhash"'
        )
    signer = Signer(measure.shingling, measure.banding)
    found = signer.sign(*kernel_texts(pa.array([text], pa.large_string())))
    if not found.shingles[0]:
        raise CallError("the text has no words, so nothing is similar to it: give it some")
    return found.signatures[0]


def candidates(file: Signatures, measure: Dedup, signature: Any) -> Any:
    """The positions in a signature file, ascending, of those who share a band with a signature."""
    keys = Signer(measure.shingling, measure.banding).keys(signature[np.newaxis])[:, 0]
    found = [
        file.slice(f"{band:02d}", key, key + 1)[1].astype(np.int64)
        for band, key in enumerate(keys.tolist())
    ]
    return np.unique(np.concatenate(found))


def _compared(sift: Sift, stage: Stage, text: str, estimates: Any, places: Any) -> list[Near]:
    """What there is to say of some documents, read a row group at a time."""
    reading = _Reading(sift, stage, text)
    near: list[Near] = []
    for unit in np.unique(places[:, 0]).tolist():
        mine = places[:, 0] == unit
        near += reading.shard(unit, places[mine, 1], estimates[mine])
    return near


class _Reading:
    """Reads candidates, as the stage saw them, and compares them with a text."""

    def __init__(self, sift: Sift, stage: Stage, text: str) -> None:
        measure = parameters(stage)
        self.corpus, self.stages = sift.corpus, sift.present()[0]
        self.before = sift.before(stage)
        self.signer = Signer(measure.shingling, measure.banding)
        self.shingles = self._sets(pa.array([text], pa.large_string()))[0]

    def shard(self, unit: int, rows: Any, estimates: Any) -> list[Near]:
        """Some documents of a shard."""
        name, near, first = self.corpus.shards[unit].name, [], 0
        with ExitStack() as stack:
            reader = ShardReader(self.corpus, name, self.stages, stack)
            seen = ShardReader(self.corpus, name, self.before, stack)
            for group in range(reader.row_groups):
                stop = first + reader.rows(group)
                mine = np.flatnonzero((rows >= first) & (rows < stop))
                if len(mine):
                    taken = pa.array(rows[mine] - first)
                    columns = reader.read(group, {"id", *decision_columns(self.stages)})
                    kept = Decision(self.stages, columns, stop - first).kept
                    texts = seen.read(group, ["text"])["text"].take(taken)
                    ids = columns["id"].take(taken).to_pylist()
                    for number, other in enumerate(self._sets(texts)):
                        place, row = mine[number], int(rows[mine[number]])
                        near.append(
                            Near(
                                ids[number],
                                f"{name}:{row}",
                                self._jaccard(other),
                                float(estimates[place]),
                                bool(kept[row - first]),
                                texts[number].as_py(),
                            )
                        )
                first = stop
        return near

    def _jaccard(self, other: Any) -> float:
        common = len(np.intersect1d(self.shingles, other, assume_unique=True))
        return common / (len(self.shingles) + len(other) - common)

    def _sets(self, texts: pa.Array) -> list[Any]:
        found = self.signer.sets(*kernel_texts(texts))
        return np.split(found.values, found.offsets[1:-1])
