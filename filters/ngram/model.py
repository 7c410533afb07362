"""A language model that is open, and how texts are scored by it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.filters.kernels import edits
from tamis.filters.kernels.arrays import Longs
from tamis.filters.ngram import binary, pieces
from tamis.filters.ngram.model_files import BINARY, PIECES, facts_of, files_of
from tamis.filters.ngram.scorer import score
from tamis.filters.ngram.tokens import Tokens
from tamis.filters.ngram.vocabulary import Vocabulary

PART = 4 << 20  # bytes of text that are worked on at once
KNOWN = 0.5  # of the pieces that are no word of the n-grams, a model has fewer

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LanguageModel:
    """A model that is open; its n-grams are memory-mapped and shared by all processes."""

    tokens: Tokens
    ngrams: binary.Model
    facts: dict[str, Any]

    def score(self, texts: pa.LargeStringArray) -> tuple[Doubles, Longs]:
        """Of every text: log10 of its probability, and its tokens with the ends of sentences.

        Nulls are not allowed. A text without a sentence has 0 of both.
        """
        logs, lengths = np.zeros(len(texts)), np.zeros(len(texts), np.int64)
        data, offsets = edits.texts(texts)
        start = 0
        while start < len(texts):
            stop = int(np.searchsorted(offsets, offsets[start] + PART, side="right")) - 1
            stop = min(max(stop, start + 1), len(texts))
            ids, ends, documents = self.tokens.read(data, offsets[start : stop + 1])
            sums = np.append(0.0, np.cumsum(score(self.ngrams, ids, ends)))
            places = np.append(0, ends)[documents]
            logs[start:stop] = np.diff(sums[documents])
            lengths[start:stop] = np.diff(places) + np.diff(documents)
            start = stop
        return logs, lengths

    def perplexity(self, texts: pa.LargeStringArray) -> Doubles:
        """The perplexity of every text, NaN for one without a sentence.

        10^(-sum of log10 p / sum of tokens and sentence ends), rounded to a tenth in the form of
        CCNet, as CCNet does. Source: Wenzek et al. 2019 (arXiv 1911.00359), section 3.3.
        """
        return self.perplexities(*self.score(texts))

    def perplexities(self, logs: Doubles, lengths: Longs) -> Doubles:
        """The perplexities of scores."""
        with np.errstate(invalid="ignore"):
            found = 10.0 ** (-logs / np.where(lengths > 0, lengths, np.nan))
        return np.round(found, 1) if self.facts["form"] == "ccnet" else found


def load(place: str) -> LanguageModel:
    """The model in a folder, or of a bare file; raises ValueError if it is not whole.

    One that was loaded before is not read again, unless its files have changed since.
    """
    stats = [path.stat() for path in files_of(Path(place)).values()]
    stamp = tuple((one.st_dev, one.st_ino, one.st_mtime_ns, one.st_size) for one in stats)
    return _load(place, stamp)


@lru_cache(maxsize=256)
def _load(place: str, stamp: tuple[tuple[int, ...], ...]) -> LanguageModel:
    files = files_of(Path(place))
    facts = facts_of(Path(place), files)
    made = None
    if PIECES in files:
        try:
            made = pieces.load(files[PIECES].read_bytes())
        except ValueError as error:
            raise ValueError(f"{files[PIECES]}: {error}") from error
    ngrams = binary.open_model(files[BINARY])
    _check_related(files, made, ngrams)
    vocabulary = Vocabulary(*ngrams.vocabulary)
    return LanguageModel(Tokens(facts["form"], made, vocabulary), ngrams, facts)


def _check_related(
    files: dict[str, Path], made: pieces.Pieces | None, ngrams: binary.Model
) -> None:
    """Raises ValueError if hardly a piece is a word of the n-grams: they are of two models."""
    if made is None:
        return
    known = sum(ngrams.number(piece) > 0 for piece in made.names)
    if known < KNOWN * len(made.names):
        raise ValueError(
            f"{files[PIECES]} and {files[BINARY]} do not belong together: of "
            f"{len(made.names):,} pieces only {known:,} are words of the n-grams"
        )
