"""Signs that rules look for, counted in one pass over a document."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Hashes, Ints
from tamis.filters.kernels.compiled import inlined, kernel
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
    TOKENS fastText's that start with a letter or digit. No branch but for full stops.
    """
    number_signs = ellipses = spaced_ellipses = braces = sentences = tokens = breaks = 0
    dots = following = 0
    inside, fresh = False, True
    for place in range(doc.counts[CHARACTERS]):
        code, prop = doc.codes[place], doc.props[place]
        number_signs += code == NUMBER_SIGN
        braces += (code == _OPEN) | (code == _CLOSE)
        ellipses += code == ELLIPSIS
        breaks += prop & BREAK != 0
        if code == DOT:
            dots += 1
            if dots == 3:
                ellipses += 1
                dots = 0
            if place >= following and spaced_dots(doc.codes, place):
                spaced_ellipses += 1
                following = place + 5
        else:
            dots = 0
        word = prop & WORD != 0
        sentences += word & (not inside)
        ends = (code == DOT) | (code == _QUESTION) | (code == _EXCLAMATION)
        inside = (inside | word) & (not ends)
        blank = (code == SPACE) | ((code >= 0x09) & (code <= 0x0D)) | (code == 0)
        tokens += fresh & (prop & ALNUM != 0)
        fresh = blank
    doc.counts[NUMBER_SIGNS] = number_signs
    doc.counts[ELLIPSES] = ellipses
    doc.counts[SPACED_ELLIPSES] = spaced_ellipses
    doc.counts[BRACES] = braces
    doc.counts[SENTENCES] = sentences
    doc.counts[TOKENS] = tokens
    doc.counts[BREAKS] = breaks


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
