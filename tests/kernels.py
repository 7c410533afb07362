"""Compiles every kernel, unless that was done before: a minute of one core."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from reference.signed import signed

from tamis.filters.decontamination import Decontaminate
from tamis.filters.heuristics.c4 import C4
from tamis.filters.heuristics.heuristics import Heuristics
from tamis.filters.heuristics.refinedweb import RefinedWeb
from tamis.filters.kernels.edits import texts
from tamis.filters.lines import Lines
from tamis.filters.minhash import Signer
from tamis.filters.minhash_settings import Banding, Shingling
from tamis.filters.ngram.model import load
from tamis.filters.ngram.model_training import train
from tamis.filters.ngram.settings import Training
from tamis.pipeline.dedup.bands import edges
from tamis.pipeline.dedup.elect import Bounds, Members, matching_band, stars
from tamis.pipeline.dedup.join import components, representatives
from tamis.pipeline.dedup.signatures import Signatures, write
from tamis.tokenize.permutation import keys, permuted
from tamis.tokenize.training import train as train_vocabulary
from tamis.tokenize.vocabulary import load as load_vocabulary
from tamis.tokenize.windows import _copy, _pieces

SENTENCE = "One document, whose words are enough for a handful of pieces."


def compile_all() -> None:
    """Measures no document at all by everything that has kernels, and trains a model of one."""
    empty = pa.record_batch([pa.array([], pa.large_string())], names=["text"])
    for measure in (Heuristics(), C4(), RefinedWeb()):
        measure.measure(empty)
    Lines().prepare()
    decontamination()
    text = pa.array([SENTENCE], pa.large_string())
    with tempfile.TemporaryDirectory() as folder:
        for training in (Training(), Training(tokens="words")):
            place = Path(folder) / training.tokens
            train(lambda: [text], training, place, 1 << 25, keep_arpa=True)
            load(str(place)).perplexity(text)
        cluster(Path(folder) / "00000.arrow")
    minhash()
    tokens()
    windows()


def cluster(place: Path) -> None:
    """Finds, joins and cuts the duplicates among no documents at all."""
    write(place, signed(0, 0))
    left, right, _, _ = edges([Signatures.open(place)], [0], "00", 0, 1 << 64)
    components([(left, right)], 1)
    left.flags.writeable = right.flags.writeable = False  # as if they came from a file
    rows, component = components([(left, right)], 1)
    representatives(rows, component, np.zeros((0, 16), np.uint8))
    for kind in (np.uint32, np.uint64):
        none, signatures = np.zeros((0, 2), np.uint64), np.zeros((0, 1), kind)
        members = Members(np.zeros(1, np.int64), rows, none, signatures=signatures, shingles=rows)
        stars(members, Bounds())
        matching_band(signatures, rows, rows, 1, 1)


def decontamination() -> None:
    """Looks for one document in another."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "one.jsonl"
        place.write_text('{"text": "' + SENTENCE + '"}')
        Decontaminate((place,)).prepare()


def minhash() -> None:
    """Signs a document at both widths."""
    data, offsets = texts(pa.array([SENTENCE], pa.large_string()))
    for banding in (Banding(2, 2), Banding(2, 2, 64)):
        signer = Signer(Shingling(), banding)
        signatures = signer.sign(data, offsets).signatures
        signer.keys(signatures)
        signer.sets(data, offsets)


def tokens() -> None:
    """Encodes a text by a vocabulary of it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "tokenizer.model"
        place.write_bytes(train_vocabulary([SENTENCE], 300, coverage=1.0))
        vocabulary = load_vocabulary(place)
        vocabulary.encode(SENTENCE + " " * 200)


def windows() -> None:
    """Copies no window of tokens of either width, as if they came from files."""
    none, ends = np.zeros(0, np.int64), np.frombuffer(b"", "<i8")
    permuted(none, 1, keys())
    _pieces(none, 1, none, none, none)
    positions = np.zeros((0, 1), np.int32)
    for kind in ("<u2", "<u4"):
        tokens, pieces = np.frombuffer(b"", kind), np.zeros((0, 5), np.int64)
        _copy(tokens, ends, pieces, pieces, positions)


if __name__ == "__main__":
    compile_all()
