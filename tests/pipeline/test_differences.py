"""Differences of two texts: nothing is left out, and no pair of texts takes for ever."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tamis.pipeline.differences import PAIRS, difference

texts = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), max_size=40).map(" ".join)


@given(texts, texts)
def test_what_is_not_named_is_in_both(here: str, there: str) -> None:
    found = difference(here, there)
    left = []
    for side, text in (("here", here), ("there", there)):
        words = Counter(text.split())
        words.subtract(word for change in found.changes for word in change[side].split())
        assert min(words.values(), default=0) >= 0
        left.append(+words)
    assert left[0] == left[1]
    for change in found.changes:
        given = {side for side in ("here", "there") if change[side]}
        assert given == ({change["op"]} if change["op"] != "changed" else {"here", "there"})
    assert (not found.changes) == (here.split() == there.split())


def test_changes_come_as_they_were_made() -> None:
    words = [f"w{number % 37}x{number // 37}" for number in range(3000)]
    other = [*words[:100], "one", *words[101:900], *words[910:2000], "two", "three", *words[2000:]]
    found = difference(" ".join(words), "\n".join(other))
    assert found.whole
    assert found.changes == [
        {"op": "changed", "here": words[100], "there": "one"},
        {"op": "here", "here": " ".join(words[900:910]), "there": ""},
        {"op": "there", "here": "", "there": "two three"},
    ]


def test_words_behind_the_limit_are_not_compared() -> None:
    found = difference("a b c d", "a b c x y", 3)
    assert (found.changes, found.compared, found.whole) == ([], 3, False)
    assert difference("a b c", "a b c", 3).whole


def test_long_pieces_without_anything_to_hold_on_to_differ_as_a_whole() -> None:
    """difflib takes two minutes for these: few words, each in hundreds of places."""
    one = [f"x{number % 99}" for number in range(20_000)]
    other = [f"x{number * 7 % 99}" for number in range(20_000)]
    assert len(one) * len(other) > PAIRS
    (change,) = difference(" ".join(one), " ".join(other)).changes
    assert change["op"] == "changed" and len(change["here"].split()) > 19_000
