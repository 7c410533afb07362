"""Repeats against counting in plain Python."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamis.filters.kernels.ngrams import (
    LONGEST,
    LONGEST_TOP,
    counting,
    find_repeats,
    number,
    repeats,
)

sequences = st.lists(st.integers(1, 4), max_size=80) | st.lists(st.integers(0, 2**64 - 1))


@given(sequences)
def test_numbers_are_given_in_order_of_first_occurrence(items):
    room = counting(len(items))
    numbers = np.empty(len(items), np.int32)
    classes = number(np.array(items, np.uint64), len(items), room, numbers)
    first = {item: place for place, item in enumerate(dict.fromkeys(items))}
    assert numbers.tolist() == [first[item] for item in items]
    assert room.counts[:classes].tolist() == [Counter(items)[item] for item in first]


@given(sequences, st.integers(1, 5))
def test_repeats_are_those_of_plain_python(items, widest):
    sizes = [item % widest + 1 for item in items]
    room, found = counting(len(items)), repeats()
    numbers = np.empty(len(items), np.int32)
    number(np.array(items, np.uint64), len(items), room, numbers)
    again = np.array([items.count(item) > 1 for item in items], np.uint8)
    ends = np.cumsum([0, *sizes]).astype(np.int32)
    find_repeats(numbers, again, ends, len(items), room, found)
    for n in range(2, LONGEST + 1):
        grams = [tuple(items[i : i + n]) for i in range(len(items) - n + 1)]
        widths = [sum(sizes[i : i + n]) for i in range(len(grams))]
        if n <= LONGEST_TOP:
            check_top(grams, widths, n, found)
        else:
            check_cover(grams, sizes, n, found)


def check_top(grams, widths, n, found):
    counts = Counter(grams)
    gram, times = counts.most_common(1)[0] if grams else ((), 0)
    assert found.top_count[n] == times
    assert found.top_size[n] == (widths[grams.index(gram)] if grams else 0)
    if times > 1:
        longest = max(w for g, w in zip(grams, widths, strict=True) if counts[g] == times)
        assert found.top_longest[n] == longest


def check_cover(grams, sizes, n, found):
    counts = Counter(grams)
    covered = {i + k for i, gram in enumerate(grams) if counts[gram] > 1 for k in range(n)}
    assert found.covered[n] == sum(sizes[i] for i in covered)
    seen, greedy, i = set(), 0, 0
    while i < len(grams):
        if grams[i] in seen:
            greedy += sum(sizes[i : i + n])
            i += n
        else:
            seen.add(grams[i])
            i += 1
    assert found.greedy[n] == greedy
