"""Lines seen too often: CCNet's answers, all options against plain Python, each by hand."""

from __future__ import annotations

import pickle
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import lines as reference
from reference.texts import texts as any_text

from tamis.filters.lines import Lines
from tamis.pipeline.dedup.lines import Counter, Layout, merged, write

PIECES = ("Home", "HOME ", "Page 1", "page 2", "“Home”", "", " ", "…", "\u00e9t\u00e9", "a", "*")
LINES = st.lists(st.sampled_from(PIECES), max_size=9).map("\n".join)
PROSE = st.lists(st.sampled_from(["A one. ", "B 2! ", "B 3!\n\n", "語。", "b "]), max_size=9).map(
    "".join
)
DOCUMENTS = st.lists(LINES | PROSE | any_text, max_size=7)
OPTIONS = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["line", "paragraph", "sentences"]),
        "keep": st.sampled_from(["none", "first"]),
        "more_than": st.integers(1, 3),
        "count": st.sampled_from(["documents", "copies"]),
        "form": st.sampled_from(["ccnet", "lower", "exact"]),
        "shortest": st.integers(0, 5),
    }
)


def batch_of(texts: Sequence[str]) -> pa.RecordBatch:
    places = pa.array(range(len(texts)), pa.int64())
    inputs = pa.array([0] * len(texts), pa.int32())
    column = pa.array(texts, pa.large_string())
    return pa.record_batch([column, inputs, places], names=["text", "input", "place"])


def rows(texts: Sequence[str], **options: Any) -> list[dict[str, Any]]:
    """What is measured of the only documents there are, counted in two parts."""
    measure, batch = Lines(**options), batch_of(texts)
    parts = []
    for part in (batch.slice(0, len(texts) // 2), batch.slice(len(texts) // 2)):
        counter = Counter(measure)
        counter.add(*part.columns)
        parts.append(counter.table())
    counts = merged(parts)
    often = {k: column[counts["count"] > measure.more_than] for k, column in counts.items()}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "00000-00000.arrow", often, said=Layout((range(2),), 0))
        answer = measure.with_table(Path(folder)).measure(batch)
    answer.validate(full=True)
    found: list[dict[str, Any]] = answer.to_pylist()
    return found


def check(texts: list[str], options: dict[str, Any]) -> None:
    expected = reference.edited(texts, Lines(**options))
    for text, row, wanted in zip(texts, rows(texts, **options), expected, strict=True):
        assert (row["text"] is None) == (wanted[0] == text)
        got = row["text"] if row["text"] is not None else text
        assert (got, *list(row.values())[:-1]) == wanted


@given(DOCUMENTS)
def test_ccnet_is_reproduced(texts: list[str]) -> None:
    """The published code's text, byte for byte, and the documents that it drops."""
    found = rows(texts, shortest=0)
    for text, row, wanted in zip(texts, found, reference.two_passes(texts), strict=True):
        if wanted is None:
            assert row["lines_removed"] == row["lines"]
            assert row["lines_kept_bytes"] == 0
        else:
            assert (row["text"] if row["text"] is not None else text) == wanted


@given(DOCUMENTS, OPTIONS)
def test_all_options_are_as_in_plain_python(texts: list[str], options: dict[str, Any]) -> None:
    check(texts, options)


@pytest.mark.parametrize("options", [{}, {"keep": "first", "more_than": 6, "count": "copies"}])
def test_many_texts_are_as_in_plain_python(options: dict[str, Any]) -> None:
    draw = random.Random(4)
    known = [f"Line {chr(0x61 + k % 26)}{k}x" for k in range(400)] + [*PIECES]
    texts = ["\n".join(draw.choices(known, k=draw.randint(0, 30))) for _ in range(400)]
    check(texts, options)


def left(texts: Sequence[str], **options: Any) -> list[str]:
    found = rows(texts, **options)
    return [t if r["text"] is None else r["text"] for t, r in zip(texts, found, strict=True)]


def test_every_copy_goes_or_all_but_the_first() -> None:
    texts = ["Menu\nOne", "Two\nMENU", "Three"]
    assert left(texts) == ["One", "Two", "Three"]
    assert left(texts, keep="first") == ["Menu\nOne", "Two", "Three"]
    assert left(texts, form="exact") == texts


def test_seen_more_often_than() -> None:
    texts = ["Menu\nOne"] * 2 + ["Menu"]
    assert left(texts, more_than=2) == ["One", "One", ""]
    assert left(texts, more_than=3) == texts


def test_a_refrain_is_seen_in_one_document() -> None:
    """CCNet's second pass drops what a document repeats, all but the first of it."""
    texts = ["La la\nOne\nLa la\nTwo\nLa la", "Three"]
    assert left(texts) == ["La la\nOne\nTwo", "Three"]
    assert left(texts, count="copies") == ["One\nTwo", "Three"]
    assert left(texts, count="copies", more_than=3) == texts
    assert rows(texts)[0]["lines_repeated"] == rows(texts)[0]["lines_removed"] == 2


def test_empty_lines_stay_where_they_part() -> None:
    texts = [
        "\nOne\n\nMenu\n\nTwo\n\n\nThree\nMenu\n\n",
        "Menu\n\n\nFour",
        "Menu\nFive\nMenu 1\nSix",
    ]
    assert left(texts) == ["\nOne\n\nTwo\n\n\nThree", "Four", "Five\nMenu 1\nSix"]
    assert left(["a\n\n\nMenu\nb", "Menu"]) == ["a\n\n\nb", ""]
    assert left(["a\n\nb", "c\n\nd"], shortest=0) == ["a\nb", "c\nd"]


def test_paragraphs_stand_between_empty_lines() -> None:
    texts = [
        "Our terms\nare these.\n\nOne",
        "our terms \nARE these.\n \nTwo",
        "are these.\n\nThree",
    ]
    assert left(texts, unit="paragraph") == [texts[0], "our terms \nARE these.\n \nTwo", texts[2]]
    texts[1] = texts[1].replace("terms ", "terms")
    assert left(texts, unit="paragraph") == ["One", "Two", texts[2]]
    assert left(texts) == ["One", "Two", "Three"]


def test_spans_of_three_sentences_go() -> None:
    """All but the first; a sentence alone stays, however often it is there."""
    one = "We sell shoes. We ship them. We like it."
    texts = [
        f"{one} Buy now.",
        f"Here it is.\n\n{one} That is all.",
        "We ship them. Ha. We like it.",
    ]
    after = [texts[0], "Here it is.\n\nThat is all.", texts[2]]
    assert left(texts, unit="sentences", keep="first") == after
    gone = rows(texts, unit="sentences", keep="first")[1]
    assert (gone["lines"], gone["lines_removed"], gone["lines_repeated"]) == (5, 3, 0)
    longer = f"{one} Buy now. Really."
    assert left([texts[0], longer], unit="sentences", keep="first") == [texts[0], "Really."]


def test_c4_as_its_code_has_it() -> None:
    """Lines in lower case, one copy in one document, digits and punctuation as they are."""
    texts = ["Page 1 it is.\nA b.\na B. ", "page 1 IT is.\nPage 2 it is.\nA “b”."]
    after = ["Page 1 it is.\nA b.", "Page 2 it is.\nA “b”."]
    assert left(texts, keep="first", form="lower", shortest=0) == after


def test_short_lines_may_stay() -> None:
    texts = ["}\nMenu", "}\nMenu"]
    assert left(texts, shortest=2) == ["}", "}"]
    assert left(texts, shortest=5) == texts


def test_nothing_left_is_an_empty_text() -> None:
    first, second = rows(["Menu\n", "Menu"])
    assert first["text"] == second["text"] == ""
    assert first["lines_kept_bytes"] == 0
    assert first["lines_removed_bytes"] == 4


def test_only_what_is_needed_is_asked_for() -> None:
    assert Lines().needs == ("text",)
    assert Lines(keep="first").needs == Lines(group_shards=2).needs == ("text", "input", "place")


def test_a_worker_maps_the_tables_itself() -> None:
    batch = batch_of(["Menu\nOne", "Menu"])
    with tempfile.TemporaryDirectory() as folder:
        counter = Counter(Lines())
        counter.add(*batch.columns)
        write(Path(folder) / "00000-00000.arrow", counter.table(), said=Layout((range(1),), 0))
        measure = Lines().with_table(Path(folder))
        measure.measure(batch)
        sent = pickle.dumps(measure)
        assert len(sent) < 1000
        texts = pickle.loads(sent).measure(batch).column("text")
    assert texts.to_pylist() == ["", ""], "of this table every line is to go"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"more_than": 0}, "more_than is 1"),
        ({"shortest": -1}, "not negative"),
        ({"group_shards": 2, "group_documents": 9}, "not both"),
    ],
)
def test_options_that_cannot_be(options: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Lines(**options)  # type: ignore[arg-type]


def test_nothing_is_measured_before_it_is_counted() -> None:
    with pytest.raises(ValueError, match="not been counted"):
        Lines().measure(batch_of(["One"]))


def test_no_documents() -> None:
    assert rows([]) == []
    assert np.array_equal(Counter(Lines()).table()["hash"], [])
