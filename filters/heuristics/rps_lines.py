"""RedPajama-V2's signals of lines, and the normalised words that its counting starts from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.filters.heuristics.signals import Signal
from tamis.filters.kernels.arrays import Bytes, Hashes, Ints
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.kernels.document import CHARACTERS, LINES, Document
from tamis.filters.kernels.folding import Seen, fold_words
from tamis.filters.kernels.hashes import beginnings, hash_of_text, of_range
from tamis.filters.kernels.unicode_tables import UPPER, Tables

_CODE = "RedPajama-V2, quality_signals/lines.py"
LINE_SIGNALS = tuple(
    Signal(f"rps_lines_{name}", pa.list_(kind), text, _CODE)
    for name, kind, text in (
        ("num_words", pa.int32(), "normalised words of every line"),
        ("javascript_counts", pa.int32(), "words `javascript` of every line"),
        (
            "numerical_chars_fraction",
            pa.float32(),
            "share of numeric characters of every line, normalised",
        ),
        ("uppercase_letter_fraction", pa.float32(), "share of upper case characters of every line"),
        (
            "ending_with_terminal_punctution_mark",
            pa.uint8(),
            "1 for every line that ends with `.`, `!`, `?` or `”`",
        ),
        ("start_with_bulletpoint", pa.uint8(), "1 for every line that starts with a bullet point"),
    )
)


class LineValues(NamedTuple):
    """The values of LINE_SIGNALS, line after line, in their order."""

    words: Ints
    javascripts: Ints
    numerical: npt.NDArray[np.float32]
    uppercase: npt.NDArray[np.float32]
    terminal: Bytes
    bullets: Bytes


def room_for(lines: int) -> LineValues:
    """Values of so many lines, to be written."""
    return LineValues(
        np.empty(lines, np.int32),
        np.empty(lines, np.int32),
        np.empty(lines, np.float32),
        np.empty(lines, np.float32),
        np.empty(lines, np.uint8),
        np.empty(lines, np.uint8),
    )


_END_MARKS = (0x2E, 0x21, 0x3F, 0x201D)
_BULLETS = (
    *(0x2022, 0x2023, 0x25B6, 0x25C0, 0x25E6, 0x25A0, 0x25A1, 0x25AA, 0x25AB),
    0x2013,  # a dash, which the published code takes for one
)


_JAVASCRIPT, _LOREM, _IPSUM = map(hash_of_text, ("javascript", "lorem", "ipsum"))


@kernel
def normalised_words(doc: Document, tables: Tables, values: LineValues) -> tuple[int, int, int]:
    """Leaves hashes and summed sizes of the normalised words in doc.word_hashes and doc.ends.

    Gives how many words and characters the normalised text has, and how often `lorem ipsum` stands
    in it. The lines' values are written on the way; no word crosses a newline.
    """
    seen = Seen(doc.items, doc.sizes)
    count = doc.counts[CHARACTERS]
    words, size = fold_words(doc.codes, doc.props, count, tables, doc.folded, doc.ends, seen)
    beginnings(doc.folded, size, doc.begun)
    ipsums = _hash_words(words, doc.begun, doc.ends, doc.word_hashes)
    first = numeric = 0
    hashes, ends, of_line = doc.word_hashes, doc.ends, values.words
    javascripts, numerical = values.javascripts, values.numerical
    for line in range(len(of_line)):
        last, found = seen.words[line], 0
        for word in range(first, last):
            found += hashes[at(word)] == _JAVASCRIPT
        javascripts[line] = found
        length = ends[last] - ends[first] + max(0, last - first - 1)
        of_line[line] = last - first
        numerical[line] = (seen.numeric[line] - numeric) / length if length else 0.0
        first, numeric = last, seen.numeric[line]
    _raw_lines(doc, values)
    return words, size + max(0, words - 1), ipsums


@kernel
def _hash_words(words: int, begun: Hashes, ends: Ints, hashes: Hashes) -> int:
    """Writes the hash of every word; gives how often `lorem ipsum` stands in the text."""
    ipsums = 0
    lorem = False
    for word in range(words):
        start, stop = ends[word], ends[word + 1]
        hashes[word] = of_range(begun, start, stop)
        ipsum = lorem and stop - start >= 5 and of_range(begun, start, start + 5) == _IPSUM
        ipsums += ipsum
        lorem = stop - start >= 5 and of_range(begun, stop - 5, stop) == _LOREM
    return ipsums


@kernel
def _raw_lines(doc: Document, values: LineValues) -> None:
    """The values of lines as they are, a newline one of their characters."""
    codes, props = doc.codes, doc.props
    total = len(values.words)
    for line in range(total):
        start, stop = doc.line_starts[line], doc.line_stops[line]
        upper = 0
        for place in range(start, stop):
            upper += props[at(place)] & UPPER != 0
        values.uppercase[line] = upper / (stop - start + (line + 1 < doc.counts[LINES]))
        first, last = doc.strip_starts[line], doc.strip_stops[line]
        values.terminal[line] = first < last and codes[last - 1] in _END_MARKS
        values.bullets[line] = first < last and codes[first] in _BULLETS
