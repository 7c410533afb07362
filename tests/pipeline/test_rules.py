"""Who is alive, decided over whole columns, against the same rules in plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.pipeline.rules import ByTable, Rule, floats, in_scope

ROWS = st.integers(0, 12)
WORDS = ["en", "de", "fr", "", "true", "1"]
EDGES = [0.0, -0.0, 0.5, 1.0, 0.1, -3.0, math.inf, -math.inf, math.nan]
BOUND = st.sampled_from([0.0, 0.5, 1.0, 0.1, -3.0]) | st.floats(allow_nan=False, width=32)
NUMBERS = {
    pa.float64(): st.sampled_from(EDGES) | st.floats(),
    pa.float32(): st.sampled_from([0.0, 0.5, 1.0]) | st.floats(width=32),
    pa.int64(): st.integers(-3, 3) | st.integers(-(2**52), 2**52),
    pa.uint8(): st.integers(0, 255),
    pa.bool_(): st.booleans(),
}
NULL = st.sampled_from(["pass", "reject"])
TABLE = st.builds(
    ByTable,
    st.just("by"),
    st.dictionaries(st.sampled_from(WORDS), BOUND, max_size=3),
    st.none() | BOUND,
)
LISTED = st.none() | st.lists(st.sampled_from(WORDS), max_size=3).map(tuple)


def fails(rule: Rule, value: Any, by: str | None) -> bool:
    """What a rule says of one row, said the long way."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return rule.null == "reject"
    if rule.one_of is not None and said(value) not in rule.one_of:
        return True
    if rule.none_of is not None and said(value) in rule.none_of:
        return True
    low, high = limit(rule.min, by), limit(rule.max, by)
    return (low is not None and value < low) or (high is not None and value > high)


def limit(bound: Any, by: str | None) -> float | None:
    return bound.values.get(by, bound.default) if isinstance(bound, ByTable) else bound


def said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@st.composite
def columns(draw: st.DrawFn, kinds: dict[pa.DataType, Any]) -> dict[str, pa.Array]:
    """A column of some type with nulls, and a column for tables to look up."""
    kind, rows = draw(st.sampled_from(list(kinds))), draw(ROWS)
    values = draw(st.lists(st.none() | kinds[kind], min_size=rows, max_size=rows))
    by = draw(st.lists(st.none() | st.sampled_from(WORDS), min_size=rows, max_size=rows))
    return {"x": pa.array(values, kind), "by": pa.array(by, pa.string())}


def agree(rule: Rule, table: dict[str, pa.Array]) -> None:
    rows = zip(table["x"].to_pylist(), table["by"].to_pylist(), strict=True)
    assert rule.failing(table).tolist() == [fails(rule, value, by) for value, by in rows]


@settings(deadline=None)
@given(columns(NUMBERS), st.none() | BOUND | TABLE, st.none() | BOUND | TABLE, NULL)
@example(
    {"x": pa.array([0.5, None, math.nan]), "by": pa.array(["en", None, "de"])},
    ByTable("by", {"en": 0.5}),
    ByTable("by", {}, 0.25),
    "reject",
)
def test_bounds_agree_with_plain_python(table, low, high, null):
    """One comparison that is strict where it should not be rejects documents at the threshold."""
    agree(Rule("r", "x", min=low, max=high, null=null), table)


TEXTS = {
    pa.string(): st.sampled_from(WORDS),
    pa.large_string(): st.sampled_from(WORDS),
    pa.bool_(): st.booleans(),
    pa.int32(): st.integers(0, 2),
}


@settings(deadline=None)
@given(columns(TEXTS), LISTED, LISTED, NULL)
def test_lists_agree_with_plain_python(table, one_of, none_of, null):
    """A null that counted as 'not in the list' would reject what was never measured."""
    if one_of is None and none_of is None:
        one_of = ()
    agree(Rule("r", "x", one_of=one_of, none_of=none_of, null=null), table)


@settings(deadline=None)
@given(columns({pa.string(): st.sampled_from(WORDS)}), st.dictionaries(st.just("x"), LISTED))
def test_scope_agrees_with_plain_python(table, only):
    """A stage with an `only` table measures those rows and no others."""
    only = {column: values or () for column, values in only.items()}
    rows = table["x"].to_pylist()
    expected = [all(value in values for values in only.values()) for value in rows]
    assert in_scope(only, table, len(rows)).tolist() == expected


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.int32(), pa.bool_()])
def test_a_table_may_be_looked_up_by_any_column(kind):
    """By `text_bytes` or a flag, say: a recipe may name any column that is there."""
    values = {"string": ["1", "0"], "large_string": ["1", "0"]}.get(str(kind), [1, 0])
    by = pa.array([*values, None]).cast(kind)
    table = ByTable("by", {"1": 0.5, "true": 0.5}, 2.0)
    assert table.of({"by": by}).tolist() == [0.5, 2.0, 2.0]


def test_columns_may_be_slices():
    """Batches are slices of row groups: an offset that is forgotten judges other rows."""
    x = pa.array([9.0, 9.0, 0.1, None, 0.9]).slice(2)
    by = pa.array(["de", "de", "en", "en", "en"]).slice(2)
    rule = Rule("r", "x", min=ByTable("by", {"en": 0.5}), null="reject")
    assert rule.failing({"x": x, "by": by}).tolist() == [True, True, False]


def test_signals_are_never_written_to():
    """The columns are shared by all rules of all stages."""
    x = pa.array(np.array([0.0, 1.0, math.nan]))
    before = x.to_pylist()
    rule = Rule("r", "x", min=0.5, null="reject")
    assert rule.failing({"x": x}).tolist() == [True, False, True]
    assert str(x.to_pylist()) == str(before)


def test_quantiles_have_to_be_resolved_first():
    """A quantile that was never resolved would let everything pass."""
    rule = Rule("r", "x", quantile=(0.1, 0.9), null="reject")
    table = {"x": pa.array([1.0, 2.0, 3.0, None])}
    with pytest.raises(ValueError, match="not resolved"):
        rule.failing(table)
    assert rule.resolved(2.0, None).failing(table).tolist() == [True, False, False, True]
    assert rule.resolved(None, None).failing(table).tolist() == [False, False, False, True]


def test_a_rule_says_what_it_reads():
    """What is not named here is not read from disk before the rules decide."""
    rule = Rule("r", "x", min=ByTable("by", {}), max=ByTable("other", {}))
    assert rule.columns == {"x", "by", "other"}
    assert Rule("r", "x", one_of=("a",)).columns == {"x"}


def test_a_rule_in_words():
    """`why` and the report show this beside the value."""
    assert Rule("r", "x", min=0.65, max=2).bound() == "x >= 0.65 and <= 2"
    assert Rule("r", "x", min=ByTable("by", {})).bound() == "x >= a bound by by"
    words = Rule("r", "x", one_of=("a", "b"), none_of=("c",), null="reject").bound()
    assert words == "x in a, b and not in c and not null"
    assert Rule("r", "x", quantile=(0.1, 1)).bound() == "x quantile 0.1 to 1"


def test_numbers_of_any_kind_become_floats():
    """Nulls become NaN, which no bound rejects."""
    found = floats(pa.array([True, None, False]))
    assert found.tolist()[::2] == [1.0, 0.0] and math.isnan(found[1])
    assert floats(pa.array([2, 3], pa.uint64())).tolist() == [2.0, 3.0]


def test_a_bound_is_met_by_the_value_it_was_written_for() -> None:
    """A score of 0.65 that fails `min = 0.65` would be explained as 0.65 < 0.65."""
    for kind in (pa.float32(), pa.float64()):
        columns = {"score": pa.array([0.65, 0.64, 0.66], kind)}
        assert Rule("r", "score", min=0.65).failing(columns).tolist() == [False, True, False]
        assert Rule("r", "score", max=0.65).failing(columns).tolist() == [False, False, True]


def test_a_bound_by_table_is_explained_as_the_rows_own() -> None:
    """`>= a bound by language` does not say why this page was rejected."""
    rule = Rule("r", "score", min=ByTable("language", {"de": 0.7}))
    german = {"score": pa.array([0.6]), "language": pa.array(["de"])}
    assert rule.for_row(german).bound() == "score >= 0.7"
    assert rule.for_row(german | {"language": pa.array(["fr"])}).bound().strip() == "score"
