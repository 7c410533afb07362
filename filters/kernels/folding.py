"""Words in lower case and canonically decomposed, as `str.lower` and NFD have them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Ints
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.unicode_tables import (
    CASED,
    FOLDS,
    IGNORABLE,
    MARK,
    NUMERIC,
    PUNCTUATION,
    SPACE,
    Tables,
)

WIDEST = 4
"""No character becomes more than so many."""


class Seen(NamedTuple):
    """What was seen up to the end of every line."""

    words: Ints
    numeric: Ints


_NEWLINE = 0x0A
_SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C2


@inlined
def fold_plain(codes: Ints, props: Flags, start: int, stop: int, folded: Ints) -> tuple[int, bool]:
    """As `fold`, for most words; gives the length and whether it holds, else `fold` is to be asked.

    It is part of its caller: the call would cost more than the work.
    """
    odd = np.uint32(0)
    for place in range(start, stop):
        code, prop = codes[place], props[place]
        folded[place - start] = code + 32 if prop & FOLDS else code
        odd |= prop if code >= 0x80 else np.uint32(0)
    return stop - start, odd & (FOLDS | MARK) == 0


@kernel
def fold(codes: Ints, props: Flags, start: int, stop: int, tables: Tables, folded: Ints) -> int:
    """Writes the folded form of codes[start:stop], a word between whitespace; gives its length.

    folded holds at least WIDEST * (stop - start). Whitespace must stand behind the last character
    of the text, if only in props.
    """
    size = 0
    for place in range(start, stop):
        size = _append(codes, props, place, False, tables, folded, size)
    _order_marks(folded, 0, size, tables.combining)
    return size


@kernel
def fold_words(
    codes: Ints, props: Flags, count: int, tables: Tables, folded: Ints, ends: Ints, seen: Seen
) -> tuple[int, int]:
    """Writes the words of a text folded and without ASCII punctuation, one after another.

    ends: where each ends, after a zero. seen: words and numeric characters up to the end of every
    line. Gives how many words and characters there are. Whitespace must stand behind the text.
    """
    size = words = numeric = line = last = 0
    marks = False
    ends[0] = 0
    for place in range(count + 1):
        code, prop = codes[place], props[place]
        if code >= 0x80 and prop & (FOLDS | MARK):
            before = size
            size = _append(codes, props, place, True, tables, folded, size)
            for k in range(before, size):
                numeric += tables.flags[folded[k]] & NUMERIC != 0
            marks = True
            continue
        folded[at(size)] = code + 32 if prop & FOLDS else code
        size += prop & (SPACE | PUNCTUATION) == 0
        numeric += prop & NUMERIC != 0
        closes = (prop & SPACE != 0) & (size > last)
        ends[at(words + 1)] = size
        words += closes
        last = size if closes else last
        if code == _NEWLINE:
            seen.words[line] = words
            seen.numeric[line] = numeric
            line += 1
    if marks:
        for word in range(words):
            _order_marks(folded, ends[word], ends[word + 1], tables.combining)
    return words, size


@kernel
def _append(
    codes: Ints,
    props: Flags,
    place: int,
    drop: bool,
    tables: Tables,
    folded: Ints,
    size: int,
) -> int:
    """Adds the folded form of a character; gives the new size.

    drop: ASCII punctuation is not there for whoever asks what stands beside the character.
    """
    code, prop = codes[place], props[place]
    if not prop & FOLDS:
        folded[size] = code
        return size + 1
    if code == _SIGMA and _is_final(props, place, drop):
        folded[size] = _FINAL_SIGMA
        return size + 1
    entry = tables.fold[code]
    for k in range(entry >> 3, (entry >> 3) + (entry & 7)):
        folded[size] = tables.folded[k]
        size += 1
    return size


@inlined
def _is_skipped(prop: int, drop: bool) -> bool:
    return prop & IGNORABLE != 0 or (drop and prop & PUNCTUATION != 0)


@kernel
def _is_final(props: Flags, place: int, drop: bool) -> bool:
    """Whether a capital sigma ends its word: a cased letter stands before it and none behind."""
    before = place - 1
    while before >= 0 and not props[before] & SPACE and _is_skipped(props[before], drop):
        before -= 1
    if before < 0 or not props[before] & CASED:
        return False
    after = place + 1
    while not props[after] & SPACE and _is_skipped(props[after], drop):
        after += 1
    return not props[after] & CASED


@kernel
def _order_marks(folded: Ints, place: int, size: int, combining: Bytes) -> None:
    """Puts the marks behind every starter in the order of their classes (canonical ordering).

    A counting sort: Python's own insertion sort is quadratic in the number of marks in a row.
    """
    while place < size:
        if combining[folded[place]] == 0:
            place += 1
            continue
        stop = place + 1
        while stop < size and combining[folded[stop]] > 0:
            stop += 1
        if stop - place > 1:
            _sort_marks(folded, place, stop, combining)
        place = stop


@kernel
def _sort_marks(folded: Ints, start: int, stop: int, combining: Bytes) -> None:
    first = np.zeros(257, np.int32)
    for place in range(start, stop):
        first[combining[folded[place]] + 1] += 1
    for kind in range(1, 257):
        first[kind] += first[kind - 1]
    marks = folded[start:stop].copy()
    for mark in marks:
        kind = combining[mark]
        folded[start + first[kind]] = mark
        first[kind] += 1
