"""What normalising makes of every character, in two forms.

`ccnet` is cc_net's: lower case, decomposed, without any mark, digits as 0, typographic punctuation
as ASCII, no control characters; a document is one sentence. `fixed` differs where that harms: line
breaks end sentences instead of gluing words, and of the marks only accents and optional points are
dropped (combining class 10 to 36, or 200 and more), so that Indic and Thai vowels stay.
Source: cc_net/text_normalizer.py.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tamis.filters.kernels import unicode_tables
from tamis.filters.kernels.arrays import Bytes, Flags, Ints
from tamis.filters.kernels.kept import kept
from tamis.filters.kernels.unicode_tables import LAST, assigned

FORMS = ("fixed", "ccnet")
WIDEST = 3
"""No text becomes more than so many times as long, in bytes: a Hangul syllable is three letters."""

KEPT, REPLACED, DROPPED, MARKS, BREAK, SIGMA = range(6)
"""What happens to a character: it stays; it becomes others; it is a mark that vanishes; it is or
becomes something with a mark that stays, whose place among others may change; it ends a sentence;
it is a capital sigma, whose small form depends on what stands beside it."""
KIND_BITS, SIZE_BITS = 3, 5
OTHER = 0xFF
"""In Form.ascii, of what is no ASCII or ends a sentence; 0 is of what is deleted."""

_MAP = dict(
    zip(
        "，。、„”“«»１」「《》´∶：？！（）；–～’━〈〉【】％►",
        ',.,""""""""""\'::?!();-~\'-<>[]%-',
        strict=True,
    )
)
PUNCTUATION = {**_MAP, "—": " - ", "．": ". ", "…": "..."}


class Form(NamedTuple):
    """Arrays over characters; what kernels are given."""

    ascii: Bytes
    """Of every byte: what it becomes, 0 or OTHER."""
    entries: Ints
    """Of every code point: where its replacement stands in `pool`, then its size in bytes in
    SIZE_BITS bits, then what happens in KIND_BITS bits."""
    pool: Bytes
    """Replacements in UTF-8, one after another."""
    flags: Flags
    """Those of unicode_tables."""
    combining: Bytes
    """Canonical combining class."""
    lines: Bytes
    """1 if line breaks end sentences, as the only item."""


class _Made(NamedTuple):
    ascii: Bytes
    entries: Ints
    pool: Bytes


@lru_cache
def tables(form: str) -> Form:
    """The tables of a form, one of FORMS; ValueError for another."""
    if form not in FORMS:
        raise ValueError(f"No form of normalising is called {form!r}; there are {FORMS}.")
    lines = form == "fixed"
    made = kept(f"normalise-{form}", _Made, lambda: make(lines))
    unicode = unicode_tables.tables()
    return Form(*made, unicode.flags, unicode.combining, np.array([lines], np.uint8))


def make(lines: bool) -> _Made:
    """Makes the tables of the form `fixed` if lines, else of `ccnet`."""
    ascii_ = np.full(256, OTHER, np.uint8)
    entries = np.zeros(LAST, np.int32)
    pool = bytearray()
    for code in assigned():
        kind, text = replacement(chr(code), lines)
        if code < 0x80 and kind != BREAK:
            ascii_[code] = ord(text or "\0")
        if kind == KEPT:
            continue
        encoded = text.encode()
        assert len(encoded) <= WIDEST * len(chr(code).encode()) < 1 << SIZE_BITS
        entries[code] = (len(pool) << SIZE_BITS | len(encoded)) << KIND_BITS | kind
        pool += encoded
    return _Made(ascii_, entries, np.frombuffer(pool, np.uint8))


def replacement(char: str, lines: bool) -> tuple[int, str]:
    """What happens to a character, and what it becomes."""
    if lines and len(f"a{char}b".splitlines()) == 2:
        return BREAK, ""
    if char == "\u03a3":
        return SIGMA, "\u03c3"
    decomposed = unicodedata.normalize("NFD", char.lower())
    left = [c for c in decomposed if not _vanishes(c, lines)]
    text = "".join(_mapped(c, lines) for c in left)
    if any(map(unicodedata.combining, left)):
        return MARKS, text
    if not left and all(map(unicodedata.combining, decomposed)):
        return DROPPED, ""
    return (KEPT if text == char else REPLACED), text


def _vanishes(char: str, lines: bool) -> bool:
    rank = unicodedata.combining(char)
    return unicodedata.category(char) == "Mn" and (not lines or rank >= 200 or 10 <= rank <= 36)


def _mapped(char: str, lines: bool) -> str:
    if char.isdecimal():
        return "0"
    if char < "\x20" or "\x7f" <= char < "\xa0":
        return " " if lines and char.isspace() else ""
    return PUNCTUATION.get(char, char)
