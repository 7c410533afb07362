"""C4: a document on each side of every rule, and plain Python over arbitrary text."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import c4 as reference
from reference.sentences import sentences

from tamis.filters.heuristics.c4 import C4, DEFINITIONS

GOOD = "This line has quite enough words."
COUNTED = {
    "lines": "c4_lines",
    "kept": "c4_lines_kept",
    "long_word": "c4_lines_long_word",
    "no_end_mark": "c4_lines_no_end_mark",
    "few_words": "c4_lines_few_words",
    "javascript": "c4_lines_javascript",
    "policy": "c4_lines_policy",
    "citations": "c4_citations",
    "lorem_ipsum": "c4_lorem_ipsum",
    "curly_bracket": "c4_curly_bracket",
    "sentences": "c4_sentences",
    "third_longest": "c4_third_longest_line",
}
PIECES = (
    *(" ", " ", "\n", "\n", "\r\n", "\r", "\u2028", "\x1c", "\u00a0", "\u3000"),
    *(".", "...", "?", "!", '"', "'", "{", "[", "]", "[]", "[12]", "[³]", "[٣]", "[edit]"),
    *("[Edit]", "[citation needed]", "[citation", "Lorem Ipsum", "LOREM IPSUM", "İpsum"),
    *("JavaScript", "terms of use", "Privacy Policy", "uses coo\u212aies", "use of cookies"),
    *("use cookies", "cookie ", "policy", "java", "script", "a b c ", "a", "word. Word", "é", "語"),
    *("\u07ff", "\u0800", "\uffff", "\U00010000", "a b c d e f. "),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(codec="utf-8"), max_size=40).map("".join)
OPTIONS = st.builds(
    dict,
    min_words=st.integers(0, 6),
    max_word_length=st.sampled_from([0, 1, 4, 1000]),
    need_end_mark=st.booleans(),
    end_marks=st.sampled_from([(".", "?", "!", '"'), (".", "'", "語"), ()]),
    keep_ellipsis=st.booleans(),
    remove_citations=st.booleans(),
    drop_javascript=st.booleans(),
    drop_policy=st.booleans(),
)


def rows(texts: list[str], **options: Any) -> list[dict[str, Any]]:
    """What a stage with such options gives for texts, with something before and behind them."""
    column = pa.array(["before", *texts, "behind"], pa.large_string())
    batch = pa.record_batch([column], names=["text"]).slice(1, len(texts))
    answer = C4(**options).measure(batch)
    answer.validate(full=True)
    found: list[dict[str, Any]] = answer.to_pylist()
    return found


def check(texts: list[str], answers: list[dict[str, Any]], options: dict[str, Any]) -> None:
    assert len(answers) == len(texts)
    for text, answer in zip(texts, answers, strict=True):
        edited, counts = reference.edit(text, sentences, reference.Options(**options))
        assert answer == {COUNTED[key]: counts[key] for key in COUNTED} | {"text": edited}
        assert sum(answer[COUNTED[key]] for key in list(COUNTED)[1:7]) == answer["c4_lines"]


@given(st.lists(TEXTS, max_size=4), OPTIONS)
@settings(max_examples=100, deadline=None)
def test_any_text_is_as_in_plain_python(texts: list[str], options: dict[str, Any]) -> None:
    check(texts, rows(texts, **options), options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_words": 1, "keep_ellipsis": True, "max_word_length": 12, "end_marks": (".", "語")},
        {"min_words": 0, "need_end_mark": False, "max_word_length": 0},
        {"min_words": 2, "remove_citations": False, "drop_javascript": False, "drop_policy": False},
    ],
)
def test_many_texts_are_as_in_plain_python(options: dict[str, Any]) -> None:
    draw = random.Random(4)
    texts = ["".join(draw.choices(PIECES, k=draw.randint(0, 60))) for _ in range(1500)]
    check(texts, rows(texts, **options), options)


def words(number: int) -> str:
    return " ".join(["word"] * number) + "."


@pytest.mark.parametrize(
    ("removed", "kept", "column"),
    [
        (words(4), words(5), "few_words"),
        ("Four words and [1] it.", "Four words and [a] it.", "few_words"),
        (f"{'x' * 1001} is what they said.", f"{'x' * 1000} is what they said.", "long_word"),
        ("They all said so,", "They all said so there.", "no_end_mark"),
        ("They all said so there...", "They all said so there..", "no_end_mark"),
        ("They all said so there…", 'They all said so "there"', "no_end_mark"),
        ("They all said so there'", "They all said so there?", "no_end_mark"),
        ("Please turn JavaScript on now.", "Please turn Java Script on now.", "javascript"),
        ("We know, coo\u212aie policy and all.", "We know the coo-kie policy well.", "policy"),
        ("This site USES COOKIES, you know.", "This site has cookies, you know.", "policy"),
    ],
)
def test_each_line_rule_on_both_sides(removed: str, kept: str, column: str) -> None:
    gone, stays = rows([f"{GOOD}\n{removed}", f"{GOOD}\n{kept}"])
    assert gone[f"c4_lines_{column}"] == 1
    assert gone["text"] == GOOD
    assert stays["c4_lines_kept"] == 2
    assert stays["text"] is None


def test_citations_leave_the_line() -> None:
    text = f"It was so[12] in the[edit] end[citation needed].[]\n{GOOD}"
    (row,) = rows([text])
    assert row["c4_citations"] == 4
    assert row["text"] == f"It was so in the end.\n{GOOD}"
    (row,) = rows([text], remove_citations=False)
    assert row["c4_citations"] == 0
    assert row["text"] == GOOD


@pytest.mark.parametrize(
    ("line", "column", "number"),
    [
        ("So lorem ipsum is what stands here.", "c4_lorem_ipsum", 1),
        ("So lorem  ipsum is what stands here.", "c4_lorem_ipsum", 0),
        ("So lorem ipsum is what stands here", "c4_lorem_ipsum", 0),  # an end mark comes first
        ("So this { is what stands here.", "c4_curly_bracket", 1),
        ("So this } is what stands here.", "c4_curly_bracket", 0),
        ("So this { is javascript for you.", "c4_curly_bracket", 0),  # javascript comes first
        ("First it was. Then it went.", "c4_sentences", 2),
        ("First it was, then it went.", "c4_sentences", 1),
        ("First it was. Then it went", "c4_sentences", 0),
    ],
)
def test_quantities_of_pages(line: str, column: str, number: int) -> None:
    (row,) = rows([line])
    assert row[column] == number


def test_third_longest_line() -> None:
    lengths = [[200, 300, 199], [200, 200, 201, 3], [500, 500], [7]]
    texts = ["\n".join("x" * length for length in each) for each in lengths]
    assert [row["c4_third_longest_line"] for row in rows(texts)] == [199, 200, 0, 0]


def test_nothing_left_is_an_empty_text() -> None:
    (row, unchanged) = rows(["nothing here", ""])
    assert row["text"] == ""
    assert row["c4_lines_kept"] == 0
    assert unchanged["text"] is None


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="one character"):
        C4(end_marks=("...",))
    with pytest.raises(ValueError, match="negative"):
        C4(min_words=-1)


def test_definitions_are_the_columns() -> None:
    assert [signal.name for signal in DEFINITIONS] == C4.gives.names[:-1] == list(COUNTED.values())
    assert {field.name for field in dataclasses.fields(reference.Options)} == {
        field.name for field in dataclasses.fields(C4)
    }


@pytest.mark.parametrize("piece", ["[", "[1", "\n", "a", "a ", ". ", "lorem ipsu", "{", "\u2028"])
def test_no_document_takes_long(piece: str) -> None:
    text = piece * (2_000_000 // len(piece))  # quadratic work would take minutes
    (row,) = rows([text], min_words=0, need_end_mark=False, max_word_length=0)
    assert row["c4_lines_kept"] == row["c4_lines"]
