"""Scores against a dictionary's and KenLM's, of models that pass through all our files."""

import tempfile
from pathlib import Path

import kenlm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.backoff import of_sentence
from reference.small_models import (
    ListedLevels,
    arpa,
    packed,
    random_model,
    sentences,
    words_of,
    written,
)

from tamis.filters.ngram import scorer
from tamis.filters.ngram.arpa_reader import read
from tamis.filters.ngram.binary import open_model
from tamis.filters.ngram.binary_writer import write

MODELS = st.tuples(st.integers(0, 2**32), st.integers(0, 9), st.integers(2, 6), st.integers(0, 60))


@given(MODELS)
@settings(max_examples=60)
def test_scores_are_those_of_plain_python_and_of_kenlm(given_model):
    seed, size, order, count = given_model
    grams, words = random_model(seed, size, order, count, closed=True), words_of(size)
    lines = sentences(seed, size, 40)
    with tempfile.TemporaryDirectory() as folder:
        path, text = Path(folder, "lm.bin"), written(Path(folder, "lm.arpa"), arpa(grams, words))
        write(path, [word.encode() for word in words], ListedLevels(grams))
        model = open_model(path)
        totals, details = scorer.score_words(model, *packed(lines))
        assert totals.tolist() == scorer.score(model, *packed(lines)).tolist()
        assert model.words() == [word.encode() for word in words]
        theirs, ours = kenlm.Model(str(text)), kenlm.Model(str(path))
        for line, total in zip(lines, totals, strict=True):
            said = " ".join([*words, "unheard"][word] for word in line)
            assert total == pytest.approx(theirs.score(said), rel=1e-5, abs=1e-4)
            assert ours.score(said) == theirs.score(said)
            assert [*ours.full_scores(said)] == [*theirs.full_scores(said)]
    wanted = [one for line in lines for one in of_sentence(grams, order, line)]
    np.testing.assert_allclose(details.probs, [prob for prob, _ in wanted], rtol=1e-9)
    assert details.lengths.tolist() == [length for _, length in wanted]


@given(MODELS)
@settings(max_examples=60)
def test_models_that_lack_endings_are_read_from_arpa_as_kenlm_does(given_model):
    """What only longer n-grams end with is added, where there is room; KenLM refuses else."""
    seed, size, order, count = given_model
    grams, words = random_model(seed, size, order, count, closed=False), words_of(size)
    lines = sentences(seed, size, 20)
    with tempfile.TemporaryDirectory() as folder:
        path, text = Path(folder, "lm.bin"), written(Path(folder, "lm.arpa"), arpa(grams, words))
        try:
            theirs = kenlm.Model(str(text))
        except OSError:
            with pytest.raises(ValueError, match="too many n-grams are missing"):
                write(path, *read(text))
            return
        write(path, *read(text))
        totals = scorer.score(open_model(path), *packed(lines))
        for line, total in zip(lines, totals, strict=True):
            said = " ".join([*words, "unheard"][word] for word in line)
            assert total == pytest.approx(theirs.score(said), rel=1e-5, abs=1e-4)
            wanted = sum(prob for prob, _ in of_sentence(grams, order, line))
            assert total == pytest.approx(wanted, rel=1e-5, abs=1e-4)


def test_many_words(tmp_path):
    """Keys of 13 bits a word: one of the six lies in both halves, one in the upper half."""
    grams, words = random_model(2, 5000, 6, 80, closed=True), words_of(5000)
    text = written(tmp_path / "lm.arpa", arpa(grams, words))
    write(tmp_path / "one", [word.encode() for word in words], ListedLevels(grams))
    write(tmp_path / "two", *read(text))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    lines = [[*gram[gram[0] == 1 :]] for gram in grams if len(gram) > 1]
    totals = scorer.score(open_model(tmp_path / "one"), *packed(lines))
    wanted = [sum(prob for prob, _ in of_sentence(grams, 6, line)) for line in lines]
    np.testing.assert_allclose(totals, wanted, rtol=1e-9)
    theirs = kenlm.Model(str(text))
    said = [" ".join(words[word] for word in line) for line in lines]
    np.testing.assert_allclose(totals, [theirs.score(one) for one in said], rtol=1e-5)


def test_blocks_do_not_show(tmp_path):
    """Sentences of all lengths, whose words lie in other blocks each time."""
    grams = random_model(5, 9, 5, 300, closed=True)
    write(tmp_path / "lm", [word.encode() for word in words_of(9)], ListedLevels(grams, 100))
    model = open_model(tmp_path / "lm")
    lines = sentences(1, 9, 300)
    lines[100] = [word for line in lines for word in line] * 3
    one_by_one = [scorer.score(model, *packed([line]))[0] for line in lines]
    for first in range(0, 60, 7):
        totals = scorer.score(model, *packed(lines[first:]))
        np.testing.assert_allclose(totals, one_by_one[first:], rtol=1e-12)
    wanted = sum(prob for prob, _ in of_sentence(grams, 5, lines[100]))
    assert one_by_one[100] == pytest.approx(wanted, rel=1e-9)


def test_numbers_that_are_no_words_are_the_unknown_one(tmp_path):
    write(tmp_path / "lm", *_least())
    model, ends = open_model(tmp_path / "lm"), np.array([3, 4])
    unknown = scorer.score(model, np.array([3, 0, 0, 0], np.uint32), ends).tolist()
    for ids in ([3, 5, 2**32 - 1, 77], [3, -1, -5, 1 << 20]):
        given_ids = np.array(ids, np.int64)
        given_ids.flags.writeable = False
        assert scorer.score(model, given_ids, ends).tolist() == unknown


def test_no_sentences_and_wrong_ends(tmp_path):
    write(tmp_path / "lm", *_least())
    model = open_model(tmp_path / "lm")
    assert scorer.score(model, *packed([])).tolist() == []
    ids = np.zeros(4, np.uint32)
    for ends in ([5], [3, 2], [-1, 2]):
        with pytest.raises(ValueError, match="sentences must end within"):
            scorer.score(model, ids, np.array(ends, np.int64))


def _least():
    grams = random_model(1, 2, 2, 5, closed=True)
    return [word.encode() for word in words_of(2)], ListedLevels(grams)
