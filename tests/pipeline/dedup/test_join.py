"""Components of edges, and who stands for those with one text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import clusters

from tamis.pipeline.dedup import join
from tamis.pipeline.errors import WorkError

PAIRS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60)


def arrays(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    both = np.array([(min(pair), max(pair)) for pair in pairs], np.int64).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


@given(st.lists(PAIRS, max_size=4), st.randoms())
def test_components_are_those_of_plain_python_whatever_the_order(
    parts: list[list[tuple[int, int]]], random: object
) -> None:
    real = [[pair for pair in part if pair[0] != pair[1]] for part in parts]
    rows, component = join.components(map(arrays, real), 41)
    assert list(zip(component.tolist(), rows.tolist(), strict=True)) == clusters.components(
        pair for part in real for pair in part
    )
    every = [pair for part in real for pair in part]
    random.shuffle(every)  # type: ignore[attr-defined]
    again = join.components([arrays(every)], 41)
    assert np.array_equal(again[0], rows)
    assert np.array_equal(again[1], component)


def test_a_forest_in_a_file_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    edges = [(draw.integers(0, 500, 300), draw.integers(500, 1000, 300)) for _ in range(3)]
    before = join.components(edges, 1000, tmp_path)
    monkeypatch.setattr(join, "IN_MEMORY", 0)
    after = join.components(edges, 1000, tmp_path / "new")
    assert all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))
    assert list((tmp_path / "new").iterdir()) == []
    assert len(join.components([], 0, tmp_path)[0]) == 0


def test_a_scratch_folder_that_cannot_be_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join, "IN_MEMORY", 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkError, match="for joining duplicates"):
        join.components([], 10, tmp_path / "file")


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))))
def test_the_first_row_of_a_component_stands_for_its_text(
    members: list[tuple[int, int, int]],
) -> None:
    component = np.array([member[0] for member in members], np.int64)
    texts = np.array([member[1:] for member in members], np.uint64).reshape(-1, 2)
    rows = np.arange(len(members)) * 3
    found = join.representatives(rows, component, texts.view(np.uint8))
    assert found.tolist() == [3 * members.index(member) for member in members]
