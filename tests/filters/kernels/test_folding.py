"""Folding against str.lower and NFD."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from reference.texts import decoded, texts
from reference.views import normalised_words

from tamis.filters.kernels.folding import WIDEST, Seen, fold, fold_words
from tamis.filters.kernels.unicode_tables import tables


def folded_words(text):
    codes, props, count = decoded(text)
    folded, ends = np.empty(WIDEST * (count + 1), np.int32), np.empty(count + 2, np.int32)
    seen = Seen(np.empty(count + 2, np.int32), np.empty(count + 2, np.int32))
    found, size = fold_words(codes, props, count, tables(), folded, ends, seen)
    assert ends[found] == size
    string = "".join(map(chr, folded[:size].tolist()))
    return [string[ends[i] : ends[i + 1]] for i in range(found)], seen


@settings(max_examples=400)
@given(texts)
def test_words_are_folded_as_python_does(text):
    assert folded_words(text)[0] == normalised_words(text)


@given(texts)
def test_one_word_is_folded_as_python_does(text):
    for word in text.split():
        codes, props, count = decoded(word)
        folded = np.empty(WIDEST * count, np.int32)
        size = fold(codes, props, 0, count, tables(), folded)
        form = unicodedata.normalize("NFD", word.lower())
        assert "".join(map(chr, folded[:size].tolist())) == form


def test_words_and_digits_are_seen_line_by_line():
    _, seen = folded_words("one 2\n\n34 — five\n²")
    assert seen.words[:4].tolist() == [2, 2, 5, 6]
    assert seen.numeric[:4].tolist() == [1, 1, 3, 4]


@pytest.mark.parametrize("marks", ["\u0315\u0300\u0323", "\u0323\u0315" * 5000])
def test_many_marks_in_a_row_are_put_in_order(marks):
    assert folded_words("a" + marks)[0] == [unicodedata.normalize("NFD", "a" + marks)]
