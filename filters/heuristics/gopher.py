"""Gopher's quality and repetition rules (Rae et al. 2021, arXiv 2112.11446, table A1).

The paper leaves open what a word, a line and a repeat are. These are the definitions of datatrove's
GopherQualityFilter and GopherRepetitionFilter, with which FineWeb was made, over tamis's words.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.filters.heuristics.signals import Signal
from tamis.filters.kernels.arrays import Floats, Hashes
from tamis.filters.kernels.compiled import inlined, kernel
from tamis.filters.kernels.document import (
    BREAKS,
    CHARACTERS,
    ELLIPSES,
    LINES,
    NUMBER_SIGNS,
    WORDS,
    Document,
    raw_lines,
)
from tamis.filters.kernels.hashes import of_range
from tamis.filters.kernels.lines import next_break, repeated, strip
from tamis.filters.kernels.ngrams import LONGEST, find_repeats
from tamis.filters.kernels.paragraphs import paragraphs
from tamis.filters.kernels.signs import ends_in_ellipsis, share
from tamis.filters.kernels.words import HAS_LETTER, NO_SYMBOL

_PAPER = "Gopher, appendix A1.1"
_TABLE = "Gopher, table A1"
_QUALITY = (
    ("words", "words with something in them that is no symbol"),
    ("mean_word_length", "mean length of these words"),
    ("hash_ratio", "number signs per word"),
    ("ellipsis_ratio", "ellipses, `...` or `…`, per word"),
    ("bullet_lines", "share of lines that start with `•` or `-`"),
    ("ellipsis_lines", "share of lines that end with an ellipsis"),
    ("alpha_words", "share of words with a letter in them"),
    ("stop_words", "how many different stop words of the language occur"),
)
_REPETITION = (
    ("duplicate_lines", "share of lines that an earlier line equals"),
    ("duplicate_line_chars", "their characters per character of text"),
    ("duplicate_paragraphs", "share of paragraphs that an earlier one equals"),
    ("duplicate_paragraph_chars", "their characters per character of text"),
    *(
        (
            f"top_{n}gram",
            f"characters of all copies of the most frequent {n} words in a row, by text",
        )
        for n in (2, 3, 4)
    ),
    *(
        (f"duplicate_{n}gram", f"characters of {n} words in a row seen before, by text")
        for n in range(5, LONGEST + 1)
    ),
)
_COUNTS = ("words", "stop_words")
SIGNALS = tuple(
    Signal(f"gopher_{name}", pa.int32() if name in _COUNTS else pa.float32(), text, source)
    for table, source in ((_QUALITY, _PAPER), (_REPETITION, _TABLE))
    for name, text in table
)
_BULLET, _HYPHEN = 0x2022, 0x2D


@kernel
def gopher(doc: Document, stops: Hashes, row: Floats) -> None:
    """Fills a row with SIGNALS, NaN where one is not defined.

    The words of the document were taken and its signs counted.

    stops: hash table of the stop words, as stop_words makes it; none of length 0.
    """
    _words(doc, stops, row)
    row[2] = share(doc.counts[NUMBER_SIGNS], doc.counts[WORDS])
    row[3] = share(doc.counts[ELLIPSES], doc.counts[WORDS])
    if doc.counts[BREAKS] == doc.counts[LINES] - 1:
        _newlines(doc, row)
    else:
        _all_breaks(doc, row)
    _repetition(doc, row)


@kernel
def _words(doc: Document, stops: Hashes, row: Floats) -> None:
    solid = solid_size = alphabetic = 0
    count = doc.counts[WORDS]
    for word in range(count):
        traits = doc.word_traits[word]
        alphabetic += 1 if traits & HAS_LETTER else 0
        if traits & NO_SYMBOL:
            solid += 1
            solid_size += doc.word_stops[word] - doc.word_starts[word]
    row[0] = solid
    row[1] = share(solid_size, solid)
    row[6] = share(alphabetic, count)
    row[7] = distinct(doc, stops) if len(stops) else np.nan


@kernel
def distinct(doc: Document, table: Hashes) -> int:
    """How many different words of a table occur."""
    seen = np.zeros(len(table), np.uint8)
    mask = np.uint64(len(table) - 1)
    found = 0
    for word in range(doc.counts[WORDS]):
        key = doc.word_hashes[word]
        place = key & mask
        while table[place] and table[place] != key:
            place = (place + np.uint64(1)) & mask
        if table[place] and not seen[place]:
            seen[place] = 1
            found += 1
    return found


@kernel
def _newlines(doc: Document, row: Floats) -> None:
    """Lines of a text in which nothing but newlines ends one."""
    bullets = ellipses = 0
    total = raw_lines(doc)
    for line in range(total):
        first, last = doc.strip_starts[line], doc.strip_stops[line]
        bullets += first < last and doc.codes[first] in (_BULLET, _HYPHEN)
        ellipses += ends_in_ellipsis(doc.codes, first, last)
    row[4] = share(bullets, total)
    row[5] = share(ellipses, total)


@kernel
def _all_breaks(doc: Document, row: Floats) -> None:
    """Lines as str.splitlines has them."""
    total = bullets = ellipses = start = 0
    count = doc.counts[CHARACTERS]
    while start < count:
        stop, following = next_break(doc.codes, doc.props, start, count)
        first, last = strip(doc.props, start, stop)
        bullets += first < last and doc.codes[first] in (_BULLET, _HYPHEN)
        ellipses += ends_in_ellipsis(doc.codes, first, last)
        total += 1
        start = following
    row[4] = share(bullets, total)
    row[5] = share(ellipses, total)


@kernel
def _repetition(doc: Document, row: Floats) -> None:
    size = doc.counts[CHARACTERS]
    if not size:
        row[8:21] = np.nan
        return
    pieces, again, again_size = _merged_lines(doc)
    row[8] = share(again, pieces)
    row[9] = share(again_size, size)
    first, last = strip(doc.props, 0, size)
    pieces = paragraphs(doc, first, last, False)
    again, again_size, _, _ = repeated(pieces, doc.room, doc.sizes)
    row[10] = share(again, max(1, pieces))  # a blank text is one empty paragraph
    row[11] = share(again_size, size)
    found = doc.repeats
    find_repeats(doc.items, doc.again, doc.ends, doc.counts[WORDS], doc.room, found)
    for n in range(2, 5):  # with the blanks between the words
        row[10 + n] = share((found.top_size[n] + n - 1) * found.top_count[n], size)
    for n in range(5, LONGEST + 1):
        row[10 + n] = share(found.greedy[n], size)


@inlined
def _merged_lines(doc: Document) -> tuple[int, int, int]:
    """Lines between runs of newlines: how many, how many again, and the size of these.

    A text that begins or ends with a newline has an empty line there.
    """
    pieces = 0
    for line in range(doc.counts[LINES]):
        size = doc.line_stops[line] - doc.line_starts[line]
        if size:
            start, stop = doc.line_starts[line], doc.line_stops[line]
            doc.room.keys[pieces] = of_range(doc.begun, start, stop)
            doc.sizes[pieces] = size
            pieces += 1
    again, again_size, _, _ = repeated(pieces, doc.room, doc.sizes)
    last = doc.counts[LINES] - 1
    before = doc.line_stops[0] == doc.line_starts[0]
    behind = doc.line_stops[last] == doc.line_starts[last]
    return pieces + before + behind, again + (before and behind), again_size
