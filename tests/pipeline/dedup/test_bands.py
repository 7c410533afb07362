"""Edges between rows that share a key of a band."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import clusters
from reference.signed import signed

from tamis.pipeline.dedup.bands import edges, ranges
from tamis.pipeline.dedup.signatures import Rows, Signatures, write

WHOLE = (0, 1 << 64)


def opened(folder: Path, shards: list[Rows]) -> tuple[list[Signatures], list[int]]:
    """The shards as files, and the global number of each one's first row."""
    for number, rows in enumerate(shards):
        write(folder / f"{number:05d}.arrow", rows)
    files = [Signatures.open(folder / f"{number:05d}.arrow") for number in range(len(shards))]
    firsts = np.concatenate([[0], np.cumsum([len(rows.row) for rows in shards])])
    return files, [int(first) for first in firsts[:-1]]


def keyed(shards: list[Rows], firsts: list[int], band: str = "00") -> list[tuple[int, int]]:
    return [
        (key, first + row)
        for rows, first in zip(shards, firsts, strict=True)
        for key, row in zip(*(part.tolist() for part in rows.bands[band]), strict=True)
    ]


def test_edges_are_those_of_plain_python(tmp_path: Path) -> None:
    shards = [signed(seed, count) for seed, count in enumerate((300, 0, 200, 1))]
    files, firsts = opened(tmp_path, shards)
    found = edges(files, firsts, "00", *WHOLE)
    pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert pairs == clusters.edges(keyed(shards, firsts))
    sizes = np.unique([key for key, _ in keyed(shards, firsts)], return_counts=True)[1]
    assert found.runs == np.count_nonzero(sizes > 1)
    assert found.longest == sizes.max()


def test_neither_the_order_of_files_nor_the_ranges_matter(tmp_path: Path) -> None:
    files, firsts = opened(tmp_path, [signed(seed, 300) for seed in range(3)])
    whole = edges(files, firsts, "00", *WHOLE)
    turned = edges(files[::-1], firsts[::-1], "00", *WHOLE)
    assert all(np.array_equal(one, two) for one, two in zip(whole, turned, strict=True))
    parts = [edges(files, firsts, "00", low, high) for low, high in ranges(900, 100)]
    assert len(parts) == 9
    for end in ("left", "right"):
        together = np.sort(np.concatenate([getattr(part, end) for part in parts]))
        assert np.array_equal(together, np.sort(getattr(whole, end)))
    assert sum(part.runs for part in parts) == whole.runs


def test_a_run_is_a_path_and_never_all_pairs(tmp_path: Path) -> None:
    rows = signed(1, 100_000, permutations=1)
    same = np.full(100_000, 7, np.uint64), np.arange(100_000, dtype=np.uint32)[::-1].copy()
    rows.bands = {"url": same}
    files, firsts = opened(tmp_path, [rows])
    found = edges(files, firsts, "url", *WHOLE)
    assert np.array_equal(found.left, np.arange(99_999))
    assert np.array_equal(found.right, np.arange(1, 100_000))
    assert found[2:] == (1, 100_000)


@pytest.mark.parametrize("counts", [[], [0], [0, 0], [1]])
def test_nothing_has_no_edges(tmp_path: Path, counts: list[int]) -> None:
    files, firsts = opened(tmp_path, [signed(1, count) for count in counts])
    found = edges(files, firsts, "00", *WHOLE)
    assert (len(found.left), len(found.right), found.runs, found.longest) == (0, 0, 0, 0)


def test_rows_are_counted_beyond_32_bits(tmp_path: Path) -> None:
    files, _ = opened(tmp_path, [signed(1, 100)])
    found = edges(files * 2, [0, 1 << 40], "00", *WHOLE)
    assert found.right.max() > 1 << 40
    assert all(found.left < found.right)


@given(st.integers(0, 10**12), st.integers(1, 10**9))
def test_ranges_are_one_behind_the_other_and_of_one_size(total: int, most: int) -> None:
    most = max(most, total // 1000, 1)
    found = ranges(total, most)
    assert found[0][0] == 0
    assert found[-1][1] == 1 << 64
    assert all(one[1] == two[0] for one, two in pairwise(found))
    sizes = [high - low for low, high in found]
    assert max(sizes) - min(sizes) <= 1
    assert total <= most * len(found)
