"""The page filters of RefinedWeb as DCLM published them (Li et al. 2024, arXiv 2406.11794).

Gopher's rules again, with other words, lines and repeats: words between whitespace, every copy of
what is repeated, for n-grams the words of UAX #29 that start alphanumeric, and for the length of a
page fastText's tokens, since the published configuration names no tokenizer and that is the
default. Stop words are compared in lower case and NFD, all occurrences counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tamis.filters.heuristics.signals import Signal
from tamis.filters.kernels.arrays import Floats, Hashes
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.document import (
    CHARACTERS,
    ELLIPSES,
    LINES,
    NUMBER_SIGNS,
    SPACED,
    SPACED_ELLIPSES,
    TOKENS,
    Document,
    part_words,
)
from tamis.filters.kernels.folding import fold, fold_plain
from tamis.filters.kernels.hashes import hash_of, of_range
from tamis.filters.kernels.lines import repeated
from tamis.filters.kernels.ngrams import LONGEST, find_repeats
from tamis.filters.kernels.paragraphs import paragraphs
from tamis.filters.kernels.signs import ends_in_ellipsis, is_in, share, spaced_dots
from tamis.filters.kernels.unicode_tables import ALPHA, Tables

_CODE = "DCLM, content_filters.py"
_COUNTS = ("words", "stop_words")
SIGNALS = tuple(
    Signal(f"dclm_{name}", pa.int32() if name in _COUNTS else pa.float32(), text, _CODE)
    for name, text in (
        ("words", "words between ASCII blanks that start with a letter or digit"),
        ("mean_word_length", "mean length of words between whitespace"),
        ("symbol_ratio", "`#`, `...`, `. . .` and `…` per word between whitespace"),
        ("bullet_lines", "share of lines that start with `●`, `•`, `*` or `-`"),
        ("ellipsis_lines", "share of lines that end with `...`, `. . .` or `…`"),
        ("non_alpha_words", "share of words between whitespace without a letter"),
        ("stop_words", "how many words between whitespace are stop words, in any case"),
        ("duplicate_lines", "share of lines that occur more than once, all copies"),
        ("duplicate_line_chars", "their characters by those of all lines"),
        ("duplicate_paragraphs", "share of paragraphs that occur more than once, all copies"),
        ("duplicate_paragraph_chars", "their characters by those of all paragraphs"),
        *(
            (
                f"top_{n}gram",
                f"letters of all copies of the most frequent {n} words in a row, by letters of all "
                "words; the longest of several; 0 if none occurs twice",
            )
            for n in (2, 3, 4)
        ),
        *(
            (
                f"duplicate_{n}gram",
                f"letters of words in any {n} in a row that occur twice, by letters of all words",
            )
            for n in range(5, LONGEST + 1)
        ),
    )
)


class Stops(NamedTuple):
    """Stop words of a language, folded."""

    places: Hashes
    """As stop_words.table makes it."""
    longest: int
    """How many characters the longest has; 0 if there is none."""
    firsts: int
    """Bit k: one starts with an ASCII character whose last five bits are k."""


_BULLETS = (0x25CF, 0x2022, 0x2A, 0x2D)


@kernel
def dclm(doc: Document, stops: Stops, tables: Tables, row: Floats) -> None:
    """Fills a row with SIGNALS, NaN where one is not defined.

    The words of the document were taken and its signs counted.

    """
    _words(doc, stops, tables, row)
    row[0] = doc.counts[TOKENS]
    signs = doc.counts[NUMBER_SIGNS] + doc.counts[ELLIPSES] + doc.counts[SPACED_ELLIPSES]
    row[2] = share(signs, doc.counts[SPACED])
    _lines(doc, row)
    pieces = paragraphs(doc, 0, doc.counts[CHARACTERS], True)
    _, _, copies, copies_size = repeated(pieces, doc.room, doc.sizes)
    row[9] = share(copies, pieces)
    row[10] = share(copies_size, doc.sizes[:pieces].sum())
    _ngrams(doc, row)


@inlined
def _may_start(code: int, firsts: int) -> bool:
    return bool(code >= 0x80 or firsts >> (code & 31) & 1)


@kernel
def _words(doc: Document, stops: Stops, tables: Tables, row: Floats) -> None:
    codes, props, folded, places = doc.codes, doc.props, doc.folded, stops.places
    starts, ends, longest, firsts = doc.spaced_starts, doc.spaced_stops, stops.longest, stops.firsts
    size = plain = stopped = 0
    count = doc.counts[SPACED]
    for word in range(count):
        start, stop = starts[word], ends[word]
        size += stop - start
        place = start
        while place < stop and not props[at(place)] & ALPHA:
            place += 1
        plain += place == stop
        # The first character spares most words the look-up.
        if stop - start <= longest and _may_start(codes[at(start)], firsts):
            length, holds = fold_plain(codes, props, start, stop, folded)
            if not holds:
                length = fold(codes, props, start, stop, tables, folded)
            stopped += is_in(places, hash_of(folded, 0, length))
    row[1] = share(size, count)
    row[5] = share(plain, count)
    row[6] = stopped if longest else np.nan


@kernel
def _lines(doc: Document, row: Floats) -> None:
    bullets = ellipses = pieces = total = 0
    for line in range(doc.counts[LINES]):
        start, stop = doc.strip_starts[line], doc.strip_stops[line]
        if start == stop:
            continue
        bullets += doc.codes[start] in _BULLETS
        ellipses += ends_in_ellipsis(doc.codes, start, stop) or (
            stop - start >= 5 and spaced_dots(doc.codes, stop - 5)
        )
        doc.room.keys[pieces] = of_range(doc.begun, start, stop)
        doc.sizes[pieces] = stop - start
        total += stop - start
        pieces += 1
    row[3] = share(bullets, pieces)
    row[4] = share(ellipses, pieces)
    _, _, copies, copies_size = repeated(pieces, doc.room, doc.sizes)
    row[7] = share(copies, pieces)
    row[8] = share(copies_size, total)


@kernel
def _ngrams(doc: Document, row: Floats) -> None:
    words = part_words(doc)
    found = doc.repeats
    find_repeats(doc.part.items, doc.part.again, doc.part.ends, words, doc.room, found)
    size = doc.part.ends[words]
    for n in range(2, 5):
        top = found.top_longest[n] * found.top_count[n] if found.top_count[n] > 1 else 0
        row[9 + n] = share(top, size)
    for n in range(5, LONGEST + 1):
        row[9 + n] = share(found.covered[n], size)
