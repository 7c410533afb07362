"""What a language model is made like, apart from what makes it: recipes are read without Numba."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Texts = Callable[[], Iterable[pa.LargeStringArray]]
"""The reference text, a batch at a time; it is read more than once."""


@dataclass(frozen=True)
class Training:
    """What a model is made like; the defaults are CCNet's but for the form."""

    order: int = 5
    tokens: Literal["sentencepiece", "words"] = "sentencepiece"
    vocabulary: int = 65_536
    """How many pieces there are, or fewer where the text is too small for so many."""
    form: Literal["fixed", "ccnet"] = "fixed"
