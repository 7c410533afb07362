"""Orders that are known at every place."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from reference import batches

from tamis.tokenize.permutation import keys, permuted


@given(st.integers(1, 1500), st.integers(0, 5))
@example(1, 0)
@example(256, 0)
@example(257, 0)
@example(1024, 0)
@example(1025, 0)
def test_a_permutation_as_written_down(size: int, seed: int) -> None:
    """A window drawn twice in an epoch is one that another epoch never sees."""
    found = permuted(np.arange(size), size, keys("a", seed)).tolist()
    assert sorted(found) == list(range(size))
    assert found == batches.permutation(size, "a", seed)


def test_keys_and_their_parts_matter() -> None:
    """Epochs in one order would be one epoch, many times."""
    everything = np.arange(1000)
    orders = {
        tuple(permuted(everything, 1000, keys(*name)).tolist())
        for name in (("a", 1), ("a", 2), ("b", 1), ("a1",))
    }
    assert len(orders) == 4


def test_large_numbers_stay_below_the_size() -> None:
    """The windows of a petabyte."""
    size = (1 << 50) + 12345
    places = np.concatenate([np.arange(500), size - 1 - np.arange(500)])
    found = permuted(places, size, keys(0))
    assert len(set(found.tolist())) == 1000 and found.min() >= 0 and found.max() < size


def test_neighbours_are_parted() -> None:
    """What came in order shall not stay in it: of 10,000 hardly two neighbours stay neighbours."""
    found = permuted(np.arange(10_000), 10_000, keys("x"))
    assert (np.abs(np.diff(found)) == 1).sum() < 12  # 2 are expected
    assert abs(np.corrcoef(np.arange(10_000), found)[0, 1]) < 0.04
