"""ARPA files: numbers, what is wrong with one and where, compressed ones."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.small_models import ListedLevels, arpa, random_model, words_of, written

from tamis.filters.ngram import arpa_reader
from tamis.filters.ngram.arpa_lines import number_at
from tamis.filters.ngram.arpa_reader import read
from tamis.filters.ngram.binary_writer import write

GRAMS = random_model(8, 6, 3, 30, closed=True)
TEXT = arpa(GRAMS, words_of(6))


def read_number(text):
    data = np.frombuffer(text.encode(), np.uint8)
    return number_at(data, 0, data.size)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_numbers_of_floats_are_read_back(value):
    for text in (repr(value), str(np.float32(value)), f"{value:.6e}", f"{value:.7g}"):
        found, end = read_number(text)
        assert end == len(text)
        assert np.float32(found) == np.float32(float(text)), text


@pytest.mark.parametrize("text", ["", "-", ".", "-.", "e5", "1e", "1e-", "nan", "-inf", "x1"])
def test_no_numbers(text):
    assert read_number(text)[1] == -1


@pytest.mark.parametrize("text", ["0", "-0.0", "+1", "1.", ".5", "00012.50", "1" * 30, "1E-3"])
def test_numbers_in_other_forms(text):
    assert read_number(text) == (pytest.approx(float(text), rel=1e-14), len(text))


def gathered(levels):
    return [
        [np.concatenate(part).tolist() for part in zip(*levels.blocks(order), strict=True)]
        for order in range(1, len(levels.counts) + 1)
    ]


@pytest.mark.parametrize("chunk", [1 << 22, 1, 100])
@pytest.mark.parametrize("block", [1 << 18, 3])
def test_everything_is_read(tmp_path, monkeypatch, chunk, block):
    monkeypatch.setattr(arpa_reader, "_CHUNK", chunk)
    monkeypatch.setattr(arpa_reader, "_BLOCK", block)
    words, levels = read(written(tmp_path / "lm.arpa", TEXT))
    assert words == [word.encode() for word in words_of(6)]
    assert gathered(levels) == gathered(ListedLevels(GRAMS))
    assert gathered(levels) == gathered(ListedLevels(GRAMS)), "a second time"
    next(iter(levels.blocks(2)))
    assert gathered(levels)[1] == gathered(ListedLevels(GRAMS))[1], "after giving up"
    assert len([*levels.blocks(3)]) == len([*levels.blocks(3)])


def test_a_compressed_file_is_the_same(tmp_path):
    plain = written(tmp_path / "lm.arpa", TEXT.replace("\n", "\r\n"))
    packed = tmp_path / "lm.arpa.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    write(tmp_path / "one", *read(plain))
    write(tmp_path / "two", *read(packed))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(ValueError, match="compressed file is broken"):
        gathered(read(packed)[1])


def test_a_missing_unknown_word_is_added(tmp_path):
    lines = TEXT.replace("ngram 1=9", "ngram 1=8").splitlines(keepends=True)
    place = next(k for k, line in enumerate(lines) if "<unk>" in line)
    words, levels = read(written(tmp_path / "lm.arpa", "".join(lines[:place] + lines[place + 1 :])))
    assert words[0] == b"<unk>" and len(words) == levels.counts[0] == 9
    unigrams = next(iter(levels.blocks(1)))
    assert (unigrams.prob[0], unigrams.backoff[0]) == (-100, 0)
    assert [level.keys.tolist() for level in levels.blocks(3)]


def line_of(text, what):
    return next(k for k, line in enumerate(text.splitlines(), 1) if what in line)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("\\data\\", "\\date\\", r"line 1: not an ARPA file: .*date"),
        ("ngram 2=", "ngram 3=", r"line 3: 'ngram 2=' and a count"),
        ("ngram 1=9", "ngram 1=8", r"line 15: \\2-grams: should come here"),
        ("ngram 1=9", "ngram 1=99", r"line 16: no probability at its start: ''"),
        ("\\2-grams:\n", "\\2-grams:\n-1\ta\n", r"line 18: fewer words than"),
        ("\tüber", "\ta", r"line 11: 'a' a second time"),
        ("\t</s>", "\tdot", r"the unigrams, which end here, lack </s>"),
        ("\\end\\", "", r"the file ends here"),
        ("\\3-grams:", "\\3-gram:", r"\\3-grams: should come here"),
        ("\\2-grams:\n", "\\2-grams:\n0.5\ta a\n", r"line 18: a probability above 1"),
        (
            "\n\n\\2-grams:\n",
            "\n\n\\2-grams:\n-1\ta no\n",
            r"line 18: .* none of the unigrams: '-1",
        ),
        ("\\2-grams:\n", "\\2-grams:\n-1\ta a 1x\n", r"line 18: something after its words"),
        (
            "\n\n\\3-grams:\n",
            "\n\n\\3-grams:\n-1\ta a a 1\n",
            r"a weight, though nothing is longer",
        ),
        ("\tüber", "\t" + "x" * 70_000, r"line 11: longer than 65536 bytes"),
        ("ngram 3=", "ngram 3=1", r"no probability|the file ends here"),
        ("ngram 3=", "ngram 3=9999999999999", r"line 5: 9999999999999.* cannot be in a file"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, said):
    assert old in TEXT
    with pytest.raises(ValueError, match=said):
        gathered(read(written(tmp_path / "lm.arpa", TEXT.replace(old, new, 1)))[1])


def test_an_endless_line_is_given_up(tmp_path):
    packed = tmp_path / "lm.arpa.gz"
    packed.write_bytes(gzip.compress(b"\\data\\" + b"x" * 50_000_000))
    with pytest.raises(ValueError, match=r"line 1: .*65536 bytes"):
        read(packed)
