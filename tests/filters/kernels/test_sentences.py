"""Sentences: by hand, and against plain Python over arbitrary text."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import sentences as reference

from tamis.filters.kernels import edits
from tamis.filters.kernels.sentences import count_sentences, sentences
from tamis.filters.kernels.unicode_tables import tables

PIECES = (
    *(
        "Mr",
        "e.g",
        "J",
        "U.S",
        "etc",
        "no",
        "Word",
        "word",
        "ß",
        "ǅ",
        "3",
        "३",
        "abcdefgh",
        "_",
        "sgt",
        "Messrs",
    ),
    *(".", ".", "...", "…", "?", "!", "。", "．", "؟", "।", "\"'", ")", "”", "(", "“", "'"),
    *(" ", " ", "\n", "\u2028", "\u00a0", "\u200b"),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(codec="utf-8"), max_size=30).map("".join)


def found(text: str) -> list[tuple[int, int]]:
    """Spans by the kernels, with as many more characters on both sides as it must not see."""
    codes = np.array([*map(ord, f". {text} a")], np.int32)
    props = tables().flags[codes]
    stop = len(codes) - 2
    starts, stops = np.empty(len(text), np.int32), np.empty(len(text), np.int32)
    number = sentences(codes, props, 2, stop, starts, stops)
    assert count_sentences(codes, props, 2, stop) == number
    return [(int(a) - 2, int(b) - 2) for a, b in zip(starts[:number], stops, strict=False)]


@settings(deadline=None, max_examples=100)  # the first compiles
@given(TEXTS)
def test_spans_are_those_of_plain_python(text: str) -> None:
    assert found(text) == reference.sentences(text)


def test_spans_of_many_texts_are_those_of_plain_python() -> None:
    draw = random.Random(4)
    for _ in range(5000):
        text = "".join(draw.choices(PIECES, k=draw.randint(0, 20)))
        assert found(text) == reference.sentences(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        (" \n ", 0),
        ("One", 1),
        ("One. Two", 2),
        ("One.Two", 1),
        ("One.\nTwo", 2),
        ("One\n\nTwo", 1),  # a newline is whitespace like any other
        ("He came. then left.", 1),
        ("He came! then left.", 2),
        ("He came… then left.", 1),
        ("He came... Then left.", 2),
        ('He said "Yes." (Then he left.) So.', 3),
        ("He came. “then” left.", 1),
        ("Mr. Smith came.", 1),
        ("mister. Smith came.", 2),
        ("See e.g. Smith.", 1),
        ("Mr... Smith came.", 2),
        ("J. R. R. Tolkien wrote.", 1),
        ("The U.S. Army came.", 1),
        ("See ab.cde.J. There.", 1),
        ("See abc.cde.J. There.", 2),  # more than eight characters are no abbreviation
        ("Section 5. Then 3.14 was it.", 2),
        ("Really?! Yes.", 2),
        ("他来了。他走了。", 2),
        ("「他来了。」他走了。", 2),
        ("値は３．１４です．次", 2),
        ("वह आया।वह गया।", 2),
        ("Ποιος ήρθε; Κανείς.", 1),  # the Greek question mark is a semicolon
    ],
)
def test_by_hand(text: str, number: int) -> None:
    assert len(found(text)) == number


def test_time_is_linear() -> None:
    for piece in (". ", "a.", "\"'", "……", "Mr. ", " "):
        codes = np.array([*map(ord, piece)] * 500_000, np.int32)
        assert count_sentences(codes, tables().flags[codes], 0, len(codes)) >= 0


@settings(deadline=None, max_examples=100)  # the first compiles
@given(TEXTS, st.integers(0, 5))
def test_has_words_is_split(text: str, number: int) -> None:
    codes = np.array([*map(ord, text)], np.int32)
    has = edits.has_words(tables().flags[codes], 0, len(codes), number)
    assert has == (len(text.split()) >= number)
