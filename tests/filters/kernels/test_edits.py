"""Edited texts in Arrow buffers, and phrases in a piece of text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.filters.kernels import edits
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.phrases import phrases, phrases_in
from tamis.filters.kernels.unicode_tables import tables


def edit(column: pa.LargeStringArray, drop: int) -> pa.LargeStringArray:
    """Every text without its first characters."""
    source = edits.texts(column)
    done, room = edits.edited(source), edits.room(source)
    for number in range(len(column)):
        start, stop = int(source.ends[number]), int(source.ends[number + 1])
        count = decode(source.data, start, stop, tables().flags, room.codes, room.props)
        place = int(done.ends[number])
        place = edits.write(room.codes, min(drop, count), count, done.data, place)
        edits.finish(done, number, place, source.data, start, stop)
    return edits.column(done)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"))), st.integers(0, 2))
def test_texts_are_written_as_they_were_read(texts: list[str], drop: int) -> None:
    column = pa.array(["one", *texts], pa.large_string()).slice(1)
    answer = edit(column, drop)
    answer.validate(full=True)
    cut = [text[drop:] for text in texts]
    changed = [None if a == b else a for a, b in zip(cut, texts, strict=True)]
    assert answer.to_pylist() == changed
    assert len(answer.buffers()[2] or b"") == sum(len((text or "").encode()) for text in changed)


@pytest.mark.parametrize("code", [0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF])
def test_every_width_of_utf_8(code: int) -> None:
    text = f"a{chr(code)}b"
    assert edit(pa.array([text], pa.large_string()), 1).to_pylist() == [text[1:]]


def test_phrases_lie_within_the_piece() -> None:
    wanted = phrases(("lorem ipsum", "use cookies", "java"))
    codes = np.array([*map(ord, "Lorem IPSUM, use coo\u212aies")], np.int32)
    assert phrases_in(codes, 0, len(codes), wanted) == 3
    assert phrases_in(codes, 1, len(codes), wanted) == 2
    assert phrases_in(codes, 0, len(codes) - 1, wanted) == 1
