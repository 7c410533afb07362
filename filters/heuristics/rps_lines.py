"""RedPajama-V2's signals of lines, and the normalised words that its counting starts from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.filters.heuristics.signals import Signal
from tamis.filters.kernels.arrays import Bytes, Ints
from tamis.filters.kernels.compiled import inlined, kernel
from tamis.filters.kernels.document import LINES, SPACED, Document
from tamis.filters.kernels.folding import fold, fold_plain
from tamis.filters.kernels.hashes import OFFSET, step
from tamis.filters.kernels.unicode_tables import NUMERIC, UPPER, Tables

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
_JAVASCRIPT = np.array([ord(letter) for letter in "javascript"], np.int32)
_LOREM = np.array([ord(letter) for letter in "lorem"], np.int32)
_IPSUM = np.array([ord(letter) for letter in "ipsum"], np.int32)


@inlined
def _holds(folded: Ints, start: int, letters: Ints) -> bool:
    """Whether these letters stand at a place."""
    equal = True
    for k in range(len(letters)):
        equal = equal and folded[start + k] == letters[k]
    return equal


@kernel
def normalised_words(doc: Document, tables: Tables, values: LineValues) -> tuple[int, int, int]:
    """Leaves hashes and summed sizes of the normalised words in doc.word_hashes and doc.ends.

    Gives how many words and characters the normalised text has, and how often `lorem ipsum` stands
    in it. The lines' values are written on the way; no word crosses a newline.
    """
    words = word = ipsums = 0
    lorem = False
    doc.ends[0] = 0
    for line in range(doc.counts[LINES]):
        before, javascripts, numeric = words, 0, 0
        stop = doc.line_stops[line]
        while word < doc.counts[SPACED] and doc.spaced_starts[word] < stop:
            start, end = doc.spaced_starts[word], doc.spaced_stops[word]
            size, plain = fold_plain(doc.codes, doc.props, start, end, True, doc.folded)
            if not plain:
                size = fold(doc.codes, doc.props, start, end, True, tables, doc.folded)
            word += 1
            if not size:
                continue
            state = OFFSET
            for place in range(size):
                code = doc.folded[place]
                state = step(state, code)
                numeric += tables.flags[code] & NUMERIC != 0
            doc.word_hashes[words] = state
            doc.ends[words + 1] = doc.ends[words] + size
            javascripts += size == 10 and _holds(doc.folded, 0, _JAVASCRIPT)
            ipsums += lorem and size >= 5 and _holds(doc.folded, 0, _IPSUM)
            lorem = size >= 5 and _holds(doc.folded, size - 5, _LOREM)
            words += 1
        if line < len(values.words):
            length = doc.ends[words] - doc.ends[before] + max(0, words - before - 1)
            values.words[line] = words - before
            values.javascripts[line] = javascripts
            values.numerical[line] = numeric / length if length else 0.0
            _raw_line(doc, line, values)
    return words, doc.ends[words] + max(0, words - 1), ipsums


@inlined
def _raw_line(doc: Document, line: int, values: LineValues) -> None:
    """The values of a line as it is, its newline one of its characters."""
    start, stop = doc.line_starts[line], doc.line_stops[line]
    upper = 0
    for place in range(start, stop):
        upper += doc.props[place] & UPPER != 0
    size = stop - start + (line + 1 < doc.counts[LINES])
    values.uppercase[line] = upper / size
    first, last = doc.strip_starts[line], doc.strip_stops[line]
    values.terminal[line] = first < last and doc.codes[last - 1] in _END_MARKS
    values.bullets[line] = first < last and doc.codes[first] in _BULLETS
