"""Segmentation into paragraphs, by the hashes of the lines they consist of."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.compiled import kernel
from tamis.filters.kernels.document import LINES, Document
from tamis.filters.kernels.hashes import OFFSET, PRIME, hash_of, scattered
from tamis.filters.kernels.lines import strip


@kernel
def paragraphs(doc: Document, first: int, last: int, stripped: bool) -> int:
    """Writes hash and size of what empty lines separate in a range; gives how many there are.

    Hashes go to doc.room.keys and sizes to doc.sizes. stripped: without whitespace at the ends of
    each, and without those that are nothing else.
    """
    found = line = 0
    while line < doc.counts[LINES]:
        opened = line
        start = stop = -1
        while line < doc.counts[LINES]:
            from_, to = max(first, doc.line_starts[line]), min(last, doc.line_stops[line])
            if from_ >= to:
                break
            start = from_ if start < 0 else start
            stop = to
            line += 1
        if start >= 0 and stripped:
            start, stop = strip(doc.props, start, stop)
        if start < stop:
            doc.room.keys[found] = _hash(doc, opened, line, start, stop)
            doc.sizes[found] = stop - start
            found += 1
        line = max(line, opened + 1)
    return found


@kernel
def _hash(doc: Document, line: int, behind: int, start: int, stop: int) -> np.uint64:
    """The hash of a range of characters in lines line to behind: equal for equal texts."""
    state = OFFSET
    for at in range(line, behind):
        from_, to = doc.line_starts[at], doc.line_stops[at]
        if to < start or from_ >= stop:
            continue
        part = doc.line_hashes[at]
        if from_ < start or to > stop:
            part = hash_of(doc.codes, max(from_, start), min(to, stop))
        state = (scattered(state) ^ part) * PRIME
    return state
