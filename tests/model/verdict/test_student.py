"""Student's t: the published table, and that chance and quantile are of one distribution."""

from __future__ import annotations

import math

import pytest

from tamis.model.verdict.student import quantile, two_sided

# Two-sided 95 and 99 %: the table in every book.
TABLE = {
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    3: (3.182, 5.841),
    4: (2.776, 4.604),
    5: (2.571, 4.032),
    9: (2.262, 3.250),
    30: (2.042, 2.750),
    100: (1.984, 2.626),
    999: (1.962, 2.581),
}


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_are_those_of_the_table(freedom: int) -> None:
    """With a quantile too small every interval is too narrow: the worst of faults."""
    for confidence, printed in zip((0.95, 0.99), TABLE[freedom], strict=True):
        assert quantile(confidence, freedom) == pytest.approx(printed, abs=6e-4)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 12, 999])
def test_chance_and_quantile_agree(freedom: int) -> None:
    """p below 0.05 and an interval without 0 have to be the same finding."""
    for confidence in (0.5, 0.9, 0.95, 0.999):
        assert two_sided(quantile(confidence, freedom), freedom) == pytest.approx(1 - confidence)


def test_chance_by_closed_forms() -> None:
    """One and two degrees of freedom have formulas of their own."""
    t = 1.7
    assert two_sided(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t))
    assert two_sided(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t))
    assert two_sided(-t, 2) == two_sided(t, 2)
    assert two_sided([0.0, math.inf], 3).tolist() == pytest.approx([1.0, 0.0])
