"""ARPA files: what KenLM reads from them, and the numbers in them."""

import math
import re

import kenlm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import kneser_ney

from tamis.filters.ngram.arpa import decimal, write
from tamis.filters.ngram.estimate import estimate
from tamis.filters.ngram.levels import END, SPECIAL

TEXT = """the cat sat on the mat
the dog sat on the cat
a dog and a cat sat
on the mat the cat sat and sat
naïve 猫 sat"""


def numbered(text):
    names = {word: number for number, word in enumerate(SPECIAL)}
    return [
        [names.setdefault(word.encode(), len(names)) for word in line.split()]
        for line in text.splitlines()
    ], list(names)


@pytest.mark.parametrize("order", [2, 3, 6])
def test_kenlm_reads_it_and_scores_as_plain_python_does(tmp_path, order):
    sentences, words = numbered(TEXT)
    ids = [np.array([*sentence, END], np.uint32) for sentence in sentences]
    (tmp_path / "scratch").mkdir()
    found = estimate(ids, lambda: len(words), order, 1 << 20, tmp_path / "scratch")
    write(tmp_path / "lm.arpa", words, found)
    model = kenlm.Model(str(tmp_path / "lm.arpa"))
    assert model.order == order
    expected, _ = kneser_ney.estimate(sentences, order, len(words))
    for line in [*TEXT.splitlines(), "the mat sat on a dog", "naïve naïve bird", ""]:
        said = [words.index(w) if w in words else 0 for w in line.encode().split()]
        assert model.score(line) == pytest.approx(score(expected, said), abs=1e-4)


def score(orders, sentence):
    context, total = (kneser_ney.BEGIN,), 0.0
    for word in [*sentence, END]:
        total += math.log10(probability(orders, context, word))
        context = (*context, word)[-(len(orders) - 1) :]
    return total


def probability(orders, context, word):
    found = orders[len(context)].get((*context, word))
    if found:
        return found[0]
    weight = orders[len(context) - 1].get(context, (0, None))[1] or 1.0
    return weight * probability(orders, context[1:], word)


def test_the_file_is_laid_out_as_lmplz_does(tmp_path):
    sentences, words = numbered("a b\na")
    ids = [np.array([*sentence, END], np.uint32) for sentence in sentences]
    write(tmp_path / "lm.arpa", words, estimate(ids, lambda: 5, 2, 1, tmp_path))
    text = (tmp_path / "lm.arpa").read_text()
    assert text.startswith("\\data\\\nngram 1=5\nngram 2=4\n\n\\1-grams:\n-")
    assert text.endswith("\n\n\\end\\\n")
    lines = text.splitlines()
    assert [line.split("\t")[1] for line in lines[5:10]] == ["<unk>", "<s>", "</s>", "a", "b"]
    assert [line.split("\t")[2] for line in lines[5:8]][::2] == ["0", "0"]
    assert lines[6].startswith("0\t<s>\t-")
    grams = [line.split("\t") for line in lines[12:16]]
    assert [gram[1:] for gram in grams] == [["a </s>"], ["b </s>"], ["<s> a"], ["a b"]]


@pytest.mark.parametrize("word", [b"", b"a b", b"a\n", b"\t", b"\0"])
def test_a_word_that_would_break_a_line_is_refused(tmp_path, word):
    ids = [np.array([3, END], np.uint32)]
    found = estimate(ids, lambda: 4, 2, 1, tmp_path)
    with pytest.raises(ValueError, match="word number 3"):
        write(tmp_path / "lm.arpa", [*SPECIAL, word], found)


@given(st.floats(-200, 0, width=32) | st.sampled_from([-1.0, -10.0, -0.1, -1e-7, -9.9999999]))
def test_numbers_have_seven_decimals(value):
    out = np.zeros(32, np.uint8)
    text = out[: decimal(np.float32(value), out, 0)].tobytes().decode()
    assert re.fullmatch(r"0|-?(0|[1-9]\d*)\.\d{7}", text)
    assert abs(float(text) - float(np.float32(value))) <= 0.5001e-7
