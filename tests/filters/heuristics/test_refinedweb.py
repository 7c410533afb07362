"""RefinedWeb: a document on each side of every edit, and plain Python over arbitrary text."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import refinedweb as reference

from tamis.filters.heuristics.refinedweb import DEFINITIONS, RefinedWeb

GOOD = "this line stays as it is, whatever else happens to the text"
COUNTED = {
    "lines": "refinedweb_lines",
    "uppercase": "refinedweb_lines_uppercase",
    "numeric": "refinedweb_lines_numeric",
    "counter": "refinedweb_lines_counter",
    "few_words": "refinedweb_lines_few_words",
    "phrase": "refinedweb_lines_phrase",
    "phrases": "refinedweb_phrases",
    "words": "refinedweb_words",
}
PIECES = (
    *(" ", " ", "\n", "\n", "\n\n\n", "\t", "\r", "\0", "\x1c", "\u00a0", "\u2028", "a", "ab cd"),
    *("A", "ÀB", "ß", "(", "12", "1", "³", "٣", ",", ".", "k", "\u212a", "M", "x y z ", "é", "語"),
    *("likes", "LIKES", "Li\u212aes", "views", "comment", "s", "3 views", "\n3k shares!\n"),
    *("items in cart", "ITEMS in cart", "\u0130tem\u017f \u0131n cart", "items in", "Read more..."),
    *("read more…!!", "Read more", "Sign-in", "\nsign-in", "\u017fign-\u0131n ", "Sign", "-in"),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(codec="utf-8"), max_size=40).map("".join)
OPTIONS = st.builds(
    dict,
    max_newlines=st.integers(0, 3),
    max_uppercase=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    max_numeric=st.sampled_from([0.5, 0.999999, 1.0]),
    drop_counters=st.booleans(),
    min_words=st.integers(0, 3),
    max_phrase_words=st.sampled_from([-1, 0, 1, 3, 10]),
)


def rows(texts: list[str], **options: Any) -> list[dict[str, Any]]:
    """What a stage with such options gives for texts, with something before and behind them."""
    column = pa.array(["before", *texts, "behind"], pa.large_string())
    batch = pa.record_batch([column], names=["text"]).slice(1, len(texts))
    answer = RefinedWeb(**options).measure(batch)
    answer.validate(full=True)
    found: list[dict[str, Any]] = answer.to_pylist()
    return found


def check(texts: list[str], answers: list[dict[str, Any]], options: dict[str, Any]) -> None:
    assert len(answers) == len(texts)
    for text, answer in zip(texts, answers, strict=True):
        edited, counts = reference.edit(text, reference.Options(**options))
        removed = None
        if counts["words"]:
            removed = float(np.float32((counts["words"] - counts["left"]) / counts["words"]))
        expected = {COUNTED[key]: counts[key] for key in COUNTED}
        assert answer == expected | {"refinedweb_removed_words": removed, "text": edited}


@given(st.lists(TEXTS, max_size=4), OPTIONS)
@settings(max_examples=100, deadline=None)
def test_any_text_is_as_in_plain_python(texts: list[str], options: dict[str, Any]) -> None:
    check(texts, rows(texts, **options), options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_newlines": 1, "max_uppercase": 0.1, "max_numeric": 0.2, "min_words": 0},
        {"max_newlines": 0, "max_uppercase": 1.0, "max_phrase_words": 3, "drop_counters": False},
        {"min_words": 1, "max_phrase_words": -1},
    ],
)
def test_many_texts_are_as_in_plain_python(options: dict[str, Any]) -> None:
    draw = random.Random(4)
    texts = ["".join(draw.choices(PIECES, k=draw.randint(0, 60))) for _ in range(1500)]
    check(texts, rows(texts, **options), options)


@pytest.mark.parametrize(
    ("removed", "kept", "column"),
    [
        ("A BIG SAle", "A BIG Sale", "uppercase"),
        ("ABcd EF", "ABcd E", "uppercase"),
        ("12345", "12345 x", "numeric"),
        ("³", "½ ½", "numeric"),
        ("3 likes", "3 like it", "counter"),
        ("→ 1,234.5K  Followers!", "→ 1,234.5KB Followers!", "counter"),
        ("3\u212a views", "3g views", "counter"),
        ("(12 comments)", "(12 comments) here", "counter"),
        ("3B Views", "→ 3views", "counter"),
        ("menu", "menu here", "few_words"),
        ("   ", "", "few_words"),
        ("2 items in cart", "2 items in carts", ""),
        ("Items in cart", "Items in a cart", "phrase"),
        ("read more...", "read more", "phrase"),
        (" Read More!!!", "Read more!!!!", "phrase"),
        ("Sign-in ITems in Cart", "Sign in here", "phrase"),
    ],
)
def test_each_edit_on_both_sides(removed: str, kept: str, column: str) -> None:
    gone, stays = rows([f"{GOOD}\n{removed}\n{GOOD}", f"{GOOD}\n{kept}\n{GOOD}"])
    if column:
        assert gone[f"refinedweb_lines_{column}"] == 1
        assert gone["text"] == f"{GOOD}\n{GOOD}"
        assert stays["text"] is None
    else:
        assert gone["text"] == f"{GOOD}\n2\n{GOOD}"
        assert stays["text"] == f"{GOOD}\n2s\n{GOOD}"


def test_phrases_leave_only_short_lines() -> None:
    ten = "1 2 3 4 5 6 7 items in cart"
    short, long = rows([f"{GOOD}\n{ten}", f"{GOOD}\n0 {ten}"])
    assert short["text"] == f"{GOOD}\n1 2 3 4 5 6 7"
    assert short["refinedweb_phrases"] == 1
    assert long["text"] is None


def test_one_whitespace_goes_with_each_phrase() -> None:
    (row,) = rows([f"{GOOD}\n1 2  items in cartitems in cart items in cart 3\n{GOOD}"])
    assert row["refinedweb_phrases"] == 0  # eleven words
    (row,) = rows([f"{GOOD}\n1  items in cartitems in cart items in cart 3\n{GOOD}"])
    assert row["refinedweb_phrases"] == 3
    assert row["text"] == f"{GOOD}\n1  3\n{GOOD}"


def test_newlines_are_shortened() -> None:
    two, three = rows([f"{GOOD}\n\n{GOOD}", f"{GOOD}\n\n\n\n{GOOD}"])
    assert two["text"] is None
    assert three["text"] == f"{GOOD}\n\n{GOOD}"


def test_share_of_words_removed() -> None:
    nineteen = "word " * 19
    rest = [f"{nineteen}\nmenu", f"{nineteen}(x) word\nmenu", f"{nineteen}", "MENU", "(x)"]
    shares = [row["refinedweb_removed_words"] for row in rows(rest)]
    assert shares == [pytest.approx(1 / 20), pytest.approx(1 / 21), 0.0, 1.0, None]


def test_nothing_left_is_an_empty_text() -> None:
    gone, unchanged = rows(["MENU\n\n12", ""])
    assert gone["text"] == ""
    assert unchanged["text"] is None


@pytest.mark.parametrize("option", ["max_newlines", "min_words", "max_phrase_words"])
def test_options_are_checked(option: str) -> None:
    with pytest.raises(ValueError, match="negative"):
        RefinedWeb(**{option: -2})


def test_definitions_are_the_columns() -> None:
    assert [signal.name for signal in DEFINITIONS] == RefinedWeb.gives.names[:-1]
    assert {field.name for field in dataclasses.fields(reference.Options)} == {
        field.name for field in dataclasses.fields(RefinedWeb)
    }


@pytest.mark.parametrize("piece", ["\n", "a", "a ", "1", "1 likes ", "items in cart", "-", "A\n"])
def test_no_document_takes_long(piece: str) -> None:
    text = piece * (2_000_000 // len(piece))  # quadratic work would take minutes
    (row,) = rows([text], max_newlines=0, max_phrase_words=10_000_000)
    assert row["refinedweb_lines"] == text.count("\n") + 1
