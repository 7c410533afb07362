"""Phrases that many documents of the pool have, and held-out documents that consist of them.

A notice of 13 words, or the line on `--help` of every manual, is in a hundred documents: to take
them all out of the pool for it, or the held-out document, would cost much and keep nothing secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tamis.filters.decontamination import Decontaminate, frequent, shares_in
from tamis.filters.references import records
from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.texts import batches, documents

MORE_THAN = 10
"""Documents of the pool that an n-gram may be in; if it is in more it is a phrase."""
SHARE = 0.2
"""Of a held-out document's words so many may be in phrases; with more it is boilerplate."""
FILE = "phrases.npy"


def phrases(
    corpus: Corpus, folder: Path, ngram: int = 13, more_than: int = MORE_THAN
) -> np.ndarray:
    """Writes the held-out n-grams that more documents of the corpus have to FILE in a folder.

    It gives their hashes, ascending; the corpus is read once by one core, 200 MB of text a second.
    """
    found = frequent(_against(folder, ngram), _texts(corpus), more_than)
    with files.atomic(folder / FILE) as draft, draft.path.open("wb") as file:
        np.save(file, found, allow_pickle=False)
    return found


def boilerplate(folder: Path, found: np.ndarray, ngram: int = 13, share: float = SHARE) -> set[str]:
    """The held-out documents of which a larger share is in phrases, as `FILE:ID`."""
    measure = _against(folder, ngram)
    names: set[str] = set()
    for path in sorted(folder.glob("*.jsonl")):
        rows = [record for _, record in records(path)]
        texts = pa.array([row["text"] for row in rows], pa.large_string())
        above = np.flatnonzero(shares_in(measure, found, texts) > share)
        names |= {f"{path.stem}:{rows[row]['id']}" for row in above.tolist()}
    return names


def _against(folder: Path, ngram: int) -> Decontaminate:
    return Decontaminate(tuple(map(str, sorted(folder.glob("*.jsonl")))), ngram=ngram)


def _texts(corpus: Corpus) -> Iterator[pa.LargeStringArray]:
    for batch in batches(documents(corpus), ["text"]):
        yield batch.column("text")
