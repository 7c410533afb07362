"""A model that was just made, asked by KenLM's own library: the two must agree."""

from __future__ import annotations

import kenlm
import numpy as np
import pyarrow as pa

from tamis.filters.ngram.model import LanguageModel

TEXTS, CHARACTERS = 50, 2000
"""How many texts are asked about, and how much of each: some milliseconds."""
CLOSE = 1e-4


def check(model: LanguageModel, texts: pa.LargeStringArray) -> None:
    """Raises ValueError if the library scores the first of these texts differently."""
    some = [text[:CHARACTERS] for text in texts.slice(0, TEXTS).to_pylist()]
    ours, _ = model.score(pa.array(some, pa.large_string()))
    library = kenlm.Model(str(model.ngrams.path))
    for text, found in zip(some, ours.tolist(), strict=True):
        sentences = (b" ".join(words).decode() for words in model.tokens.strings(text))
        expected = sum(library.score(sentence) for sentence in sentences)
        if not np.isclose(found, expected, rtol=CLOSE, atol=CLOSE):
            raise ValueError(
                f"{model.ngrams.path} gives a text {found:.4f} and KenLM gives it {expected:.4f}: "
                "this must not be, please report it with the text"
            )
