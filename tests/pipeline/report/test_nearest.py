"""Which rows are samples: the nearest, and of equals always the same, however they are read."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest

from tamis.pipeline.report.nearest import Nearest
from tamis.pipeline.report.scan import RowGroup


def taken(distances: np.ndarray, groups: int) -> list[int]:
    """The rows that become samples, offered in so many row groups."""
    nearest = Nearest(3)
    parts = np.array_split(distances, groups)
    firsts = [0, *accumulate(map(len, parts))]
    for number, part in enumerate(parts):
        group = RowGroup(0, number, firsts[number], {}, None)  # type: ignore[arg-type]
        nearest.offer(group, np.arange(len(part)), part)
    return [firsts[group] + row for _, group, row in nearest.places]


@pytest.mark.parametrize("values", [5, 50, 10_000])
def test_the_nearest_are_taken_in_any_row_groups(values: int) -> None:
    """Few values make many equals; a nearer row must not be lost among them."""
    distances = np.random.default_rng(values).integers(0, values, 1000).astype(np.float64)
    distances[500] = -1.0
    one = taken(distances, 1)
    assert sorted(distances[one]) == sorted(distances)[:3] and one[0] == 500
    assert taken(distances, 7) == taken(distances, 400) == one


def test_equals_are_taken_from_everywhere() -> None:
    """The first rows of a corpus are one site; three of its pages are one sample."""
    rows = taken(np.zeros(100_000), 10)
    assert max(rows) - min(rows) > 1000
