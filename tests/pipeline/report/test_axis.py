"""Sketches and axes: every value is counted once, in bins a person can read."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.pipeline.report.axis import MOST_BINS, choose
from tamis.pipeline.report.sketch import Sketch

FINITE = st.floats(-3e38, 3e38)
SMALL = st.one_of(st.floats(0, 1000), st.sampled_from([0.0, 5e-324, 1e-40, 1.0, 1.0 + 2**-52]))


def sketched(*values: float) -> Sketch:
    sketch = Sketch()
    sketch.add(np.array(values, np.float64))
    return sketch


@given(st.lists(FINITE, min_size=1), st.sampled_from([0.01, 0.25, 0.5, 0.99]))
def test_quantiles_are_exact_to_one_percent(values: list[float], share: float) -> None:
    """A median far off would choose the wrong axis and be printed as well."""
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    found = sketched(*values).quantile(share)
    assert found == pytest.approx(exact, rel=0.01, abs=1e-38)


def test_what_is_not_finite_is_left_out() -> None:
    """One infinity would make the axis endless."""
    sketch = sketched(1.0, math.inf, -math.inf, math.nan, 1e300, 3.0)
    assert (sketch.low, sketch.high, sketch.counts.sum()) == (1.0, 3.0, 2)
    assert choose(sketched(math.nan), [], whole=False) is None


@given(st.lists(st.one_of(FINITE, SMALL), min_size=1), st.lists(st.one_of(FINITE, SMALL)))
def test_any_values_have_an_axis(values: list[float], bounds: list[float]) -> None:
    """Whatever a signal holds, its report is made, and has no more bars than fit."""
    axis = choose(sketched(*values), bounds, whole=False)
    assert axis is not None and 2 <= len(axis.edges) <= 2 * MOST_BINS + 3
    assert (np.diff(axis.edges) > 0).all() and np.isfinite(axis.edges).all()


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1), st.lists(st.integers(-100, 10**6)))
def test_bins_of_integers_end_between_them(values: list[int], bounds: list[int]) -> None:
    """A bar for 3 and the next for 4 to 6 would show a comb that the signal does not have."""
    axis = choose(sketched(*values), bounds, whole=True)
    assert axis is not None and 2 <= len(axis.edges) <= 2 * MOST_BINS + 3
    assert (axis.edges % 1 == 0.5).all() and (np.diff(axis.edges) >= 1).all()


def test_bins_are_round_and_begin_at_the_bound() -> None:
    """With 0.65 inside a bar nobody sees what the threshold takes."""
    draw = np.random.default_rng(0)
    axis = choose(sketched(*draw.random(1000)), [0.65], whole=False)
    assert axis is not None and not axis.log
    assert axis.edges[0] == 0.0 and axis.edges[-1] == 1.0 and len(axis.edges) == 41
    assert 0.65 in axis.edges


def test_a_heavy_tail_is_logarithmic_and_a_long_one_is_cut() -> None:
    """Else all documents stand in the first bar."""
    draw = np.random.default_rng(0)
    heavy = choose(sketched(*np.exp(draw.normal(5, 2, 1000))), [], whole=False)
    assert heavy is not None and heavy.log
    long = choose(sketched(*draw.normal(0, 1, 1000), 1e6), [], whole=False)
    assert long is not None and not long.log and long.edges[-1] < 10


def test_a_near_bound_is_brought_into_view_and_a_far_one_is_not() -> None:
    """A bound of a billion must not press the histogram into a single bar."""
    values = sketched(*np.linspace(0, 10, 100))
    near, far = choose(values, [15], whole=False), choose(values, [1e9], whole=False)
    assert near is not None and near.edges[-1] >= 15
    assert far is not None and far.edges[-1] <= 11
