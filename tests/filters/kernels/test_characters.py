"""Characters, flags, hashes and lines against what Python says."""

import string
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.texts import decoded, texts

from tamis.filters.kernels import unicode_tables as u
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.hashes import beginnings, hash_of, hash_of_text, of_range, power
from tamis.filters.kernels.lines import lines, next_break, spaced, strip


@given(texts)
def test_characters_are_decoded(text):
    codes, props, count = decoded(text)
    assert codes[:count].tolist() == [ord(char) for char in text]
    assert props[:count].tolist() == u.tables().flags[codes[:count]].tolist()


@given(st.binary(max_size=40))
def test_what_is_no_utf8_is_read_within_bounds(data):
    codes, props = np.full(len(data) + 1, -7, np.int32), np.zeros(len(data) + 1, np.uint32)
    count = decode(np.frombuffer(data, np.uint8), 0, len(data), u.tables().flags, codes, props)
    assert count <= len(data)
    assert codes[count] == -7
    assert all(0 <= code < 0x110000 for code in codes[:count].tolist())


@pytest.mark.parametrize(
    ("flag", "holds"),
    [
        (u.SPACE, str.isspace),
        (u.ALPHA, str.isalpha),
        (u.ALNUM, str.isalnum),
        (u.UPPER, str.isupper),
        (u.NUMERIC, str.isnumeric),
        (u.DIGIT, str.isdigit),
        (u.BREAK, lambda char: len(f"a{char}b".splitlines()) == 2),
        (u.PUNCTUATION, lambda char: char in string.punctuation),
        (u.MARK, lambda char: unicodedata.combining(char) > 0),
    ],
)
def test_flags_are_what_python_says_of_every_character(flag, holds):
    every = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    flags = u.tables().flags[[ord(char) for char in every]]
    assert [bool(known) for known in flags & flag] == [holds(char) for char in every]


@given(texts, st.data())
def test_the_hash_of_a_range_is_that_of_its_characters(text, data):
    codes, _, count = decoded(text)
    begun = np.empty(count + 2, np.uint64)
    beginnings(codes, count, begun)
    start = data.draw(st.integers(0, count))
    stop = data.draw(st.integers(start, count))
    assert of_range(begun, start, stop) == hash_of(codes, start, stop)


def test_ranges_longer_than_the_table_of_powers_have_the_same_hash():
    codes, _, count = decoded("ab" * 3000)
    begun = np.empty(count + 2, np.uint64)
    beginnings(codes, count, begun)
    assert of_range(begun, 2, 5000) == hash_of(codes, 0, 4998) == of_range(begun, 0, 4998)
    assert power(3) == u.np.uint64(int(power(1)) ** 3 % 2**64)


@given(texts)
def test_lines_and_words_between_blanks(text):
    codes, props, count = decoded(text)
    starts, stops = np.empty(count + 2, np.int32), np.empty(count + 2, np.int32)
    found = lines(codes, count, starts, stops)
    cut = [text[starts[line] : stops[line]] for line in range(found)]
    assert cut == text.split("\n")
    for line, piece in enumerate(cut):
        first, last = strip.py_func(props, starts[line], stops[line])
        assert text[first:last] == piece.strip()
    found = spaced(props, count, starts, stops)
    assert [text[starts[word] : stops[word]] for word in range(found)] == text.split()


@given(texts)
def test_lines_as_splitlines_has_them(text):
    codes, props, count = decoded(text)
    found, start = [], 0
    while start < count:
        stop, following = next_break.py_func(codes, props, start, count)
        found.append(text[start:stop])
        start = following
    assert found == text.splitlines()


@given(st.text(max_size=40))
def test_a_hash_without_compiled_code_is_the_same(text: str) -> None:
    codes = np.array([ord(letter) for letter in text], np.int32)
    assert hash_of_text(text) == hash_of(codes, 0, len(text))
