"""Estimation against plain Python: small texts, every order, memory that forces many runs."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import kneser_ney

from tamis.filters.ngram.discounts import FALLBACK
from tamis.filters.ngram.estimate import estimate
from tamis.filters.ngram.levels import BEGIN, END

SMALL, LARGE = 1, 1 << 22


@st.composite
def texts(draw):
    """Sentences of words from 3, all of which occur; few words repeat much."""
    kinds = draw(st.sampled_from([1, 2, 3, 8, 40]))
    word = st.integers(3, 2 + kinds)
    sentences = draw(st.lists(st.lists(word, min_size=1, max_size=9), min_size=1, max_size=60))
    names = {}
    return [[names.setdefault(word, len(names) + 3) for word in s] for s in sentences]


def model(sentences, order, memory, words=None, **more):
    """The estimate, and its n-grams as a dictionary an order."""
    ids = [np.array([*sentence, END], np.uint32) for sentence in sentences]
    words = words or max(3, *(max(s) + 1 for s in sentences))
    with tempfile.TemporaryDirectory() as scratch:
        found = estimate(iter(ids), lambda: words, order, memory, Path(scratch), **more)
        return found, [list(found.blocks(k)) for k in range(1, order + 1)]


def unpacked(levels, bits):
    """n-gram to log10 of probability and backoff, in the order of the blocks."""
    orders = []
    for k, blocks in enumerate(levels, 1):
        grams = {}
        for level in blocks:
            for (high, low), *numbers in zip(
                level.keys.tolist(), level.prob.tolist(), level.backoff.tolist(), strict=True
            ):
                key = high << 64 | low
                gram = tuple(key >> bits * i & (1 << bits) - 1 for i in range(k))
                assert key >> bits * k == 0
                grams[gram] = numbers
        orders.append(grams)
    return orders


@settings(max_examples=60)
@given(texts(), st.integers(2, 6), st.sampled_from([SMALL, LARGE]))
def test_probabilities_are_those_of_plain_python(sentences, order, memory):
    found, levels = model(sentences, order, memory)
    expected, amounts = kneser_ney.estimate(sentences, order, words := found.counts[0])
    assert np.allclose(found.discounts, amounts, rtol=0, atol=1e-12)
    orders = unpacked(levels, found.bits)
    assert found.bits == max(1, (words - 1).bit_length())
    for k, (grams, wanted) in enumerate(zip(orders, expected, strict=True), 1):
        assert list(grams) == sorted(wanted, key=lambda gram: gram[::-1])
        assert found.counts[k - 1] == len(wanted)
        for gram, (prob, backoff) in grams.items():
            p, weight = wanted[gram]
            assert prob == pytest.approx(min(0.0, math.log10(p)), abs=1e-6)
            assert backoff == pytest.approx(math.log10(weight) if weight else 0.0, abs=1e-6)
