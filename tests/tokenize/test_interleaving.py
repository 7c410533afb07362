"""Which sequence comes next."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference import batches

from tamis.tokenize.interleaving import Interleaving, floor_sum, largest_remainder

COUNTS = st.lists(st.integers(1, 30), min_size=1, max_size=6).map(tuple)


@given(st.integers(0, 60), st.integers(1, 50), st.integers(0, 200), st.integers(0, 200))
def test_a_sum_of_floors(number: int, divisor: int, factor: int, offset: int) -> None:
    plain = sum((factor * j + offset) // divisor for j in range(number))
    assert floor_sum(number, divisor, factor, offset) == plain


@given(COUNTS, st.integers(0, 1000), st.integers(0, 250), st.integers(0, 40))
@example((1,), 0, 7, 3)
@example((1, 1), 1, 5, 4)
def test_items_as_counted_one_by_one(
    counts: tuple[int, ...], first: int, start: int, number: int
) -> None:
    """Any stretch of the order, without what came before it."""
    order = Interleaving(counts, first)
    items = batches.interleaved(counts, order.step, first, start + number)
    which, numbers = order.items(start, number)
    assert list(zip(which.tolist(), numbers.tolist(), strict=True)) == items[start:]
    seen = [sum(one == place for one, _ in items) for place in range(len(counts))]
    assert order.before(start + number) == seen


@given(COUNTS, st.integers(0, 1000), st.integers(0, 1000))
def test_every_period_has_the_exact_counts(counts: tuple[int, ...], first: int, start: int) -> None:
    order = Interleaving(counts, first)
    before, after = order.before(start), order.before(start + sum(counts))
    assert tuple(b - a for a, b in zip(before, after, strict=True)) == counts


@pytest.mark.parametrize("weights", [(0.7, 0.2, 0.1), (1, 1), (0.97, 0.03), (5, 4, 3, 2, 1)])
def test_shares_are_kept_all_the_way(weights: tuple[float, ...]) -> None:
    """Drawn by chance, 10,000 windows would be 100 off; these are never off by more than 3."""
    counts = largest_remainder(weights, 1 << 20)
    order = Interleaving(counts, 12345)
    for number in range(0, 10_000, 37):
        for weight, seen in zip(weights, order.before(number), strict=True):
            assert abs(seen - number * weight / sum(weights)) < 3


@given(st.lists(st.floats(1e-3, 1e300), min_size=1, max_size=9), st.integers(1, 1 << 40))
def test_whole_numbers_in_proportion(weights: list[float], total: int) -> None:
    counts = largest_remainder(weights, total)
    largest = max(weights)
    scale = total / sum(weight / largest for weight in weights)
    assert sum(counts) == total
    for weight, count in zip(weights, counts, strict=True):
        assert abs(count - weight / largest * scale) <= 1 + 1e-9 * scale
