"""Similarities against Python's sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamis.filters.kernels.similarity import containment, estimated, jaccard

few = st.sets(st.integers(0, 12) | st.integers(0, (1 << 64) - 1), max_size=12)


def laid_out(a, b):
    """Two sets in one array, with something before, between and behind."""
    values = [7, *sorted(a), 3, *sorted(b), 3, 7]
    return np.array(values, np.uint64), 1, 1 + len(a), 2 + len(a), 2 + len(a) + len(b)


@given(few, few)
def test_shares_are_those_of_sets(a, b):
    placed = laid_out(a, b)
    assert jaccard(*placed) == (len(a & b) / len(a | b) if a | b else 0)
    smaller = min(len(a), len(b))
    assert containment(*placed) == (len(a & b) / smaller if smaller else 0)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_the_estimate_is_the_share_of_equal_values(pairs):
    wanted = sum(a == b for a, b in pairs) / len(pairs)
    for kind in (np.uint32, np.uint64):
        assert estimated(np.array(pairs, kind).T.copy(), 1, 0) == wanted
