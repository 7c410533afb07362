"""Segmentation into paragraphs."""

from __future__ import annotations

from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.kernels.document import LINES, Document
from tamis.filters.kernels.hashes import of_range
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
            from_ = max(first, doc.line_starts[at(line)])
            to = min(last, doc.line_stops[at(line)])
            if from_ >= to:
                break
            start = from_ if start < 0 else start
            stop = to
            line += 1
        if start >= 0 and stripped:
            start, stop = strip(doc.props, start, stop)
        if start < stop:
            doc.room.keys[found] = of_range(doc.begun, start, stop)
            doc.sizes[found] = stop - start
            found += 1
        line = max(line, opened + 1)
    return found
