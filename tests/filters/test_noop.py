"""The stage that measures nothing."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tamis.filters.noop import Noop


@pytest.mark.parametrize("texts", [[], [""], ["one", "two\nlines", "\0"]])
def test_same_rows_without_columns(texts: list[str]) -> None:
    batch = pa.record_batch([pa.array(texts, pa.large_string())], names=["text"])
    answer = Noop().measure(batch)
    assert answer.num_rows == len(texts)
    assert answer.schema.names == Noop.gives.names == []


def test_rows_of_a_slice() -> None:
    batch = pa.record_batch([pa.array(list("abcdef"), pa.large_string())], names=["text"])
    assert Noop().measure(batch.slice(2, 3)).num_rows == 3


def test_has_no_options() -> None:
    assert Noop() == Noop()
    assert Noop.needs == ("text",)
