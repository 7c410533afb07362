"""Quantiles in four histograms, against the sorted values."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.pipeline.quantiles import quantile

AWKWARD = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1.7e308, -1.7e308]
VALUE = st.sampled_from(AWKWARD) | st.floats()
PARTS = st.lists(st.lists(VALUE, max_size=12), max_size=4)
SHARE = st.floats(0, 1) | st.integers(0, 100).map(lambda n: n / 100)


def sorted_quantile(parts: list[list[float]], share: float) -> float | None:
    """The same by sorting everything."""
    values = sorted(value for part in parts for value in part if not math.isnan(value))
    if not values:
        return None
    return values[max(0, math.ceil(Fraction(str(share)) * len(values)) - 1)]


def histogram_quantile(parts: list[list[float]], share: float) -> float | None:
    return quantile(lambda: (np.array(part, np.float64) for part in parts), share)


@settings(deadline=None)
@given(PARTS, SHARE)
@example([[-0.0, 0.0]], 0.5)
@example([[-1.0, -2.0, -1.0], [], [math.nan, -math.inf]], 0.25)
def test_it_is_the_value_that_sorting_finds(parts, share):
    """A threshold that is off by one value rejects documents that should have been kept."""
    assert histogram_quantile(parts, share) == sorted_quantile(parts, share)


@settings(deadline=None)
@given(PARTS)
def test_share_nought_is_the_least_and_share_one_the_greatest(parts):
    """The ends of [low, high] must not fall outside the values."""
    known = [value for part in parts for value in part if not math.isnan(value)]
    assert histogram_quantile(parts, 0) == (min(known) if known else None)
    assert histogram_quantile(parts, 1) == (max(known) if known else None)


@settings(deadline=None)
@given(st.permutations(range(40)), st.integers(1, 39), SHARE)
def test_order_and_parts_do_not_matter(values, cut, share):
    """Shards come in any order and in any size: the quantile is one of the corpus."""
    numbers = [float(value) for value in values]
    parts = [numbers[:cut], numbers[cut:]]
    assert histogram_quantile(parts, share) == histogram_quantile([sorted(numbers)], share)


@pytest.mark.parametrize("percent", range(1, 101))
def test_a_share_is_the_decimal_that_was_written(percent):
    """In binary 0.07 * 100 is above 7, and 0.57 * 100 below 57."""
    hundred = [[float(n) for n in range(1, 101)]]
    assert histogram_quantile(hundred, float(f"0.{percent:02}" if percent < 100 else 1)) == percent


def test_no_values_have_no_quantile():
    """A corpus whose every row was rejected, or whose every value is null."""
    assert quantile(list, 0.5) is None
    assert histogram_quantile([[], [math.nan]], 0.5) is None


def test_the_two_zeros_are_one():
    """A threshold of -0.0 or 0.0, whichever came first, would be two answers to one question."""
    assert str(histogram_quantile([[-0.0]], 1)) == str(histogram_quantile([[0.0]], 1)) == "0.0"


def test_many_values_of_many_sizes():
    """Whole columns: every pass of the histogram has to count."""
    draw = np.random.default_rng(7)
    values = draw.standard_normal(20_000) * 10.0 ** draw.integers(-300, 300, 20_000)
    ordered = np.sort(values)
    for share in (0.1, 0.333, 0.5, 0.9, 0.999):
        expected = ordered[math.ceil(Fraction(str(share)) * len(values)) - 1]
        assert quantile(lambda: np.array_split(values, 7), share) == expected
