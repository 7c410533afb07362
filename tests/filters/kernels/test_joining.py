"""Runs of equal keys, and the union-find's laws."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from reference import clusters

from tamis.filters.kernels import joining

ROWS = 60
EDGES = st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)), max_size=80)


def forest(edges: list[tuple[int, int]]) -> np.ndarray:
    above = np.zeros(ROWS, np.int64)
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    joining.union(above, left.copy(), right.copy())
    return above


@given(EDGES, st.randoms())
def test_a_forest_has_the_smallest_rows_as_roots_whatever_the_order(
    edges: list[tuple[int, int]], random: object
) -> None:
    above = forest(edges)
    assert joining.flatten(above) == np.count_nonzero(above)
    expected = {row: component for component, row in clusters.components(edges)}
    roots = np.arange(ROWS) - above
    assert [int(root) for root in roots] == [expected.get(row, row) for row in range(ROWS)]
    random.shuffle(edges)  # type: ignore[attr-defined]
    again = forest([(two, one) for one, two in edges])
    joining.flatten(again)
    assert np.array_equal(above, again)


@given(st.lists(st.integers(0, 6)))
def test_runs_and_links_are_those_of_neighbours(numbers: list[int]) -> None:
    keys = np.sort(np.array(numbers, np.uint64))
    pairs, runs, longest = joining.runs(keys)
    left, right = np.empty(pairs, np.int64), np.empty(pairs, np.int64)
    joining.links(keys, np.arange(len(keys)), left, right)
    counts = [numbers.count(number) for number in set(numbers)]
    assert runs == sum(count > 1 for count in counts)
    assert longest == max((count for count in counts if count > 1), default=0)
    expected = clusters.edges((int(key), row) for row, key in enumerate(keys))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected


def test_a_long_chain_is_flat_in_one_pass() -> None:
    rows = 1_000_000
    above = np.zeros(rows, np.int64)
    joining.union(above, np.arange(rows - 1)[::-1].copy(), np.arange(1, rows)[::-1].copy())
    assert joining.flatten(above) == rows - 1
    assert np.array_equal(above, np.arange(rows))
