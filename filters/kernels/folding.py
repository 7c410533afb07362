"""Words in lower case and canonically decomposed, as `str.lower` and NFD have them."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Ints
from tamis.filters.kernels.compiled import inlined, kernel
from tamis.filters.kernels.unicode_tables import (
    CASED,
    FOLDS,
    IGNORABLE,
    MARK,
    PUNCTUATION,
    SPACE,
    Tables,
)

WIDEST = 4
"""No character becomes more than so many."""
_SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C2


@inlined
def fold_plain(
    codes: Ints, props: Flags, start: int, stop: int, drop: bool, folded: Ints
) -> tuple[int, bool]:
    """As `fold`, for most words; gives the length and whether it holds, else `fold` is to be asked.

    It is part of its caller: the call would cost more than the work.
    """
    size = 0
    odd = np.uint32(0)
    for place in range(start, stop):
        code, prop = codes[place], props[place]
        if not (drop and prop & PUNCTUATION):
            folded[size] = code + 32 if prop & FOLDS else code
            size += 1
        if code >= 0x80:
            odd |= prop
    return size, odd & (FOLDS | MARK) == 0


@kernel
def fold(
    codes: Ints, props: Flags, start: int, stop: int, drop: bool, tables: Tables, folded: Ints
) -> int:
    """Writes the folded form of codes[start:stop], a word between whitespace; gives its length.

    drop: leaves out ASCII punctuation first. folded holds at least WIDEST * (stop - start).
    Whitespace must stand behind the last character of the text, if only in props.
    """
    size = 0
    marks = False
    for place in range(start, stop):
        prop = props[place]
        if drop and prop & PUNCTUATION:
            continue
        code = codes[place]
        if not prop & FOLDS:
            folded[size] = code
            marks |= prop & MARK != 0
            size += 1
        elif code < 0x80:
            folded[size] = code + 32
            size += 1
        elif code == _SIGMA and _is_final(codes, props, place, drop):
            folded[size] = _FINAL_SIGMA
            size += 1
        else:
            entry = tables.fold[code]
            for k in range(entry >> 3, (entry >> 3) + (entry & 7)):
                folded[size] = tables.folded[k]
                marks |= tables.combining[tables.folded[k]] > 0
                size += 1
    if marks:
        _order_marks(folded, size, tables.combining)
    return size


@inlined
def _is_skipped(prop: int, drop: bool) -> bool:
    return prop & IGNORABLE != 0 or (drop and prop & PUNCTUATION != 0)


@kernel
def _is_final(codes: Ints, props: Flags, place: int, drop: bool) -> bool:
    """Whether a capital sigma ends its word: a cased letter stands before it and none behind."""
    before = place - 1
    while before >= 0 and _is_skipped(props[before], drop):
        before -= 1
    if before < 0 or not props[before] & CASED:
        return False
    after = place + 1
    while not props[after] & SPACE and _is_skipped(props[after], drop):
        after += 1
    return not props[after] & CASED


@kernel
def _order_marks(folded: Ints, size: int, combining: Bytes) -> None:
    """Puts the marks behind every starter in the order of their classes (canonical ordering).

    A counting sort: Python's own insertion sort is quadratic in the number of marks in a row.
    """
    place = 0
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
