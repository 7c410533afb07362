"""The page filters of RefinedWeb as DCLM published them (Li et al. 2024, arXiv 2406.11794).

Gopher's rules again, with other words, lines and repeats: words between whitespace, every copy of
what is repeated, for n-grams the words of UAX #29 that start alphanumeric, and for the length of a
page fastText's tokens, since the published configuration names no tokenizer and that is the
default. Stop words are compared in lower case and NFD, all occurrences counted.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.filters.heuristics.signals import Signal
from tamis.filters.kernels.arrays import Floats, Hashes
from tamis.filters.kernels.compiled import inlined, kernel
from tamis.filters.kernels.document import (
    CHARACTERS,
    LINES,
    SPACED,
    Document,
    keep_alphanumeric,
)
from tamis.filters.kernels.folding import fold, fold_plain
from tamis.filters.kernels.hashes import OFFSET, hash_of, step
from tamis.filters.kernels.lines import repeated
from tamis.filters.kernels.ngrams import LONGEST, find_repeats
from tamis.filters.kernels.paragraphs import paragraphs
from tamis.filters.kernels.signs import (
    DOT,
    ELLIPSIS,
    HASH,
    SPACE_CODE,
    ends_in_ellipsis,
    is_in,
    share,
)
from tamis.filters.kernels.unicode_tables import ALNUM, ALPHA, Tables

LONGEST_STOP = 24
"""No longer word is looked up among the stop words."""
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
_BULLETS = (0x25CF, 0x2022, 0x2A, 0x2D)


@kernel
def dclm(doc: Document, stops: Hashes, tables: Tables, row: Floats) -> None:
    """Fills a row with SIGNALS, NaN where one is not defined, of a document whose words were taken.

    stops: hash table of the folded stop words, as stop_words makes it; none of length 0.
    """
    _words(doc, stops, tables, row)
    row[0] = _tokens(doc)
    row[2] = share(_signs(doc), doc.counts[SPACED])
    _lines(doc, row)
    pieces = paragraphs(doc, 0, doc.counts[CHARACTERS], True)
    _, _, copies, copies_size = repeated(pieces, doc.room, doc.sizes)
    row[9] = share(copies, pieces)
    row[10] = share(copies_size, doc.sizes[:pieces].sum())
    _ngrams(doc, row)


@kernel
def _words(doc: Document, stops: Hashes, tables: Tables, row: Floats) -> None:
    size = plain = stopped = 0
    count = doc.counts[SPACED]
    for word in range(count):
        start, stop = doc.spaced_starts[word], doc.spaced_stops[word]
        size += stop - start
        union = np.uint32(0)
        for place in range(start, stop):
            union |= doc.props[place]
        plain += union & ALPHA == 0
        if stop - start <= LONGEST_STOP and len(stops):
            length, plain_word = fold_plain(doc.codes, doc.props, start, stop, False, doc.folded)
            if not plain_word:
                length = fold(doc.codes, doc.props, start, stop, False, tables, doc.folded)
            state = OFFSET
            for place in range(length):
                state = step(state, doc.folded[place])
            stopped += is_in(stops, state)
    row[1] = share(size, count)
    row[5] = share(plain, count)
    row[6] = stopped if len(stops) else np.nan


@kernel
def _tokens(doc: Document) -> int:
    """fastText's tokens that start with a letter or digit."""
    found = 0
    fresh = True
    for place in range(doc.counts[CHARACTERS]):
        code = doc.codes[place]
        blank = code == SPACE_CODE or 0x09 <= code <= 0x0D or code == 0
        found += fresh and not blank and doc.props[place] & ALNUM != 0
        fresh = blank
    return found


@inlined
def _spaced_dots(doc: Document, start: int, stop: int) -> bool:
    """Whether `. . .` starts at a place, before stop."""
    codes = doc.codes
    return (
        start + 5 <= stop
        and codes[start] == DOT
        and codes[start + 1] == SPACE_CODE
        and codes[start + 2] == DOT
        and codes[start + 3] == SPACE_CODE
        and codes[start + 4] == DOT
    )


@kernel
def _signs(doc: Document) -> int:
    found = dots = following = 0
    count = doc.counts[CHARACTERS]
    for place in range(count):
        code = doc.codes[place]
        dots = dots + 1 if code == DOT else 0
        if dots == 3:
            found += 1
            dots = 0
        if code == DOT and place >= following and _spaced_dots(doc, place, count):
            found += 1
            following = place + 5
        found += code in (HASH, ELLIPSIS)
    return found


@kernel
def _lines(doc: Document, row: Floats) -> None:
    bullets = ellipses = pieces = total = 0
    for line in range(doc.counts[LINES]):
        start, stop = doc.strip_starts[line], doc.strip_stops[line]
        if start == stop:
            continue
        bullets += doc.codes[start] in _BULLETS
        ellipses += ends_in_ellipsis(doc.codes, start, stop) or (
            stop - start >= 5 and _spaced_dots(doc, stop - 5, stop)
        )
        whole = start == doc.line_starts[line] and stop == doc.line_stops[line]
        key = doc.line_hashes[line] if whole else hash_of(doc.codes, start, stop)
        doc.room.keys[pieces] = key
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
    words = keep_alphanumeric(doc)
    found = doc.repeats
    find_repeats(doc.items, doc.again, doc.ends, words, doc.room, found)
    size = doc.ends[words]
    for n in range(2, 5):
        top = found.top_longest[n] * found.top_count[n] if found.top_count[n] > 1 else 0
        row[9 + n] = share(top, size)
    for n in range(5, LONGEST + 1):
        row[9 + n] = share(found.covered[n], size)
