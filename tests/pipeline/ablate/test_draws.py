"""Pieces of documents, and which stretch of a draw they are read in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamis.pipeline.ablate.candidates import Candidates
from tamis.pipeline.ablate.draws import Encoded, pieces, stretches

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=20)


def drawn(lengths: list[int]) -> Encoded:
    number = len(lengths)
    places = np.arange(number)
    some = places.astype(np.uint64)
    of = Candidates(places * 0, places, some + np.uint64(1000), places, some, some)
    sources = pa.array([f"s{n % 2}" for n in range(number)])
    return Encoded(of, np.arange(sum(lengths)), np.cumsum(lengths), some * np.uint64(3), sources)


@given(LENGTHS, st.integers(1, 10))
def test_pieces(lengths: list[int], most: int) -> None:
    whole = drawn(lengths)
    cut = pieces(whole, most)
    assert cut.ids is whole.ids and set(whole.ends) <= set(cut.ends)
    wanted = [min(most, one - first) for one in lengths for first in range(0, one, most)]
    assert cut.lengths.tolist() == wanted
    assert len(set(cut.of.ids.tolist())) == len(wanted)  # each is read at a place of its own
    firsts = np.isin(cut.ends - cut.lengths, whole.ends - whole.lengths)
    assert cut.of.ids[firsts].tolist() == whole.of.ids.tolist()
    assert cut.sizes[firsts].tolist() == whole.sizes.tolist() and not cut.sizes[~firsts].any()
    assert cut.sources.filter(pa.array(firsts)).equals(whole.sources)


@given(LENGTHS, st.integers(1, 10), st.lists(st.integers(1, 200), min_size=1, max_size=4))
def test_a_stretch_ends_with_the_piece_that_reaches_its_size(
    lengths: list[int], most: int, sizes: list[int]
) -> None:
    cut, sizes = pieces(drawn(lengths), most), sorted(sizes)
    found = stretches(cut, sizes)
    for place, size in enumerate(sizes):
        have = int(cut.lengths[found <= place].sum())
        assert min(size, sum(lengths)) <= have < size + most or have == sum(lengths)
