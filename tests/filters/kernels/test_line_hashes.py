"""Hashes of lines and paragraphs: equal just where the forms are, for every character."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import lines as reference
from reference.texts import texts as any_text

from tamis.filters.kernels import edits, line_forms, line_hashes
from tamis.filters.kernels.line_hashes import Units
from tamis.filters.lines import Lines

TEXTS = st.lists(any_text, max_size=4)


def units(texts: list[str], form: str = "ccnet", paragraphs: bool = False) -> Units:
    column = pa.array(["before", *texts], pa.large_string()).slice(1)
    return line_hashes.units(edits.texts(column), form, paragraphs, False)


@given(TEXTS, st.sampled_from(line_forms.FORMS), st.booleans())
def test_units_are_those_of_plain_python(texts: list[str], form: str, paragraphs: bool) -> None:
    """Where they are, how long their form is, and which forms are equal."""
    found = units(texts, form, paragraphs)
    measure = Lines(unit="paragraph" if paragraphs else "line")
    data = "".join(["before", *texts]).encode()
    pieces = [text[a:b] for text in texts for a, b in reference.spans(text, measure)]
    assert [data[a:b].decode() for a, b in zip(found.starts, found.stops, strict=True)] == pieces
    numbers = [len(reference.spans(text, measure)) for text in texts]
    assert np.diff(found.firsts).tolist() == numbers
    forms = [reference.normal(piece, form) for piece in pieces]
    assert found.sizes.tolist() == [len(form) for form in forms]
    hashes = found.hashes.tolist()
    assert len({*zip(forms, hashes, strict=True)}) == len({*forms}) == len({*hashes})


@pytest.mark.parametrize("form", ["ccnet", "lower"])
def test_every_character_has_its_form(form: str) -> None:
    """As a line between letters: a form hashed as it is, and the line hashed in its form."""
    chars = [chr(c) for c in range(0x20000) if not 0xD800 <= c < 0xE000 and c != 0x0A]
    lines = [f"A{char}b" for char in chars]
    forms = [reference.normal(line, form) for line in lines]
    shaped, plain = units(["\n".join(lines)], form), units(["\n".join(forms)], "exact")
    wrong = np.flatnonzero(shaped.hashes != plain.hashes)
    assert not len(wrong), [hex(ord(chars[place])) for place in wrong[:10]]
    assert np.array_equal(shaped.sizes, plain.sizes)


@pytest.mark.parametrize("text", ["ΟΔΟΣ", "ΟΔΟΣ.", "ΣΟΣΑ", "Σ", "1Σ", "ΑΣ\u00b7Α", "Α'Σ'", "İΣ"])
def test_the_last_sigma_of_a_word_has_a_form_of_its_own(text: str) -> None:
    (hashed,) = units([text]).hashes
    assert hashed == units([reference.normal(text)], "exact").hashes[0]


@given(st.lists(st.lists(st.integers(0, 9), max_size=30), max_size=5), st.integers(0, 3))
def test_repeats_are_within_a_document(documents: list[list[int]], shortest: int) -> None:
    keys = np.array([key for document in documents for key in document], np.uint64)
    firsts = np.cumsum([0, *map(len, documents)])
    sizes, spots = (keys % np.uint64(4)).astype(np.int32), np.zeros(len(keys), np.int64)
    again = np.full(len(keys), 9, np.uint8)
    line_hashes.repeats(Units(keys, sizes, spots, spots, firsts), shortest, again)
    pieces = [document[:n] for document in documents for n in range(len(document))]
    expected = [
        key in before and key % 4 >= shortest
        for key, before in zip(keys.tolist(), pieces, strict=True)
    ]
    assert again.tolist() == expected


@pytest.mark.parametrize("even", [True, False])
def test_what_is_found_in_a_table(even: bool) -> None:
    """Evenly spread or all but one on a heap, which a guess by proportion never comes near."""
    draw = np.random.default_rng(4)
    table = np.unique(draw.integers(0, 2**64, 5000, np.uint64))
    if not even:
        table = np.unique(np.append(table >> np.uint64(40), np.uint64(2**64 - 1)))
    others = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    wanted = np.concatenate([table[::3], table + np.uint64(1), others])
    for size in (0, 1, 2, 17, len(table)):
        places = np.empty(len(wanted), np.int64)
        line_hashes.find(wanted, table[:size], places)
        known = {key: place for place, key in enumerate(table[:size].tolist())}
        assert places.tolist() == [known.get(key, -1) for key in wanted.tolist()]


def test_hashes_use_all_their_bits() -> None:
    """Ranges of hashes are of their upper bits: short and similar lines spread over all of them."""
    lines = [f"{a}{b}" for a in map(chr, range(0x61, 0x7B)) for b in map(chr, range(0x100, 0x180))]
    hashes = np.sort(units(["\n".join(lines)], "exact").hashes)
    assert len(np.unique(hashes)) == len(lines)
    for shift in (60, 30, 0):
        counts = np.bincount((hashes >> np.uint64(shift) & np.uint64(15)).astype(int))
        assert counts.min() > len(lines) / 16 * 0.7
    assert all(a < b for a, b in pairwise(hashes.tolist()))
