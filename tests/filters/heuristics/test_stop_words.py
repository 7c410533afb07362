"""Stop words: many languages, every one a word as tamis cuts words, found in its table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from reference.views import own_words

from tamis.filters.heuristics.heuristics import Heuristics
from tamis.filters.heuristics.stop_words import STOP_WORDS, table

CCNET = """
    af ar az be bg bn ca cs da de el en es et fa fi fr gu he hi hr hu hy id is it ja ka kk km kn ko
    lt lv mk ml mn mr my ne nl no pl pt ro ru uk zh
"""


def test_the_languages_of_ccnet_and_others_have_stop_words() -> None:
    """A language without a list passes the rule whatever its text is."""
    assert {*CCNET.split(), "vi", "th", "tr", "te", "ta", "ur", "sv", "sr"} <= set(STOP_WORDS)
    assert all(8 <= len(words) <= 20 for words in STOP_WORDS.values())
    assert STOP_WORDS["en"] == ("the", "be", "to", "of", "and", "that", "have", "with")


def test_every_stop_word_is_one_word() -> None:
    """`l'` or a Chinese word of two characters would never be found."""
    wrong = {
        (code, word)
        for code, words in STOP_WORDS.items()
        for word in words
        if own_words(word) != [word]
    }
    assert not wrong


def test_all_stop_words_of_a_language_are_found_in_a_text() -> None:
    """By the kernel, by the language of the row, in every script."""
    codes = sorted(STOP_WORDS)
    texts = [" ".join(STOP_WORDS[code]) + " " + STOP_WORDS[code][0] for code in codes]
    given = {"text": pa.array(texts, pa.large_string()), "language": pa.array(codes)}
    measure = Heuristics(sets=("gopher", "dclm"), language_column="language")
    answer = measure.measure(pa.record_batch(given))
    assert answer.column("gopher_stop_words").to_pylist() == [len(STOP_WORDS[c]) for c in codes]
    assert answer.column("dclm_stop_words").to_pylist() == [len(STOP_WORDS[c]) + 1 for c in codes]


@pytest.mark.parametrize("folded", [False, True])
def test_a_table_holds_its_words_and_no_other(folded: bool) -> None:
    """A table without a free place would be searched for ever."""
    words = [f"w{number}" for number in range(200)]
    for number in (1, 2, 3, 4, 8, 100, 200):
        places = table(words[:number], folded)
        assert np.count_nonzero(places) == number and len(places) >= 2 * number
        assert len(places) & (len(places) - 1) == 0
    assert len(table([])) == 0
    assert np.count_nonzero(table(["Und", "UND", "und"], folded)) == (1 if folded else 3)
