"""The one interval by hand; Holm by hand; how many seeds decide, by counting."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tamis.model.verdict.interval import (
    Interval,
    holm,
    interval,
    resampled,
    seeds_to_decide,
    spread,
)


def test_the_interval_by_hand() -> None:
    """Seeds -0.3, -0.2, -0.1: variance 0.01; groups 0.0004; t of two degrees 4.3027."""
    drawn = np.array([-0.2 - 0.02, -0.2 + 0.02] * 1000)
    found = interval(np.array([-0.3, -0.2, -0.1]), drawn, 0.95)
    assert found.value == pytest.approx(-0.2)
    assert found.se_seeds == pytest.approx(math.sqrt(0.01 / 3))
    assert found.se_groups == pytest.approx(0.02, rel=1e-3)
    se = math.sqrt(0.01 / 3 + 0.0004)
    assert found.se == pytest.approx(se, rel=1e-3)
    assert found.low == pytest.approx(-0.2 - 4.3027 * se, rel=1e-3)
    assert found.high == pytest.approx(-0.2 + 4.3027 * se, rel=1e-3)
    t = 0.2 / se
    assert found.p == pytest.approx(1 - t / math.sqrt(2 + t * t), rel=1e-3)


def test_one_seed_has_no_interval() -> None:
    """One pair of runs says nothing of chance, however far apart they are."""
    found = interval(np.array([-5.0]), np.array([-5.0, -5.1, -4.9]), 0.95)
    assert (found.se, found.se_seeds, found.low, found.high, found.p) == (None,) * 5
    assert found.se_groups is not None and found.value == -5.0
    assert seeds_to_decide([found], 0) is None


def test_one_group_has_no_interval() -> None:
    """A domain of one site would look certain: every draw of it is the same."""
    drawn = resampled(np.array([[3.0]]), np.array([10.0]), 100, 0, "docs")
    found = interval(np.array([0.1, 0.2, 0.3]), drawn[0], 0.95)
    assert found.se_groups is None and found.low is None and found.p is None


def test_equal_runs_are_no_finding() -> None:
    """A stage that changed nothing has a difference of exactly 0, and no noise to divide by."""
    found = interval(np.zeros(3), np.zeros(100), 0.95)
    assert found.p == 1.0 and found.low == found.high == 0.0
    assert seeds_to_decide([found], 0) is None


def test_draws_are_of_ratios_and_paired() -> None:
    """A mean of ratios would let a site of ten bytes speak as loud as one of a million."""
    values, sizes = np.array([[4.0, 6.0, 8.0], [2.0, 3.0, 4.0]]), np.array([2.0, 3.0, 4.0])
    drawn = resampled(values, sizes, 500, 0, "docs")
    assert drawn.shape == (2, 500)
    assert drawn[0] == pytest.approx(2.0) and drawn[1] == pytest.approx(1.0)
    uneven = resampled(np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([1.0, 3.0]), 4000, 0, "docs")
    assert np.array_equal(uneven[1], 2 * uneven[0])
    assert set(uneven[0].round(6).tolist()) == {0.0, 0.25, 1.0}
    assert not np.array_equal(drawn, resampled(values + sizes, sizes, 500, 0, "docs"))
    other = resampled(np.array([[1.0, 0.0]]), np.array([1.0, 3.0]), 4000, 0, "news")
    assert not np.array_equal(uneven[0], other[0])


def test_the_spread_of_draws_is_that_of_a_mean() -> None:
    """Too narrow, and noise is a finding."""
    values = np.random.default_rng(0).normal(size=(1, 400))
    drawn = resampled(values, np.ones(400), 2000, 0, "normal")
    _, _, of_groups = spread(values[:, :3], drawn)
    assert of_groups[0] == pytest.approx(values.var() / 400, rel=0.1)


def test_many_groups_are_drawn_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """All draws of a large domain at once would not fit into memory; blocks change no draw."""
    values, sizes = np.arange(30.0)[None], np.arange(1.0, 31)
    whole = resampled(values, sizes, 100, 3, "docs")
    monkeypatch.setattr("tamis.model.verdict.interval._BLOCK", 30 * 7)
    assert np.array_equal(resampled(values, sizes, 100, 3, "docs"), whole)


def test_holm_by_hand() -> None:
    """0.01 * 4 = 0.04; 0.02 * 3 = 0.06; 0.03 * 2 = 0.06; 0.04 * 1 lifted to 0.06."""
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.001, None]) == [pytest.approx(0.6), pytest.approx(0.002), None]
    assert holm([0.7, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("value", "of_seed", "of_groups", "expected"),
    [(-0.2, 0.01, 0.0, 4), (0.05, 0.01, 0.0001, None), (0.05, 0.01, 0.01, None), (1.0, 1e-6, 0, 2)],
)
def test_seeds_that_decide(
    value: float, of_seed: float, of_groups: float, expected: int | None
) -> None:
    """The number is the first of all that decide, not just one of them."""
    one = Interval(value, of_seed, of_groups, 3, 0.95)
    ps = {seeds: one.p_with(seeds) for seeds in range(2, 1001)}
    first = next((seeds for seeds, p in ps.items() if p is not None and p <= 0.05), None)
    assert seeds_to_decide([one], 0) == first
    if expected is not None:
        assert first == expected


def test_a_family_needs_more_seeds() -> None:
    """A number that forgets the correction would send users to train in vain."""
    one, noise = Interval(-0.2, 0.01, 0.0, 3, 0.95), Interval(0.0, 0.01, 0.0, 3, 0.95)
    alone, beside = seeds_to_decide([one], 0), seeds_to_decide([one, noise, noise, noise], 0)
    assert alone is not None and beside is not None and alone < beside
    with_all = holm([one.p_with(beside), 1.0, 1.0, 1.0])[0]
    with_less = holm([one.p_with(beside - 1), 1.0, 1.0, 1.0])[0]
    assert with_all is not None and with_less is not None and with_all <= 0.05 < with_less
