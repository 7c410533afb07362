"""A language model on disk, and how texts are scored by it.

A folder holds `lm.bin`, the n-grams in KenLM's probing format; `sp.model`, the pieces, unless its
tokens are words; and `lm.json`, which says what they are, by digest. A bare `NAME.bin` with
`NAME.sp.model` beside it is a model as CCNet published them (en.arpa.bin, en.sp.model).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.filters.kernels.arrays import Bytes, Longs
from tamis.filters.ngram import binary, pieces
from tamis.filters.ngram.scorer import score
from tamis.filters.ngram.tokens import Tokens
from tamis.filters.ngram.vocabulary import Vocabulary

BINARY, PIECES, ARPA, FACTS = "lm.bin", "sp.model", "lm.arpa", "lm.json"
FORMAT = 1
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
        data, offsets = buffers(texts)
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


def buffers(texts: pa.LargeStringArray) -> tuple[Bytes, Longs]:
    """The bytes of texts, and where each begins and the last ends."""
    _, offsets, data = texts.buffers()
    if data is None:
        return np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int64)
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8), ends


def files_of(place: Path) -> dict[str, Path]:
    """The files of a model that is a folder or a bare .bin; raises FileNotFoundError."""
    if place.is_dir():
        if not (place / FACTS).is_file():
            raise FileNotFoundError(f"{place} is no language model: there is no {FACTS} in it")
        wanted = json.loads((place / FACTS).read_bytes())["files"]
        found = {name: place / name for name in wanted}
    else:
        stem = place.name.removesuffix(".bin").removesuffix(".arpa")
        found = {BINARY: place, PIECES: place.with_name(f"{stem}.sp.model")}
    for path in found.values():
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing, a part of the model {place}")
    return found


@lru_cache(maxsize=256)
def load(place: str) -> LanguageModel:
    """The model in a folder, or of a bare file; raises ValueError if it is not whole."""
    files = files_of(Path(place))
    facts = _facts(Path(place), files)
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


def _facts(place: Path, files: dict[str, Path]) -> dict[str, Any]:
    """What lm.json says; raises ValueError if the files beside it are others."""
    if not place.is_dir():
        return {"form": "ccnet", "tokens": "sentencepiece"}
    facts: dict[str, Any] = json.loads((place / FACTS).read_bytes())
    if facts.get("format") != FORMAT:
        raise ValueError(f"{place}/{FACTS} has format {facts.get('format')}; this reads {FORMAT}")
    for name, path in files.items():
        said = facts["files"][name]
        if path.stat().st_size != said["bytes"] or (
            name == PIECES and _digest(path) != said["sha256"]
        ):
            raise ValueError(
                f"{path} does not belong to this model: it is not the file that {FACTS} names"
            )
    return facts


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


def check_digests(place: Path) -> None:
    """Raises ValueError if a file of a model's folder is not the one that lm.json names."""
    if not place.is_dir():
        return
    named = json.loads((place / FACTS).read_bytes())["files"]
    for name, path in files_of(place).items():
        if _digest(path) != named[name]["sha256"]:
            raise ValueError(f"{path} is not the file that {place / FACTS} names: it changed since")


def describe(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Writes lm.json, which names the files by digest; gives what it says."""
    files = [folder / name for name in (BINARY, PIECES) if (folder / name).is_file()]
    named = {p.name: {"bytes": p.stat().st_size, "sha256": _digest(p)} for p in files}
    whole = {"format": FORMAT, **facts, "files": named}
    (folder / FACTS).write_text(json.dumps(whole, indent=2) + "\n")
    return whole


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
