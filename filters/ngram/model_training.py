"""A model out of reference text: its pieces, its n-grams, its folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.edits import texts as buffers_of
from tamis.filters.ngram import arpa, arpa_reader, binary_writer, lmplz, pieces, pieces_training
from tamis.filters.ngram.checking import check
from tamis.filters.ngram.estimate import estimate
from tamis.filters.ngram.levels import END, Levels
from tamis.filters.ngram.model import load
from tamis.filters.ngram.model_files import ARPA, BINARY, PIECES, describe
from tamis.filters.ngram.normalise import normalised
from tamis.filters.ngram.settings import Texts, Training
from tamis.filters.ngram.tokens import Tokens
from tamis.filters.ngram.vocabulary import Vocabulary

MEMORY = 1 << 30
RESERVED = 240 << 20
"""Bytes that Python, libraries, buffers and the vocabulary take; the rest is for sorting."""
LEAST = 1 << 25
NOTHING = "there is no sentence in the reference text"


def train(
    texts: Texts,
    training: Training,
    folder: Path,
    memory: int = MEMORY,
    program: str = "",
    keep_arpa: bool = False,
    sources: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Makes a model of the texts in an empty folder; gives what its lm.json says.

    memory bounds the process while it estimates, in bytes, from half a gigabyte on. program
    is KenLM's lmplz, to estimate in our stead.
    sources are the names and digests of where the texts are from, to be written down.
    Raises ValueError for what cannot be learnt from.
    """
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    try:
        made = _train_pieces(texts, training, folder)
        tokens = Tokens(training.form, made, Vocabulary())
        read = _Sentences(texts, tokens)
        words = tokens.vocabulary.words
        levels: Levels
        if program:
            order = training.order
            path = lmplz.estimate(program, read.blocks(), words, order, memory, scratch)
            known, levels = arpa_reader.read(path)
            facts: dict[str, Any] = {"estimator": "lmplz"}
        else:
            sorting = room(memory)
            found = estimate(read.blocks(), lambda: len(words()), training.order, sorting, scratch)
            known, levels = words(), found
            facts = {
                "estimator": "tamis",
                "discounts": [list(map(float, taken)) for taken in found.discounts],
                "fell_back": {str(order): why for order, why in found.fell_back},
            }
        binary_writer.write(folder / BINARY, known, levels)
        if keep_arpa:
            arpa.write(folder / ARPA, known, levels)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    text = {"sentences": read.sentences, "tokens": read.tokens, "sources": list(sources)}
    facts = {**asdict(training), **facts, "counts": list(levels.counts), "text": text}
    described = describe(folder, facts)
    check(load(str(folder)), next(iter(texts())))
    return described


def room(memory: int) -> int:
    """The bytes that estimation may sort in when the whole process is to stay below `memory`."""
    return max(memory - RESERVED, LEAST)


def _train_pieces(texts: Texts, training: Training, folder: Path) -> pieces.Pieces | None:
    if training.tokens == "words":
        return None
    lines = (
        line.encode()
        for batch in texts()
        for text in batch
        for line in normalised(text.as_py(), training.form).split("\n")
        if line
    )
    first = next(lines, None)
    if first is None:
        raise ValueError(NOTHING)
    data = pieces_training.train(chain([first], lines), training.vocabulary)
    (folder / PIECES).write_bytes(data)
    return pieces.load(data)


class _Sentences:
    """The reference text as ids, and how much of it there was."""

    def __init__(self, texts: Texts, tokens: Tokens) -> None:
        self.texts, self.reader = texts, tokens
        self.sentences = self.tokens = 0

    def blocks(self) -> Iterator[npt.NDArray[np.uint32]]:
        """Ids with END behind every sentence."""
        for text in self.texts():
            ids, ends, _ = self.reader.read(*buffers_of(text))
            self.sentences += len(ends)
            self.tokens += len(ids)
            if len(ends):
                yield np.insert(ids, ends, np.uint32(END))
        if not self.sentences:
            raise ValueError(NOTHING)
