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
from tamis.filters.kernels.arrays import Floats, Hashes, Ints
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.document import (
    BRACES,
    CHARACTERS,
    ELLIPSES,
    NUMBER_SIGNS,
    SENTENCES,
    Document,
    number_items,
    raw_lines,
)
from tamis.filters.kernels.hashes import step
from tamis.filters.kernels.ngrams import LONGEST, find_repeats
from tamis.filters.kernels.signs import ends_in_ellipsis, is_in, share
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
_FEW = 64


@kernel
def rps(doc: Document, stops: Hashes, tables: Tables, values: LineValues, row: Floats) -> None:
    """Fills a row with SIGNALS and STOP_WORDS, NaN where one is not defined; values with lines'.

    stops: hash table of stop words; none of length 0. The signs of the document were counted.
    """
    words, length, ipsums = normalised_words(doc, tables, values)
    size = _normalised(doc, words, row)
    row[1] = share(size, words)
    row[4] = ipsums / length if length else 0.0
    row[14] = doc.counts[SENTENCES]
    row[19] = doc.counts[BRACES] / doc.counts[CHARACTERS] if doc.counts[CHARACTERS] else 0.0
    _raw_words(doc, stops, row)
    _line_ends(doc, row)


@kernel
def _normalised(doc: Document, words: int, row: Floats) -> int:
    """What is counted over normalised words, whose hashes stand in doc.word_hashes."""
    classes = number_items(doc, doc.word_hashes, words)
    entropy = 0.0
    terms = np.zeros(_FEW, np.float64)  # most words occur a few times: their logarithms are known
    for word in range(classes):
        times = doc.room.counts[word]
        term = terms[at(times)] if times < _FEW else 0.0
        if term == 0.0:
            term = -(times / words) * math.log(times / words)
            if times < _FEW:
                terms[times] = term
        entropy += term
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


@kernel
def _raw_words(doc: Document, stops: Hashes, row: Floats) -> None:
    """Runs of word characters and runs of other signs (NLTK's WordPunctTokenizer)."""
    props, starts = doc.props, doc.items
    capitals = latin = stopped = 0
    words = _starts(doc, doc.items)
    for word in range(words):
        place = starts[word]
        first, union = props[at(place)], np.uint32(0)
        while _same_word(first, props[at(place)]) and not _decided(union):
            union |= props[at(place)]
            place += 1
        capitals += union & (UPPER | UNUPPER) == UPPER
        latin += union & LATIN != 0
        if len(stops):
            stopped += is_in(stops, _raw_hash(doc, doc.items[word]))
    row[15] = share(capitals, words)
    row[16] = 1.0 - latin / words if words else np.nan
    row[17] = share(doc.counts[NUMBER_SIGNS] + doc.counts[ELLIPSES], words)
    row[20] = stopped / words if row[0] else 0.0


@inlined
def _same_word(first: int, prop: int) -> bool:
    """Whether two neighbours are of one raw word; the first is no whitespace."""
    return not prop & SPACE and prop & WORD == first & WORD


@inlined
def _decided(union: np.uint32) -> bool:
    """Whether more characters of a raw word could change nothing."""
    return bool(union & (LATIN | UNUPPER) == LATIN | UNUPPER)


@kernel
def _starts(doc: Document, starts: Ints) -> int:
    """Writes where raw words start; gives how many there are."""
    found = 0
    before = np.uint32(SPACE)
    for place in range(doc.counts[CHARACTERS]):
        kind = doc.props[place] & (SPACE | WORD)
        starts[at(found)] = place
        found += (kind != before) & (kind != SPACE)
        before = kind
    return found


@kernel
def _raw_hash(doc: Document, start: int) -> np.uint64:
    stop, state = start, np.uint64(0)
    while _same_word(doc.props[start], doc.props[stop]):
        state = step(state, doc.codes[stop])
        stop += 1
    return state


@kernel
def _line_ends(doc: Document, row: Floats) -> None:
    ellipses = 0
    total = raw_lines(doc)
    for line in range(total):
        ellipses += ends_in_ellipsis(doc.codes, doc.strip_starts[line], doc.strip_stops[line])
    row[18] = share(ellipses, total)
