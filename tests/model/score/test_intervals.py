"""Intervals: the same for the same groups, as wide as chance, wider where groups are few."""

from __future__ import annotations

import numpy as np
import pytest

from tamis.model.score.intervals import by_group, draws, estimate, mean, ratio


def test_they_repeat_and_depend_on_seed_and_name_alone() -> None:
    """An interval that moves by itself makes and unmakes verdicts."""
    above, below = np.arange(1.0, 50), np.full(49, 10.0)
    first = ratio(above, below, 0, "a")
    assert first == ratio(above, below, 0, "a")
    assert first != ratio(above, below, 1, "a") and first != ratio(above, below, 0, "b")
    assert first.value == pytest.approx(2.5)
    assert first.low is not None and first.high is not None and first.low < 2.5 < first.high


def test_groups_are_summed_whatever_their_order() -> None:
    """The order of documents would be in the figures."""
    above, below = by_group(["b", "a", "b"], [1.0, 2.0, 3.0], [10, 20, 30])
    assert above.tolist() == [2, 4] and below.tolist() == [20, 40]


def test_the_width_is_that_of_the_mean() -> None:
    """Too narrow, and noise is a finding."""
    values = np.random.default_rng(0).normal(size=400)
    found = mean(values, 0, "normal")
    assert found.low is not None and found.high is not None
    wide = 2 * 1.96 * values.std() / 20
    assert found.high - found.low == pytest.approx(wide, rel=0.08)


def test_documents_of_one_host_count_once() -> None:
    """Four hundred pages of one site are one opinion: as documents they would look like many."""
    values = np.repeat(np.random.default_rng(1).normal(size=20), 20)
    hosts = [f"host{n // 20}" for n in range(400)]
    grouped = ratio(*by_group(hosts, values, np.ones(400)), 0, "x")
    alone = mean(values, 0, "x")
    assert grouped.low is not None and alone.low is not None
    assert grouped.value - grouped.low > 3 * (alone.value - alone.low)


def test_one_group_has_no_interval() -> None:
    """Its width would be 0, which says certainty."""
    assert estimate(1.0, draws(np.ones(1), np.ones(1), 0, "x"), 1).low is None
    assert mean([0.0] * 50, 0, "no right answer").high is None
