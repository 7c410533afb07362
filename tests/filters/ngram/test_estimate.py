"""Estimation against plain Python: small texts, every order, memory that forces many runs."""

import math
import resource
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import kneser_ney

from tamis.filters.ngram.discounts import FALLBACK, discounts
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


def check(grams, wanted):
    """Compares one order."""
    for gram, (prob, backoff) in grams.items():
        p, weight = wanted[gram]
        assert abs(prob - min(0.0, math.log10(p))) < 1e-6
        if weight == 0:  # discounts of nothing: no mass is left for what was never seen
            assert backoff == -math.inf
        else:
            assert abs(backoff - (math.log10(weight) if weight else 0.0)) < 1e-6


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
        check(grams, wanted)


@settings(max_examples=30)
@given(texts(), st.integers(2, 6))
def test_memory_changes_no_bit(sentences, order):
    found, levels = model(sentences, order, LARGE)
    other, small = model(sentences, order, SMALL)
    assert found.counts == other.counts and found.discounts == other.discounts
    for many, few in zip(small, levels, strict=True):
        for column in range(3):
            one = np.concatenate([level[column] for level in many] or [np.empty(0)])
            assert one.tobytes() == b"".join(level[column].tobytes() for level in few)


def random_text(seed, kinds, sentences, longest):
    """Words with frequencies as in language: a few often, many once."""
    rng = np.random.default_rng(seed)
    text = [np.minimum(rng.zipf(1.3, rng.integers(1, longest)), kinds) for _ in range(sentences)]
    names: dict[int, int] = {}
    return [[names.setdefault(int(word), len(names) + 3) for word in s] for s in text]


@pytest.mark.parametrize("memory", [SMALL, 100_000, LARGE])
def test_a_longer_text_is_estimated_in_any_memory(memory):
    """Contexts with hundreds of words are cut by blocks, and there are up to 300 runs."""
    sentences = random_text(1, 2000, 900, 40)
    found, levels = model(sentences, 4, memory)
    assert not [order for order, _ in found.fell_back if order < 4]
    expected, _ = kneser_ney.estimate(sentences, 4, found.counts[0])
    for grams, wanted in zip(unpacked(levels, found.bits), expected, strict=True):
        assert len(grams) == len(wanted)
        check(grams, wanted)


def probability(orders, context, word):
    """What the model says of any word behind any words, by its backoff weights."""
    grams = orders[len(context)]
    if (*context, word) in grams:
        return 10 ** grams[*context, word][0]
    _, weight = orders[len(context) - 1].get(context, (0, 0.0))
    return 10**weight * probability(orders, context[1:], word)


@settings(max_examples=25)
@given(texts(), st.integers(2, 4))
def test_what_follows_a_context_sums_to_one(sentences, order):
    found, levels = model(sentences, order, LARGE)
    orders = unpacked(levels, found.bits)
    followers = [word for word in range(found.counts[0]) if word != BEGIN]
    contexts = {gram[:-1] for grams in orders for gram in grams}
    for context in sorted(contexts)[:40]:
        total = sum(probability(orders, context, word) for word in followers)
        assert total == pytest.approx(1, abs=2e-6)


@pytest.mark.parametrize(("order", "size"), [(6, 1 << 11), (6, 1 << 12), (5, 1 << 13)])
def test_wide_keys_are_not_cut(order, size):
    """Keys of 66, 72 and 65 bits: words lie across both halves."""
    sentence = list(range(3, size))
    sentences = [sentence, sentence[::-1]]
    found, levels = model(sentences, order, LARGE)
    expected, _ = kneser_ney.estimate(sentences, order, size)
    for grams, wanted in zip(unpacked(levels, found.bits), expected, strict=True):
        assert grams.keys() == wanted.keys()


def refused(blocks, words, order=3, **more):
    with tempfile.TemporaryDirectory() as scratch, pytest.raises(ValueError) as raised:
        estimate(iter(blocks), lambda: words, order, LARGE, Path(scratch), **more)
    return str(raised.value)


def test_what_cannot_be_estimated_is_refused():
    one = [np.array([3, 4, END], np.uint32)]
    assert "2 to 6" in refused(one, 5, order=7)
    assert "no text" in refused([], 3)
    assert "word number 5 of 7" in refused(one, 7)
    assert "4 words, but the text has number 4" in refused(one, 4)
    assert "number 1, which" in refused([np.array([3, BEGIN, END], np.uint32)], 4)
    assert "within a sentence" in refused([np.array([3, END, 3], np.uint32)], 4)
    assert "take order 5 or fewer than 2097152 words" in refused(one, (1 << 21) + 1, order=6)


def test_an_order_without_discounts_falls_back_or_is_refused():
    sentences = [[3, 4], [3, 5]]
    found, _ = model(sentences, 2, LARGE)
    assert found.discounts[1] == FALLBACK
    assert (2, "no n-gram has a count of 3") in found.fell_back
    ids = [np.array([*sentence, END], np.uint32) for sentence in sentences]
    assert "order 1" in refused(ids, 6, order=2, fallback=False)


def test_discounts_out_of_range_are_none():
    assert discounts([0, 6, 3, 3, 1]) == (0.5, 0.5, pytest.approx(3 - 4 * 0.5 / 3))
    assert discounts([0, 1, 1, 3, 0]) == "-1.000 would be taken off a count of 2"


def test_a_full_disk_is_an_error(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError):
            estimate([np.tile(np.array([3, 4, END], np.uint32), 4000)], lambda: 5, 3, 1, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_only_the_model_stays_in_the_scratch_folder(tmp_path):
    ids = [np.array([*sentence, END], np.uint32) for sentence in random_text(2, 50, 90, 12)]
    estimate(ids, lambda: max(map(max, ids)) + 1, 3, SMALL, tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"probabilities-{k}" for k in (1, 2, 3)} | {f"gammas-{k}" for k in (1, 2)}
