"""Token-equivalent gain: a power law's own answer, and nothing beyond the range."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tamis.model.verdict.gain import curve, factor, slopes

T = 1_000_000
SIZES = np.array([T / 4, T / 2, T, 2 * T])


def law(tokens: float) -> float:
    """A loss like that of small models: 2 + B / D^0.3, 3.3 at T."""
    return 2 + 1.3 * (tokens / T) ** -0.3


def test_the_gain_of_a_power_law() -> None:
    """What raw text with 1.6 T tokens would have is worth 1.6; the cubic is off by < 0.5 %."""
    raw = curve(SIZES, np.array([law(one) for one in SIZES]))
    for true in (0.3, 0.6, 0.95, 1.05, 1.3, 1.6, 1.9):
        found = factor(raw, T, law(true * T) - law(T))
        assert found.value == pytest.approx(true, rel=5e-3) and found.beyond == ""


def test_no_difference_is_worth_one() -> None:
    raw = curve(SIZES, np.array([4.0, 3.5, 3.2, 3.0]))
    assert factor(raw, T, 0.0).value == 1.0
    for small in (1e-9, -1e-9):
        assert factor(raw, T, small).value == pytest.approx(1.0, abs=1e-6)


def test_points_are_met_and_beyond_them_nothing_is_claimed() -> None:
    """An extrapolated factor is the loosest number that peers print."""
    raw = curve(SIZES, np.array([4.0, 3.5, 3.2, 3.0]))
    assert factor(raw, T, 3.5 - 3.2).value == pytest.approx(0.5)
    assert factor(raw, T, 3.0 - 3.2 + 1e-12).value == pytest.approx(2.0)
    more, less = factor(raw, T, -0.3), factor(raw, T, 0.9)
    assert (more.value, more.beyond) == (2.0, ">") and (less.value, less.beyond) == (0.25, "<")
    assert factor(raw, T, None).value is None


def test_a_loss_that_rises_is_taken_for_chance() -> None:
    """Between a half and T flat: no difference is still worth one, and a step off it leaves it."""
    raw = curve(SIZES, np.array([4.0, 3.2, 3.3, 3.0]))
    assert raw.y.tolist() == [4.0, 3.2, 3.2, 3.0]
    assert factor(raw, T, 0.0).value == 1.0
    below, above = factor(raw, T, -0.1).value, factor(raw, T, 0.1).value
    assert below is not None and above is not None and above < 0.5 and 1 < below < 2


def test_a_flat_end_is_not_passed() -> None:
    raw = curve(SIZES, np.array([4.0, 3.5, 3.2, 3.25]))
    assert factor(raw, T, -0.001).beyond == ">"


def test_two_points_are_joined_by_a_line() -> None:
    raw = curve(np.array([T / 2, T]), np.array([4.0, 3.0]))
    assert factor(raw, T, 0.5).value == pytest.approx(math.sqrt(0.5))


def test_slopes_by_the_published_formula() -> None:
    """As scipy 1.17 has them (PchipInterpolator), which follows the same paper."""
    x, y = np.array([0.0, 1.0, 3.0, 4.0]), np.array([5.0, 4.0, 3.5, 1.0])
    assert slopes(x, y) == pytest.approx([-1.25, -3 / 7, -0.5, -3.25])
    bent = slopes(np.array([0.0, 1.0, 2.0, 3.0]), np.array([4.0, 4.0, 3.0, 1.0]))
    assert bent == pytest.approx([0.0, 0.0, -4 / 3, -2.5])


def test_the_curve_never_rises() -> None:
    """A wave between the points would have three answers."""
    random = np.random.default_rng(0)
    for _ in range(50):
        raw = curve(SIZES, np.sort(random.exponential(size=4))[::-1].copy())
        along = [raw.at(x) for x in np.linspace(raw.x[0], raw.x[-1], 200)]
        assert np.diff(along).max() <= 1e-12
