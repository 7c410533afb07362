"""The plain references of Gopher and FineWeb against datatrove itself, fed the same words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import (
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)
from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import fineweb, gopher
from reference.views import own_words

# What the rules count, newlines of several kinds, a script without spaces.
PIECES = [
    *[*"abAB #.-•…*中\u2028\n\n", "...", "\n\n", "\r\n"],
    *["the ", "of ", "Cat ", "x\ny. ", f"\n{'y' * 30}\n"],
]
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=60).map("".join)
# datatrove glues words together before it compares them; no two series of these glue to the same.
WORDS = st.lists(st.sampled_from(["A", "B", "Ba", "Bab", "C"]), min_size=1, max_size=60)

REPETITION_OFF: dict[str, Any] = {
    **dict.fromkeys(("dup_line_frac", "dup_para_frac", "dup_line_char_frac")),
    "dup_para_char_frac": None,
    "top_n_grams": (),
    "dup_n_grams": (),
}
QUALITY_OFF: dict[str, Any] = dict.fromkeys(
    (
        *("min_doc_words", "max_doc_words", "min_avg_word_length", "max_avg_word_length"),
        *("max_symbol_word_ratio", "max_bullet_lines_ratio", "max_ellipsis_lines_ratio"),
        *("max_non_alpha_words_ratio", "min_stop_words"),
    )
)
FINEWEB_OFF: dict[str, Any] = {
    "line_punct_thr": -1.0,
    "short_line_thr": math.inf,
    "char_duplicates_ratio": math.inf,
    "new_line_ratio": math.inf,
}


@pytest.fixture(scope="module", autouse=True)
def words() -> Iterator[list[str]]:
    """What datatrove's filters see instead of spaCy's words: what the list holds at the time."""
    held: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
            patch.setattr(module, "split_into_words", lambda text, language: held)
        yield held


def at_most(keeps: Callable[[float], bool], value: float | None) -> None:
    """A filter for values up to a bound keeps one on its bound and none above; 0 is no bound."""
    if value:
        assert keeps(value)
        assert not keeps(math.nextafter(value, 0))


def at_least(keeps: Callable[[float], bool], value: float | None) -> None:
    if value is not None:
        assert not value or keeps(value)
        assert not keeps(math.nextafter(value, math.inf))


@given(text=TEXTS, fed=WORDS)
def test_gopher_repetition(words: list[str], text: str, fed: list[str]) -> None:
    words[:] = fed
    values = gopher.measure(text, fed)

    def bounded(name: str, make: Callable[[float], object], column: str) -> None:
        def keeps(bound: float) -> bool:
            wanted = GopherRepetitionFilter(**(REPETITION_OFF | {name: make(bound)}))
            return wanted.filter(Document(text=text, id="")) is True

        at_most(keeps, values[column])

    bounded("dup_line_frac", float, "gopher_duplicate_lines")
    bounded("dup_para_frac", float, "gopher_duplicate_paragraphs")
    bounded("dup_line_char_frac", float, "gopher_duplicate_line_chars")
    bounded("dup_para_char_frac", float, "gopher_duplicate_paragraph_chars")
    for n in (2, 3, 4):
        bounded("top_n_grams", lambda bound, n=n: ((n, bound),), f"gopher_top_{n}gram")
    for n in range(5, 11):
        bounded("dup_n_grams", lambda bound, n=n: ((n, bound),), f"gopher_duplicate_{n}gram")


@given(text=TEXTS)
def test_gopher_quality(words: list[str], text: str) -> None:
    words[:] = own_words(text)
    values = gopher.measure(text, words)
    assume(values["gopher_words"])  # of none, datatrove takes the mean

    def keeps(name: str) -> Callable[[float], bool]:
        def at(bound: float) -> bool:
            wanted = GopherQualityFilter(**(QUALITY_OFF | {name: bound}))
            return wanted.filter(Document(text=text, id="")) is True

        return at

    at_least(keeps("min_doc_words"), values["gopher_words"])
    at_most(keeps("max_doc_words"), values["gopher_words"])
    at_least(keeps("min_avg_word_length"), values["gopher_mean_word_length"])
    at_most(keeps("max_avg_word_length"), values["gopher_mean_word_length"])
    symbols = max(values["gopher_hash_ratio"] or 0, values["gopher_ellipsis_ratio"] or 0)
    at_most(keeps("max_symbol_word_ratio"), symbols)
    at_most(keeps("max_bullet_lines_ratio"), values["gopher_bullet_lines"])
    at_most(keeps("max_ellipsis_lines_ratio"), values["gopher_ellipsis_lines"])
    at_least(keeps("max_non_alpha_words_ratio"), values["gopher_alpha_words"])
    at_least(keeps("min_stop_words"), values["gopher_stop_words"])


@given(text=TEXTS)
def test_fineweb(words: list[str], text: str) -> None:
    words[:] = own_words(text)
    assume(words)  # datatrove divides by their number
    values = fineweb.measure(text, words)

    def keeps(name: str) -> Callable[[float], bool]:
        def at(bound: float) -> bool:
            wanted = FineWebQualityFilter(**(FINEWEB_OFF | {name: bound}))
            return wanted.filter(Document(text=text, id="")) is True

        return at

    at_least(keeps("line_punct_thr"), values["fineweb_end_mark_lines"])
    at_most(keeps("short_line_thr"), values["fineweb_short_lines"])
    at_most(keeps("char_duplicates_ratio"), values["fineweb_duplicate_line_chars"])
    at_most(keeps("new_line_ratio"), values["fineweb_newlines_per_word"])
