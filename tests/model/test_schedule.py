"""Learning rates, at the steps where they turn."""

from __future__ import annotations

import pytest

from tamis.model.schedule import Schedule


def test_warm_up_stable_decay() -> None:
    one = Schedule("wsd", 1e-3, 10, 100)
    rates = [one.rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx([1e-4 * n for n in range(1, 11)])
    assert one.decays == 90 and set(rates[9:91]) == {1e-3}
    assert rates[90:] == pytest.approx([1e-4 * n for n in range(10, 0, -1)])


def test_cosine_to_a_tenth() -> None:
    one = Schedule("cosine", 1e-3, 10, 110)
    assert one.rate(9) == one.rate(10) == 1e-3
    assert one.rate(60) == pytest.approx(1e-3 * (0.1 + 0.9 / 2))
    assert one.rate(110) == pytest.approx(1e-4)
    assert one.rate(109) == pytest.approx(1e-4, rel=0.01)
    rates = [one.rate(step) for step in range(10, 110)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("kind", ["wsd", "cosine"])
@pytest.mark.parametrize("warmup", [0, 1, 3, 50])
@pytest.mark.parametrize("steps", [1, 2, 5, 30])
def test_every_step_learns(kind: str, warmup: int, steps: int) -> None:
    """A run of any length, shorter than its warm-up too, never divides by 0 nor stands still."""
    one = Schedule(kind, 2.0, warmup, steps)
    assert all(0 < one.rate(step) <= 2.0 for step in range(steps))


def test_a_branch_is_its_run_until_it_decays() -> None:
    """A run to a quarter has the same plateau as one to the end, so it can be a branch of it."""
    short, whole = Schedule("wsd", 1.0, 5, 50), Schedule("wsd", 1.0, 5, 200)
    assert all(short.rate(step) == whole.rate(step) for step in range(short.decays))
    assert short.rate(short.decays + 1) < whole.rate(short.decays + 1)
