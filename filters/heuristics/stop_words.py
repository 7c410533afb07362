"""Stop words by language, and the hash tables in which kernels look them up.

Chosen for tamis: the commonest function words of each language, in the form that running text has
them. A recipe can replace the words of any language. English has Gopher's eight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tamis.filters.kernels.arrays import Hashes
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.folding import WIDEST, fold
from tamis.filters.kernels.hashes import hash_of
from tamis.filters.kernels.lines import NEWLINE
from tamis.filters.kernels.unicode_tables import tables

STOP_WORDS: Mapping[str, tuple[str, ...]] = {
    "en": ("the", "be", "to", "of", "and", "that", "have", "with"),
    "de": ("der", "die", "und", "in", "den", "von", "zu", "das", "mit", "ist", "nicht", "ein"),
    "fr": ("de", "la", "le", "et", "les", "des", "en", "un", "du", "une", "est", "que"),
    "es": ("de", "la", "que", "el", "en", "y", "los", "del", "se", "las", "por", "un"),
}


def table(words: Iterable[str], folded: bool = False) -> Hashes:
    """The hashes of words by open addressing: a power of two long, 0 where it is empty.

    folded: of their lower case in NFD. Empty for no words at all.
    """
    hashes = {_hash(word, folded) for word in words}
    size = 1 << (2 * len(hashes)).bit_length() if hashes else 0
    places = np.zeros(size, np.uint64)
    for key in sorted(hashes):
        place = key & (size - 1)
        while places[place]:
            place = (place + 1) & (size - 1)
        places[place] = key
    return places


def _hash(word: str, folded: bool) -> int:
    data = np.frombuffer((word + "\n").encode(), np.uint8)
    codes = np.empty(len(data), np.int32)
    props = np.empty(len(data), np.uint32)
    known = tables()
    count = decode(data, 0, len(data), known.flags, codes, props) - 1
    assert codes[count] == NEWLINE
    if not folded:
        return int(hash_of(codes, 0, count))
    form = np.empty(WIDEST * len(data), np.int32)
    return int(hash_of(form, 0, fold(codes, props, 0, count, known, form)))
