"""Forms by which lines are compared: what each makes of every character."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Ints
from tamis.filters.kernels.kept import kept
from tamis.filters.kernels.unicode_tables import LAST, assigned

FORMS = ("ccnet", "lower", "exact")
PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
"""What `ccnet` deletes besides control characters; of `１` it makes a 0 before."""
DELETED, SIGMA, DOTTED = -1, -2, -3
"""In place of a character: nothing; a sigma by what stands beside it; DOTTED_I in lower case."""
DOTTED_I, SMALL_I, DOT_ABOVE = 0x130, 0x69, 0x307
_ZERO = 0x30


class _Form(NamedTuple):
    becomes: Ints
    """Of every code point: what it becomes, or what else is done with it."""


@lru_cache
def form_table(form: str) -> Ints:
    """What a form makes of every code point; ValueError for one that is none of FORMS."""
    if form not in FORMS:
        raise ValueError(f"No form of lines is called {form!r}; there are {FORMS}.")
    if form == "exact":
        return np.arange(LAST, dtype=np.int32)
    return kept(f"lines-{form}", _Form, lambda: _make(form == "ccnet")).becomes


def _make(ccnet: bool) -> _Form:
    becomes = np.arange(LAST, dtype=np.int32)
    for code in assigned():
        becomes[code] = _become(chr(code), ccnet)
    return _Form(becomes)


def _become(char: str, ccnet: bool) -> int:
    if char == "\u03a3":
        return SIGMA
    if ord(char) == DOTTED_I:
        return DOTTED  # i and a dot above: the one character whose lower case is two
    lower = char.lower()
    if ccnet and lower.isdecimal():
        return _ZERO
    if ccnet and (lower in PUNCTUATION or unicodedata.category(lower) == "Cc"):
        return DELETED
    return ord(lower)
