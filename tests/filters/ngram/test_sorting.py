"""Sorting of records, in memory and on disk, against Python's own."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.filters.ngram.records import (
    add_up,
    empty,
    last_word_first,
    last_word_last,
    not_above,
    radix_sort,
)
from tamis.filters.ngram.sorting import Sorter

wide = (
    st.integers(0, (1 << 128) - 1) | st.integers(0, 20) | st.integers(0, 20).map(lambda n: n << 90)
)
pairs = st.lists(st.tuples(wide, st.integers(0, 1 << 40)), max_size=200)
HALF = (1 << 64) - 1


def packed(items):
    """Pairs of key and value as records."""
    flat = [[key >> 64, key & HALF, value] for key, value in items]
    return np.array(flat, np.uint64).reshape(-1, 3)


def unpacked(records):
    """Records as pairs of key and value."""
    return [(high << 64 | low, value) for high, low, value in records.tolist()]


@given(pairs, st.integers(0, 127), st.integers(1, 128))
def test_any_bits_are_sorted_by_and_equal_ones_stay(items, first, width):
    last = min(128, first + width)
    records, spare = packed(items), empty(len(items))
    moved = radix_sort(records, spare, len(items), np.uint64(first), np.uint64(last))
    expected = sorted(items, key=lambda item: item[0] >> first & (1 << last - first) - 1)
    assert unpacked(spare if moved else records) == expected


@pytest.mark.parametrize(("first", "last"), [(0, 23), (5, 17), (60, 71), (18, 90), (3, 128)])
def test_bits_above_and_below_do_not_matter(first, last):
    """Every bit of the keys is set in half of them; the digits do not divide the width."""
    rng = np.random.default_rng(last)
    records, spare = rng.integers(0, 1 << 64, (500, 3), np.uint64), empty(500)
    items = unpacked(records)
    moved = radix_sort(records, spare, 500, np.uint64(first), np.uint64(last))
    expected = sorted(items, key=lambda item: item[0] >> first & (1 << last - first) - 1)
    assert unpacked(spare if moved else records) == expected


@given(pairs)
def test_neighbours_with_equal_keys_are_added_up(items):
    records = packed(sorted(items))
    left = add_up(records, len(records))
    sums = {key: 0 for key, _ in sorted(items)}
    for key, value in items:
        sums[key] += value
    assert unpacked(records[:left]) == list(sums.items())


@given(pairs, wide)
def test_how_many_are_not_above_a_key(items, key):
    records = packed(sorted(items))
    count = not_above(records, np.uint64(key >> 64), np.uint64(key & HALF))
    assert count == sum(other <= key for other, _ in items)


@given(st.lists(wide, max_size=20), st.integers(1, 32), st.integers(2, 6))
def test_the_last_word_goes_last_and_back(keys, bits, order):
    order = min(order, 128 // bits)
    keys = [key & (1 << order * bits) - 1 for key in keys]
    width = (order - 1) * bits
    records = packed([(key, 7) for key in keys])
    last_word_last(records, np.uint64(width), np.uint64(bits))
    expected = [(key & (1 << width) - 1) << bits | key >> width for key in keys]
    assert [key for key, _ in unpacked(records)] == expected
    last_word_first(records, np.uint64(width), np.uint64(bits))
    assert unpacked(records) == [(key, 7) for key in keys]


def sort(items, memory, first=0, sums=False):
    """What a sorter gives, and how many files it had and left."""
    with tempfile.TemporaryDirectory() as folder:
        sorter = Sorter(Path(folder) / "run", memory, first, 128, 10, sums)
        for start in range(0, len(items), 37):
            sorter.add(packed(items[start : start + 37]))
        runs = len(list(Path(folder).iterdir()))
        got = [item for block in sorter.merged() for item in unpacked(block)]
        assert not list(Path(folder).iterdir())
        return got, runs


@given(pairs.map(lambda items: items * 4), st.sampled_from([0, 1 << 20]))
def test_a_sorter_adds_up_whatever_its_memory(items, memory):
    got, _ = sort(items, memory, sums=True)
    sums = {key: 0 for key, _ in sorted(items)}
    for key, value in items:
        sums[key] += value
    assert got == list(sums.items())


@given(pairs.map(lambda items: items * 2))
def test_order_among_equals_lasts_through_runs(items):
    """Keys are in order but for their high halves, by which alone they are sorted."""
    items = sorted(items, key=lambda item: item[0] & HALF)
    items = [(key & ~HALF | place, value) for place, (key, value) in enumerate(items)]
    got, runs = sort(items, 0, first=64)
    assert got == sorted(items)
    assert runs == len(items) // 64
