"""The n-grams of a model, order by order: what estimation gives and what files are written from.

Words are numbers: UNKNOWN, BEGIN and END, then those of the text in the order of their first
appearance. An n-gram is one integer of 128 bits: its last word stands in the highest bits, the one
before it next, its first word in the lowest. So n-grams with the same ending are neighbours when
they are sorted (suffix order), a shift by one word to the right drops the first word, and a context
comes in the order of the shorter n-gram that it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

UNKNOWN, BEGIN, END = 0, 1, 2
SPECIAL = (b"<unk>", b"<s>", b"</s>")
HIGHEST_ORDER = 6

Keys = npt.NDArray[np.uint64]
"""Shape (n, 2): the high and the low half of every integer."""
Floats = npt.NDArray[np.float32]


class Level(NamedTuple):
    """Some n-grams of one order, in suffix order."""

    keys: Keys
    prob: Floats
    """log10 of the probability of the last word after the others."""
    backoff: Floats
    """log10 of the weight of what is shorter, where the n-gram is a context; of the highest order
    always 0."""


class Levels(Protocol):
    """The n-grams of a model."""

    @property
    def counts(self) -> tuple[int, ...]:
        """How many there are of every order, from 1."""

    @property
    def bits(self) -> int:
        """How many bits a word has in a key."""

    def blocks(self, order: int) -> Iterator[Level]:
        """The n-grams of an order, a block at a time; together they are in suffix order."""
