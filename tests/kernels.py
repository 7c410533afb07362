"""Compiles every kernel, unless that was done before: a minute of one core."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from tamis.filters.heuristics.c4 import C4
from tamis.filters.heuristics.heuristics import Heuristics
from tamis.filters.heuristics.refinedweb import RefinedWeb
from tamis.filters.kernels.similarity import containment, estimated, jaccard
from tamis.filters.lines import Lines
from tamis.filters.minhash import Signer
from tamis.filters.minhash_settings import Banding, Shingling
from tamis.filters.ngram.model import load
from tamis.filters.ngram.model_training import train
from tamis.filters.ngram.settings import Training

SENTENCE = "One document, whose words are enough for a handful of pieces."


def compile_all() -> None:
    """Measures no document at all by everything that has kernels, and trains a model of one."""
    empty = pa.record_batch([pa.array([], pa.large_string())], names=["text"])
    for measure in (Heuristics(), C4(), RefinedWeb()):
        measure.measure(empty)
    Lines().prepare()
    text = pa.array([SENTENCE], pa.large_string())
    with tempfile.TemporaryDirectory() as folder:
        for training in (Training(), Training(tokens="words")):
            place = Path(folder) / training.tokens
            train(lambda: [text], training, place, 1 << 25, keep_arpa=True)
            load(str(place)).perplexity(text)
    minhash()


def minhash() -> None:
    """Signs a document at both widths."""
    data = np.frombuffer(SENTENCE.encode(), np.uint8)
    offsets = np.array([0, len(data)], np.int64)
    for banding in (Banding(2, 2), Banding(2, 2, 64)):
        signer = Signer(Shingling(), banding)
        signatures = signer.sign(data, offsets).signatures
        signer.keys(signatures)
        estimated(signatures, 0, 0)
    values = signer.sets(data, offsets).values
    for share in (jaccard, containment):
        share(values, 0, 1, 0, len(values))


if __name__ == "__main__":
    compile_all()
