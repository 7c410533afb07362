"""RedPajama-V2's quality signals (Weber et al. 2024, arXiv 2411.12372), one value a document.

Names and definitions are the published code's (`app/src/core/quality_signals`), but that nothing is
rounded. Raw words are runs of word characters or of other signs; normalised words lose ASCII
punctuation, are lower case, and are counted in NFD.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from tamis.filters.heuristics.rps_lines import LineValues, normalised_words
from tamis.filters.heuristics.signals import Signal
from tamis.filters.kernels.arrays import Floats, Hashes
from tamis.filters.kernels.compiled import inlined, kernel
from tamis.filters.kernels.document import CHARACTERS, LINES, Document, number_items
from tamis.filters.kernels.hashes import OFFSET, step
from tamis.filters.kernels.ngrams import LONGEST, find_repeats
from tamis.filters.kernels.signs import DOT, ELLIPSIS, HASH, ends_in_ellipsis, is_in, share
from tamis.filters.kernels.unicode_tables import LATIN, SPACE, UNUPPER, UPPER, WORD, Tables

_CODE = "RedPajama-V2, quality_signals/"
_COUNTS = ("rps_doc_word_count", "rps_doc_num_sentences")
_NATURAL, _REPETITIONS, _CONTENT = (
    _CODE + part for part in ("natural_language.py", "repetitions.py", "content.py")
)
SIGNALS = tuple(
    Signal(name, pa.int32() if name in _COUNTS else pa.float32(), text, source)
    for name, text, source in (
        ("rps_doc_word_count", "normalised words", _NATURAL),
        ("rps_doc_mean_word_length", "mean length of normalised words", _NATURAL),
        ("rps_doc_frac_unique_words", "different normalised words per normalised word", _NATURAL),
        ("rps_doc_unigram_entropy", "entropy of normalised words, in nats", _NATURAL),
        ("rps_doc_lorem_ipsum", "`lorem ipsum` per normalised character", _CONTENT),
        *(
            (
                f"rps_doc_frac_chars_top_{n}gram",
                f"letters of all copies of the most frequent {n} normalised words in a row, by "
                "letters of all; 0 if none occurs twice",
                _REPETITIONS,
            )
            for n in (2, 3, 4)
        ),
        *(
            (
                f"rps_doc_frac_chars_dupe_{n}grams",
                f"letters of normalised words in any {n} in a row that occur twice, by all",
                _REPETITIONS,
            )
            for n in range(5, LONGEST + 1)
        ),
        (
            "rps_doc_num_sentences",
            "stretches with a word character between `.`, `!`, `?`",
            _NATURAL,
        ),
        ("rps_doc_frac_all_caps_words", "share of raw words in capitals", _NATURAL),
        ("rps_doc_frac_no_alph_words", "share of raw words without a letter a to z", _NATURAL),
        ("rps_doc_symbol_to_word_ratio", "`#`, `...` and `…` per raw word", _NATURAL),
        ("rps_doc_frac_lines_end_with_ellipsis", "share of lines that end with one", _NATURAL),
        ("rps_doc_curly_bracket", "`{` and `}` per character", _CONTENT),
    )
)
STOP_WORDS = Signal(
    "rps_doc_stop_word_fraction",
    pa.float32(),
    "stop words of the list given, by raw words; only with the option `rps_stop_words`",
    _CONTENT,
)
_OPEN, _CLOSE, _QUESTION, _EXCLAMATION = 0x7B, 0x7D, 0x3F, 0x21


@kernel
def rps(doc: Document, stops: Hashes, tables: Tables, values: LineValues, row: Floats) -> None:
    """Fills a row with SIGNALS and STOP_WORDS, NaN where one is not defined; values with lines'.

    stops: hash table of stop words; none of length 0.
    """
    words, length, ipsums = normalised_words(doc, tables, values)
    size = _normalised(doc, words, row)
    row[1] = share(size, words)
    row[4] = ipsums / length if length else 0.0
    _signs(doc, row)
    _raw_words(doc, stops, row)
    _line_ends(doc, row)


@kernel
def _normalised(doc: Document, words: int, row: Floats) -> int:
    """What is counted over normalised words, whose hashes stand in doc.word_hashes."""
    classes = number_items(doc, doc.word_hashes, words)
    entropy = 0.0
    for word in range(classes):
        part = doc.room.counts[word] / words
        entropy += -part * math.log(part)
    row[0] = words
    row[2] = share(classes, words)
    row[3] = entropy if words else np.nan
    found = doc.repeats
    find_repeats(doc.items, doc.again, doc.ends, words, doc.room, found)
    size = int(doc.ends[words])
    for n in range(2, 5):
        top = found.top_size[n] * found.top_count[n] if found.top_count[n] > 1 else 0
        row[3 + n] = top / size if size else 0.0
    for n in range(5, LONGEST + 1):
        row[3 + n] = found.covered[n] / size if size else 0.0
    return size


@inlined
def _ends_sentence(code: int) -> bool:
    return code in (DOT, _QUESTION, _EXCLAMATION)


@kernel
def _signs(doc: Document, row: Floats) -> None:
    """Signs in row[16] and row[18], to be divided, and sentences: what `\\b[^.!?]+[.!?]*` finds."""
    sentences = symbols = dots = curly = 0
    inside = False
    count = doc.counts[CHARACTERS]
    for place in range(count):
        code = doc.codes[place]
        dots = dots + 1 if code == DOT else 0
        if dots == 3:
            symbols += 1
            dots = 0
        symbols += code in (HASH, ELLIPSIS)
        curly += code in (_OPEN, _CLOSE)
        if _ends_sentence(code):
            inside = False
        elif not inside and doc.props[place] & WORD:
            inside = True
            sentences += 1
    row[14] = sentences
    row[17] = symbols
    row[19] = curly / count if count else 0.0


@kernel
def _raw_words(doc: Document, stops: Hashes, row: Floats) -> None:
    """Runs of word characters and runs of other signs (NLTK's WordPunctTokenizer)."""
    words = capitals = latin = stopped = 0
    count = doc.counts[CHARACTERS]
    place = 0
    while place < count:
        first = doc.props[place]
        if first & SPACE:
            place += 1
            continue
        union, state, prop = first, OFFSET, first
        while not prop & SPACE and prop & WORD == first & WORD:
            union |= prop
            if len(stops):
                state = step(state, doc.codes[place])
            place += 1
            prop = doc.props[place]
        words += 1
        capitals += union & (UPPER | UNUPPER) == UPPER
        latin += union & LATIN != 0
        if len(stops):
            stopped += is_in(stops, state)
    row[15] = share(capitals, words)
    row[16] = 1.0 - latin / words if words else np.nan
    row[17] = share(row[17], words)
    row[20] = stopped / words if row[0] else 0.0


@kernel
def _line_ends(doc: Document, row: Floats) -> None:
    ellipses = 0
    total = raw_lines(doc)
    for line in range(total):
        ellipses += ends_in_ellipsis(doc.codes, doc.strip_starts[line], doc.strip_stops[line])
    row[18] = share(ellipses, total)


@kernel
def raw_lines(doc: Document) -> int:
    """How many lines there are if what stands behind the last newline is one only if not empty."""
    last = doc.counts[LINES] - 1
    return int(last + (doc.line_starts[last] < doc.line_stops[last]))
