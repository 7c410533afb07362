"""Orders in which documents are drawn and read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamis.pipeline.ablate.candidates import Candidates, at_random, draw_order, read_order
from tamis.pipeline.ablate.draws import Encoded, stretches


def some(number: int, copies: int = 1, sources: int = 1, seed: int = 0) -> Candidates:
    draw = np.random.default_rng(seed)
    return Candidates(
        np.zeros(number, np.int64),
        np.arange(number),
        draw.integers(0, 1 << 63, number).astype(np.uint64),
        draw.integers(1, 100, number),
        (np.arange(number) // copies).astype(np.uint64) * np.uint64(7919),
        draw.integers(0, sources, number).astype(np.uint64),
        np.zeros(number, np.int64),
        np.ones(number, bool),
    )


@given(st.integers(0, 200), st.integers(1, 5), st.integers(0, 5))
def test_orders_are_permutations(number: int, copies: int, seed: int) -> None:
    found = some(number, copies, 3)
    for order in (
        draw_order(found, seed),
        draw_order(found, seed, balanced=True),
        read_order(found, seed),
    ):
        assert sorted(order) == list(range(number))


def test_copies_are_drawn_together() -> None:
    order = draw_order(some(300, copies=3), 1)
    assert all(len(set(order[n : n + 3] // 3)) == 1 for n in range(0, 300, 3))


def test_arms_share_their_order() -> None:
    raw = some(500)
    kept = np.random.default_rng(1).random(500) < 0.4
    arm = raw.take(kept)
    for order in (draw_order, read_order):
        shared = [row for row in raw.row[order(raw, 3)] if kept[row]]
        assert shared == arm.row[order(arm, 3)].tolist()


def test_what_is_read_up_to_a_size_is_a_draw_of_that_size() -> None:
    """A branch at half of a run has the copies that a run of half the tokens has."""
    found = some(400, copies=2)
    of = found.take(draw_order(found, 0))
    drawn = Encoded(of, of.ids, np.cumsum(of.sizes), of.sizes, pa.nulls(400))
    half = int(drawn.ends[-1]) // 2
    read = read_order(of, 0, stretches(drawn, [half]))
    first = read[np.cumsum(of.sizes[read]) <= half]
    there = np.count_nonzero(drawn.ends <= half)
    assert first.max() <= there and len(first) > 0.9 * there
    assert first.tolist() != sorted(first)


def test_seeds_draw_others() -> None:
    found = some(1000)
    first, second = (set(draw_order(found, seed)[:100].tolist()) for seed in (0, 1))
    assert 0 < len(first & second) < 30


def test_reading_does_not_follow_drawing() -> None:
    """What is drawn first is read anywhere: a sample has no order of its own."""
    found = some(2000)
    drawn = set(draw_order(found, 0)[:200].tolist())
    places = [place for place, one in enumerate(read_order(found, 0)) if one in drawn]
    assert 800 < np.mean(places) < 1200


def test_balanced_draws_take_the_same_of_every_source() -> None:
    found = some(3000, sources=3)
    rare = found._replace(sources=np.where(found.row < 60, 0, 1 + found.row % 2).astype(np.uint64))
    order = draw_order(rare, 0, balanced=True)
    sizes = np.array([rare.sizes[order][rare.sources[order] == n].sum() for n in range(3)])
    start = order[np.cumsum(rare.sizes[order]) < 0.9 * 3 * sizes[0]]
    shares = [rare.sizes[start][rare.sources[start] == n].sum() for n in range(3)]
    assert max(shares) - min(shares) <= 200
    assert set(order.tolist()) == set(range(3000))


def test_a_random_drop_has_the_size() -> None:
    found = some(5000, copies=2)
    dropped = at_random(found, 50_000)
    assert 50_000 <= dropped.sizes.sum() <= 50_200
    assert (np.diff(dropped.row) > 0).all()
