"""Pieces of documents, and which stretch of a draw they are read in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tamis.pipeline.ablate import draws
from tamis.pipeline.ablate.candidates import Candidates, draw_order, in_pieces
from tamis.pipeline.ablate.draws import Encoded, stretches

TEXT = st.text(st.sampled_from("ab é€𝄞\n"), max_size=60)


def documents(sizes: list[int]) -> Candidates:
    places = np.arange(len(sizes))
    some = places.astype(np.uint64)
    of = (
        places * 0,
        places,
        some + np.uint64(1000),
        np.array(sizes, np.int64),
        some // np.uint64(2),
        some,
    )
    return Candidates(*of, places * 0, places >= 0)


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 12))
def test_pieces_are_the_documents(sizes: list[int], size: int) -> None:
    found = in_pieces(documents(sizes), size)
    wanted = [
        (row, place, min(size, one - place * size))
        for row, one in enumerate(sizes)
        for place in range(max(1, -(-one // size)))
    ]
    columns = (found.row.tolist(), found.piece.tolist(), found.sizes.tolist())
    assert list(zip(*columns, strict=True)) == wanted
    assert found.last.sum() == len(sizes) and len(set(found.ids.tolist())) == len(wanted)


def test_pieces_of_copies_are_drawn_together() -> None:
    found = in_pieces(documents([100] * 40), 10)
    order = draw_order(found, 0)
    rows, piece = found.row[order], found.piece[order]
    for place in range(0, len(order), 2):
        assert rows[place] // 2 == rows[place + 1] // 2 and piece[place] == piece[place + 1]
    together = [rows[n] // 2 == rows[n + 2] // 2 for n in range(0, len(order) - 2, 2)]
    assert sum(together) < len(together) / 4  # but not those of one document


@given(st.lists(TEXT, min_size=1, max_size=5), st.integers(4, 12))
def test_pieces_of_text_have_whole_characters(texts: list[str], size: int) -> None:
    data = [one.encode() for one in texts]
    edges = np.cumsum([0, *map(len, data)])
    found = in_pieces(documents([len(one) for one in data]), size)
    whole = np.frombuffer(b"".join(data), np.uint8)
    starts = draws._whole_characters(whole, edges, found.row, found.piece * size)
    stops = draws._whole_characters(whole, edges, found.row, (found.piece + 1) * size)
    stops = np.where(found.last, edges[found.row + 1], stops)
    pieces = [whole[slice(*pair)].tobytes().decode() for pair in zip(starts, stops, strict=True)]
    joined = ["".join(np.array(pieces, object)[found.row == n]) for n in range(len(texts))]
    assert joined == texts


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
    st.lists(st.integers(1, 200), min_size=1, max_size=4).map(sorted),
)
def test_a_stretch_ends_with_the_piece_that_reaches_its_size(
    lengths: list[int], sizes: list[int]
) -> None:
    of = documents(lengths)
    drawn = Encoded(
        of, np.arange(sum(lengths)), np.cumsum(lengths), of.sizes, pa.nulls(len(lengths))
    )
    found = stretches(drawn, sizes)
    for place, size in enumerate(sizes):
        have = int(drawn.lengths[found <= place].sum())
        assert min(size, sum(lengths)) <= have < size + max(lengths)
