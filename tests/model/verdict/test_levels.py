"""Levels: bits of all documents together, draws of what the seeds gave on average, a plain mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tamis.model.verdict.levels import MACRO, levels
from tamis.model.verdict.plan import Statistics

CHOSEN = Statistics(0.95, 500, 0)


def test_levels_by_hand() -> None:
    """Two seeds whose groups go up and down in turn: on average no draw of them is another."""
    up = np.array([[1.0, 3.0, 1.0, 3.0], [3.0, 1.0, 3.0, 1.0]])
    nats = {"docs": up[None] * math.log(2), "news": 4 * up[None] * math.log(2)}
    sizes = {"docs": np.ones(4), "news": np.full(4, 2.0)}
    found = levels(nats, sizes, ["docs", "news"], CHOSEN)
    assert found["docs"].per_seed[0] == pytest.approx([2.0, 2.0])
    assert found["news"].per_seed[0] == pytest.approx([4.0, 4.0])
    assert found[MACRO].per_seed[0] == pytest.approx([3.0, 3.0])
    assert found["docs"].drawn == pytest.approx(2.0) and found[MACRO].drawn == pytest.approx(3.0)
    alone = levels(nats, sizes, ["news"], CHOSEN)
    assert np.array_equal(alone[MACRO].per_seed, found["news"].per_seed)


def test_domains_are_drawn_apart() -> None:
    """One host's luck in two domains is two pieces of luck: their mean varies half as much."""
    values = np.random.default_rng(0).normal(10, 1, size=(1, 1, 200))
    nats, sizes = {"a": values, "b": values}, {"a": np.ones(200), "b": np.ones(200)}
    found = levels(nats, sizes, ["a", "b"], CHOSEN)
    shares = found[MACRO].drawn.var() / found["a"].drawn.var()
    assert shares == pytest.approx(0.5, rel=0.2)


def test_differences_are_paired() -> None:
    """Two arms that differ by the same everywhere differ for certain, however hard texts are."""
    random = np.random.default_rng(0)
    first = random.normal(10, 1, size=(1, 3, 50))
    nats = {"docs": np.concatenate([first, first - 0.01 * math.log(2)])}
    between = levels(nats, {"docs": np.ones(50)}, ["docs"], CHOSEN)[MACRO].between(1, 0, 0.95)
    assert between.value == pytest.approx(-0.01)
    assert between.se is not None and between.se < 1e-12
