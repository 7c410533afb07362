"""How often the interval holds the truth, for mixes of the noise of seeds and of held-out groups.

docs/verdict.md publishes these rates; `pytest tests/model/verdict/test_coverage.py` measures them
again. Arms are equal here (A/A), so that what covers 0 is undecided: the same rate.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tamis.model.verdict.interval import resampled, spread
from tamis.model.verdict.student import quantile

DOCS = Path(__file__).parents[3] / "docs" / "verdict.md"
TIMES, DRAWS, DOMAINS = 2_000, 300, 4


@cache
def covered(seeds: int, share: float, groups: int, own: float = 0.0, truth: float = 0.0) -> float:
    """The percentage of so many experiments whose interval holds the truth.

    share: of seeds in the variance of the macro difference, the rest being of held-out groups;
    own: the part of the seeds' that each group has for itself. Groups are of uneven size.
    """
    random = np.random.default_rng([seeds, round(100 * share), groups])
    whole = np.sqrt(seeds * share * (1 - own)) * random.normal(size=(TIMES, seeds, 1))
    per_seed, drawn = np.zeros((TIMES, seeds)), np.zeros((TIMES, DRAWS))
    for domain in range(DOMAINS):
        sizes = random.lognormal(0, 1, groups)
        scale = np.sqrt(DOMAINS * sizes.sum() ** 2 / (sizes**2).sum())
        shared = scale * np.sqrt(1 - share) * random.normal(size=(TIMES, 1, groups))
        of_run = random.normal(size=(TIMES, seeds, groups)) if own else 0.0
        bits = (truth + whole + shared + scale * np.sqrt(seeds * share * own) * of_run) * sizes
        per_seed += bits.sum(axis=-1) / sizes.sum() / DOMAINS
        drawn += resampled(bits.mean(axis=1), sizes, DRAWS, 0, f"{domain}") / DOMAINS
    value, of_seed, of_groups = spread(per_seed, drawn)
    half = quantile(0.95, seeds - 1) * np.sqrt(of_seed / seeds + of_groups)
    return float(np.mean(np.abs(value - truth) <= half) * 100)


def published() -> list[tuple[int, int, int, float]]:
    """Groups, seeds and the seeds' share in percent, and the rate, of every cell of the table."""
    rows = re.findall(r"^\| (\d+) \| (\d+) \|(.*)\|$", DOCS.read_text(encoding="utf-8"), re.M)
    return [
        (int(groups), int(seeds), percent, float(rate))
        for groups, seeds, rates in rows
        for percent, rate in zip((100, 90, 50, 10, 0), rates.split("|"), strict=True)
    ]


@pytest.mark.parametrize(("groups", "seeds", "percent", "rate"), published())
def test_the_published_rates(groups: int, seeds: int, percent: int, rate: float) -> None:
    """Chance of 2,000 experiments: 0.5 points; another library's random numbers: 2 at most."""
    assert covered(seeds, percent / 100, groups) == pytest.approx(rate, abs=2)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_arms_are_undecided_at_the_stated_rate(seeds: int) -> None:
    """A/A with the noise of seeds: 95 ± 1.5 % of 2,000, no more findings and no fewer."""
    assert covered(seeds, 1.0, 30) == pytest.approx(95, abs=1.5)


def test_groups_that_each_run_treats_otherwise_count_twice() -> None:
    """They are in both variances: the interval is then too wide (docs: 99.2 %), never too narrow."""
    assert covered(3, 1.0, 30, own=0.2) == pytest.approx(99.2, abs=0.8)


def test_a_true_difference_is_covered_as_often() -> None:
    for truth in (-3.0, 0.4):
        assert covered(3, 0.9, 30, truth=truth) == pytest.approx(covered(3, 0.9, 30), abs=0.3)
