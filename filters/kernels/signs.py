"""Signs that rules look for, counted in one pass over a document."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Flags, Hashes, Ints
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.document import (
    BRACES,
    BREAKS,
    CHARACTERS,
    ELLIPSES,
    NUMBER_SIGNS,
    SENTENCES,
    SPACED_ELLIPSES,
    TOKENS,
    Document,
)
from tamis.filters.kernels.unicode_tables import ALNUM, BREAK, WORD

SPACE, NUMBER_SIGN, DOT, ELLIPSIS = 0x20, 0x23, 0x2E, 0x2026
_OPEN, _CLOSE, _QUESTION, _EXCLAMATION = 0x7B, 0x7D, 0x3F, 0x21


@inlined
def share(part: int, whole: int) -> float:
    """part / whole, NaN of nothing."""
    return part / whole if whole else np.nan


@kernel
def count_signs(doc: Document) -> None:
    """Fills doc.counts from NUMBER_SIGNS on.

    ELLIPSES are `...` and U+2026, SPACED_ELLIPSES `. . .`; SENTENCES what `\\b[^.!?]+[.!?]*` finds,
    TOKENS fastText's that start with a letter or digit.
    """
    codes, props, counts = doc.codes, doc.props, doc.counts
    count = counts[CHARACTERS]
    number_signs = ellipses = braces = breaks = 0
    for place in range(count):  # eight at a time
        number_signs += codes[place] == NUMBER_SIGN
        braces += (codes[place] == _OPEN) | (codes[place] == _CLOSE)
        ellipses += codes[place] == ELLIPSIS
        breaks += props[place] & BREAK != 0
    counts[NUMBER_SIGNS] = number_signs
    counts[ELLIPSES] = ellipses
    counts[BRACES] = braces
    counts[BREAKS] = breaks
    counts[TOKENS] = tokens(codes, props, count)
    _stops(doc)


@kernel
def tokens(codes: Ints, props: Flags, count: int) -> int:
    """How many of fastText's tokens, cut at NUL and ASCII blanks, start with a letter or digit."""
    found = 1 if count and props[0] & ALNUM else 0
    for place in range(1, count):
        before = codes[at(place - 1)]
        blank = (before == SPACE) | ((before >= 0x09) & (before <= 0x0D)) | (before == 0)
        found += blank & (props[at(place)] & ALNUM != 0)
    return found


@kernel
def _stops(doc: Document) -> None:
    """What full stops, question and exclamation marks make: sentences and ellipses."""
    codes, props, counts = doc.codes, doc.props, doc.counts
    sentences = ellipses = spaced_ellipses = dots = 0
    word = stop = last_dot = -1
    following = 0
    for place in range(counts[CHARACTERS]):
        code = codes[place]
        word = place if props[place] & WORD else word
        if code in (DOT, _QUESTION, _EXCLAMATION):
            sentences += word > stop
            stop = place
            if code == DOT:
                dots = dots + 1 if last_dot == place - 1 else 1
                last_dot = place
                if dots == 3:
                    ellipses += 1
                    dots = 0
                if place >= following and spaced_dots(codes, place):
                    spaced_ellipses += 1
                    following = place + 5
    counts[SENTENCES] = sentences + (word > stop)
    counts[ELLIPSES] += ellipses
    counts[SPACED_ELLIPSES] = spaced_ellipses


@inlined
def spaced_dots(codes: Ints, start: int) -> bool:
    """Whether `. . .` stands at a place; behind a text's last character stands a newline."""
    return bool(
        codes[start] == DOT
        and codes[start + 1] == SPACE
        and codes[start + 2] == DOT
        and codes[start + 3] == SPACE
        and codes[start + 4] == DOT
    )


@inlined
def ends_in_ellipsis(codes: Ints, start: int, stop: int) -> bool:
    """Whether codes[start:stop] ends with three full stops or U+2026."""
    if stop > start and codes[stop - 1] == ELLIPSIS:
        return True
    if stop - start < 3 or codes[stop - 1] != DOT:
        return False
    return bool(codes[stop - 2] == DOT and codes[stop - 3] == DOT)


@inlined
def is_in(table: Hashes, key: np.uint64) -> bool:
    """Whether a hash is in a table: open addressing, a power of two long, 0 where it is empty."""
    mask = np.uint64(len(table) - 1)
    place = key & mask
    while table[place] and table[place] != key:
        place = (place + np.uint64(1)) & mask
    return bool(table[place] == key)
