"""What the kernels know of every code point, in arrays, made out of `unicodedata` and `str`.

Python's own answers are the definition: SPACE is `str.isspace`, folding is `str.lower` and NFD. So
the tables are those of the running Python's Unicode version. Making them takes half a second; they
are kept beside the compiled kernels.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels import symbols
from tamis.filters.kernels.kept import kept
from tamis.filters.kernels.word_classes import word_class

# A character's properties, bits of its flags.
SPACE = 1 << 0  # isspace
SEPARATOR = 1 << 1  # of words: isspace, and ZERO WIDTH SPACE
ALPHA = 1 << 2
ALNUM = 1 << 3
WORD = 1 << 4  # \w
UPPER = 1 << 5  # isupper
UNUPPER = 1 << 6  # lower or title case: a word with it is not in capitals
NUMERIC = 1 << 7
DIGIT = 1 << 8
SYMBOL = 1 << 9  # of the set by which FineWeb tells words from symbols
TERMINAL = 1 << 10  # ends a sentence, in any script
BREAK = 1 << 11  # ends a line for str.splitlines
PUNCTUATION = 1 << 12  # string.punctuation
LATIN = 1 << 13  # a-z, A-Z
FOLDS = 1 << 14  # lower case and NFD change it
CASED = 1 << 15  # for the form of a small sigma at the end of a word
IGNORABLE = 1 << 16  # likewise
MARK = 1 << 17  # has a combining class, so that its place among others may change
DECIMAL = 1 << 18  # isdecimal, \d
CLASS = 24  # its word class stands in the bits from here

LAST = 0x110000
UNASSIGNED = range(0x33480, 0xE0000)  # in Unicode 17 nothing is assigned here


class Tables(NamedTuple):
    """Arrays over code points; what kernels are given."""

    flags: npt.NDArray[np.uint32]
    """Properties, and the word class from bit CLASS."""
    fold: npt.NDArray[np.int32]
    """Where in `folded` the folded form stands: 8 x place + length; 0 where folding keeps it."""
    folded: npt.NDArray[np.int32]
    """Code points of folded forms, one after another."""
    combining: npt.NDArray[np.uint8]
    """Canonical combining class."""


@lru_cache
def tables() -> Tables:
    """The tables, read from where they are kept or made."""
    return kept("unicode", Tables, make)


def make() -> Tables:
    """Makes the tables."""
    flags = np.zeros(LAST, np.uint32)
    fold = np.zeros(LAST, np.int32)
    combining = np.zeros(LAST, np.uint8)
    folded: list[int] = []
    for code in assigned():
        char = chr(code)
        flags[code] = properties(char)
        combining[code] = unicodedata.combining(char)
        form = unicodedata.normalize("NFD", char.lower())
        if form != char:
            fold[code] = 8 * len(folded) + len(form)
            flags[code] |= FOLDS
            folded += map(ord, form)
    return Tables(flags, fold, np.array(folded, np.int32), combining)


def assigned() -> Iterator[int]:
    """Every code point that may be a character, but for those of private use above U+FFFF."""
    for code in range(LAST):
        if code not in UNASSIGNED and not 0xD800 <= code < 0xE000 and code < 0xF0000:
            yield code


def properties(char: str) -> int:
    """The flags of a character, but for FOLDS."""
    lower = (char + "\u03a3").lower().endswith("\u03c2")
    skipped = ("a" + char + "\u03a3").lower().endswith("\u03c2")
    answers = {
        SPACE: char.isspace(),
        SEPARATOR: char.isspace() or char == "\u200b",
        ALPHA: char.isalpha(),
        ALNUM: char.isalnum(),
        WORD: char.isalnum() or char == "_",
        UPPER: char.isupper(),
        UNUPPER: char.islower() or unicodedata.category(char) == "Lt",
        NUMERIC: char.isnumeric(),
        DIGIT: char.isdigit(),
        SYMBOL: char in symbols.SYMBOLS,
        TERMINAL: char in symbols.TERMINAL,
        BREAK: len(f"a{char}b".splitlines()) == 2,
        PUNCTUATION: char in string.punctuation,
        LATIN: char in string.ascii_letters,
        CASED: lower,
        IGNORABLE: skipped and not lower,
        MARK: unicodedata.combining(char) > 0,
        DECIMAL: char.isdecimal(),
    }
    return sum(bit for bit, holds in answers.items() if holds) | word_class(char) << CLASS
