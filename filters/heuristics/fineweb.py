"""FineWeb's own rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6 and appendix E.4).

The definitions are those of datatrove's FineWebQualityFilter, over tamis's words.
"""

from __future__ import annotations

import pyarrow as pa

from tamis.filters.heuristics.signals import Signal
from tamis.filters.kernels.arrays import Floats
from tamis.filters.kernels.compiled import kernel
from tamis.filters.kernels.document import CHARACTERS, LINES, WORDS, Document
from tamis.filters.kernels.hashes import of_range
from tamis.filters.kernels.lines import repeated
from tamis.filters.kernels.signs import share
from tamis.filters.kernels.unicode_tables import TERMINAL

SHORT = 30  # characters
SIGNALS = tuple(
    Signal(f"fineweb_{name}", pa.float32(), text, source)
    for name, text, source in (
        ("end_mark_lines", "share of lines that end with a sentence's end mark", "App. E.4"),
        ("short_lines", f"share of lines of at most {SHORT} characters", "App. E.4"),
        (
            "duplicate_line_chars",
            "characters of lines that an earlier line equals, by text without newlines",
            "App. E.4",
        ),
        ("newlines_per_word", "newlines per word", "code only"),
    )
)


@kernel
def fineweb(doc: Document, row: Floats) -> None:
    """Fills a row with SIGNALS; lines of nothing but whitespace are none."""
    marked = short = pieces = 0
    for line in range(doc.counts[LINES]):
        start, stop = doc.line_starts[line], doc.line_stops[line]
        if doc.strip_starts[line] < doc.strip_stops[line]:
            marked += doc.props[stop - 1] & TERMINAL != 0
            short += stop - start <= SHORT
            doc.room.keys[pieces] = of_range(doc.begun, start, stop)
            doc.sizes[pieces] = stop - start
            pieces += 1
    newlines = doc.counts[LINES] - 1
    _, again_size, _, _ = repeated(pieces, doc.room, doc.sizes)
    row[0] = share(marked, pieces)
    row[1] = share(short, pieces)
    row[2] = share(again_size, doc.counts[CHARACTERS] - newlines)
    row[3] = share(newlines, doc.counts[WORDS])
