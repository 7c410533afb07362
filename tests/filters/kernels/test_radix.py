"""The sort of keys with rows against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.filters.kernels import radix

KEYS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 3), st.integers(2**64 - 3, 2**64 - 1))


def check(keys: np.ndarray, dtype: type) -> None:
    done, rows = keys.copy(), np.arange(len(keys), dtype=dtype)
    radix.sort(done, rows)
    order = np.argsort(keys, kind="stable")
    assert np.array_equal(rows, order)
    assert np.array_equal(done, keys[order])


@given(st.lists(KEYS), st.integers(1, 40), st.sampled_from([np.uint32, np.int64]))
def test_any_keys_come_in_order_and_equal_ones_as_they_were(
    keys: list[int], times: int, dtype: type
) -> None:
    check(np.array(keys * times, np.uint64), dtype)


@pytest.mark.parametrize("bits", [0, 1, 8, 33, 64])
@pytest.mark.parametrize("shift", [0, 20])
def test_many_keys_that_differ_in_some_bits(bits: int, shift: int) -> None:
    draw = np.random.default_rng(bits)
    keys = draw.integers(0, 1 << bits, 100_000, dtype=np.uint64, endpoint=bits < 64)
    check((keys << np.uint64(shift)) | np.uint64(1), np.uint32)


def test_one_key_among_many_that_is_everywhere() -> None:
    """A run of 50,000 among keys that are hashes, and keys that differ in their last bits alone."""
    keys = np.random.default_rng(0).integers(0, 1 << 64, 100_000, dtype=np.uint64)
    keys[::2] = keys[0]
    keys[1::4] = keys[0] ^ np.uint64(1)
    check(keys, np.int64)


def test_only_the_part_that_is_given_is_touched() -> None:
    keys, rows = np.arange(200, 0, -1).astype(np.uint64), np.arange(200)
    radix.sort(keys[50:150], rows[50:150])
    assert list(keys[:50]) == list(range(200, 150, -1))
    assert list(keys[50:150]) == list(range(51, 151))
    assert list(rows[150:]) == list(range(150, 200))
