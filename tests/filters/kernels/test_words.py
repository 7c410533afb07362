"""Words against the plain reference, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from reference.texts import decoded, texts
from reference.words import words as expected

from tamis.filters.kernels.hashes import beginnings, hash_of
from tamis.filters.kernels.words import HAS_LETTER, NO_SYMBOL, STARTS_ALNUM, merge_addresses, words


def segmented(text, addresses=True):
    codes, props, count = decoded(text)
    room = [np.empty(count + 2, np.int32) for _ in range(3)]
    hashes, traits = np.empty(count + 2, np.uint64), np.empty(count + 2, np.uint8)
    begun = np.empty(count + 2, np.uint64)
    beginnings(codes, count, begun)
    found = words(codes, props, begun, count, *room, hashes, traits)
    if addresses:
        known = (*room[1:], hashes, traits)
        found = merge_addresses(codes, props, begun, count, *known, found)
    ranges = list(zip(room[1][:found].tolist(), room[2][:found].tolist(), strict=True))
    return ranges, hashes[:found], traits[:found], codes


@settings(max_examples=400)
@given(texts)
def test_words_are_those_of_plain_python(text):
    assert segmented(text)[0] == expected(text)
    assert segmented(text, addresses=False)[0] == expected(text, addresses=False)


@given(texts)
def test_hashes_and_traits_of_words(text):
    ranges, hashes, traits, codes = segmented(text)
    for (start, stop), key, trait in zip(ranges, hashes, traits, strict=True):
        word = text[start:stop]
        assert key == hash_of(codes, start, stop)
        assert bool(trait & HAS_LETTER) == any(map(str.isalpha, word))
        assert bool(trait & STARTS_ALNUM) == word[0].isalnum()
        if word.isalnum():
            assert trait & NO_SYMBOL


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't stop.", ["Don't", "stop", "."]),
        ("3.14 and 1,000,000", ["3.14", "and", "1,000,000"]),
        ("wait ... -- ok", ["wait", "...", "--", "ok"]),
        ("see http://a.b/c?d=1, now", ["see", "http://a.b/c?d=1,", "now"]),
        ("me@example.org at 12:30", ["me@example.org", "at", "12:30"]),
        ("漢字かな カタカナ", ["漢", "字", "か", "な", "カタカナ"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("a\u200bb", ["a", "b"]),
        ("", []),
    ],
)
def test_words_of_examples(text, found):
    assert [text[start:stop] for start, stop in segmented(text)[0]] == found
