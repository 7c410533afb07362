"""Stars against plain Python, and their law: near their centre, centres far from each other."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import clusters
from reference.clusters import Member

from tamis.filters.kernels import stars as kernels
from tamis.pipeline.dedup.elect import Bounds, Members, Stars, matching_band, stars, stars_in_parts

BOUNDS = st.sampled_from([0.0, 0.3, 0.5, 0.55, 0.8, 1.0])
URLS = st.integers(0, 4)
TEXTS = st.sampled_from([0, 0, 0, *range(9)])
SETS = st.frozensets(st.integers(0, 14), max_size=12)
EXACT = st.builds(lambda u, t, found: Member(u, t, found, (), len(found)), URLS, TEXTS, SETS)
VALUES = st.tuples(*[st.integers(0, 2)] * 8)
SIZES = st.integers(0, 9)
ESTIMATED = st.builds(
    lambda u, t, v, n: Member(u, t, frozenset(), v, n), URLS, TEXTS, VALUES, SIZES
)
COMPONENTS = st.one_of(
    *(
        st.lists(st.tuples(st.lists(kind, min_size=1, max_size=12), st.integers(0, 3)), min_size=1)
        for kind in (EXACT, ESTIMATED)
    )
)


def arrays(components: list[tuple[list[Member], int]], width: type = np.uint32) -> Members:
    every = [member for members, _ in components for member in members]
    sizes = np.array([member.size for member in every])
    sets = signatures = None
    if any(member.signature for member in every):
        signatures = np.array([member.signature for member in every], width)
    else:
        values = [value for member in every for value in sorted(member.shingles)]
        sets = np.array(values, np.uint64), np.concatenate([[0], np.cumsum(sizes)])
    return Members(
        np.concatenate([[0], np.cumsum([len(members) for members, _ in components])]),
        np.array([min(pinned, len(members)) for members, pinned in components]),
        np.array([(0, member.url) for member in every], np.uint64),
        sets=sets,
        texts=np.array([(member.text, 0) for member in every], np.uint64),
        signatures=signatures,
        shingles=sizes,
    )


def listed(found: Stars, start: int, stop: int) -> list[tuple[int, float, int]]:
    parts = zip(
        (found.centre[start:stop] - start).tolist(),
        found.similarity[start:stop].tolist(),
        found.by[start:stop].tolist(),
        strict=True,
    )
    return [(centre, -1.0 if isnan(alike) else alike, by) for centre, alike, by in parts]


@given(COMPONENTS, BOUNDS, BOUNDS, st.integers(0, 4), st.sampled_from([np.uint32, np.uint64]))
def test_stars_are_those_of_plain_python(
    components: list[tuple[list[Member], int]],
    jaccard: float,
    containment: float,
    limit: int,
    width: type,
) -> None:
    given_arrays = arrays(components, width)
    found = stars(given_arrays, Bounds(jaccard, containment, limit))
    for number, (members, _) in enumerate(components):
        pinned = int(given_arrays.pinned[number])
        cut = clusters.stars(members, pinned, jaccard, containment, limit)
        expected = [
            (centre, -1.0 if isnan(alike) else float(np.float32(alike)), by)
            for centre, alike, by in cut.stars
        ]
        assert listed(found, *given_arrays.starts[number : number + 2]) == expected
        assert (found.compared[number], found.uncompared[number]) == (cut.compared, cut.uncompared)


@given(COMPONENTS, BOUNDS, BOUNDS, st.integers(0, 4), st.integers(1, 9))
def test_cut_in_parts_they_are_the_same_stars(
    components: list[tuple[list[Member], int]],
    jaccard: float,
    containment: float,
    limit: int,
    most: int,
) -> None:
    whole, bounds = arrays(components), Bounds(jaccard, containment, limit)
    every = [member for members, _ in components for member in members]
    held = []

    def load(places: np.ndarray) -> Members:
        held.append(len(places))
        return arrays([([every[place] for place in places], 0)])

    found, expected = (
        stars_in_parts(whole.starts, whole.pinned, load, bounds, most),
        stars(whole, bounds),
    )
    for part, same in zip(found, expected, strict=True):
        assert np.array_equal(part, same, equal_nan=part.dtype == np.float32)
    assert max(held, default=0) <= most + max(limit, 3)


@given(st.lists(EXACT, min_size=1, max_size=30), BOUNDS, BOUNDS, st.integers(0, 3))
def test_members_are_near_their_centre_and_centres_apart(
    members: list[Member], jaccard: float, containment: float, pinned: int
) -> None:
    found = stars(arrays([(members, pinned)]), Bounds(jaccard, containment))
    centres = [place for place, centre in enumerate(found.centre) if place == centre]
    for place, centre in enumerate(found.centre):
        assert found.centre[centre] == centre <= place
        assert place == centre or place >= pinned
        if place != centre:
            assert clusters.joins(members[place], members[centre], jaccard, containment)[0]
    for number, two in enumerate(centres):
        for one in centres[:number]:
            alike = clusters.joins(members[one], members[two], jaccard, containment)[0]
            assert not alike or two < pinned


@pytest.mark.parametrize("sizes", [(700, 700), (30, 1000), (1, 1000), (400, 500)])
@pytest.mark.parametrize("jaccard", [0.0, 0.1, 0.5, 0.9])
def test_large_sets_are_compared_exactly(sizes: tuple[int, int], jaccard: float) -> None:
    """Larger than a stretch of a merge, and lopsided ones, which are searched."""
    draw = np.random.default_rng(sum(sizes))
    for shared in (0, 0.2, 0.6, 0.95, 1):
        one = draw.choice(1 << 40, sizes[0], replace=False)
        kept = int(shared * sizes[0])
        two = {*one[:kept].tolist(), *draw.choice(1 << 40, sizes[1] - kept).tolist()}
        members = [
            Member(0, 0, frozenset(found), (), len(found)) for found in (set(one.tolist()), two)
        ]
        for containment in (0.0, 0.55):
            found = stars(arrays([(members, 0)]), Bounds(jaccard, containment))
            cut = clusters.stars(members, 0, jaccard, containment, 100)
            last, alike, by = cut.stars[1]
            assert listed(found, 0, 2)[1] == (last, float(np.float32(alike)), by)


@given(st.sampled_from([0.01, 0.3, 0.55, 0.7, 0.8, 0.9, 1.0]), st.integers(2, 400))
def test_what_is_needed_is_the_least_that_suffices(bound: float, size: int) -> None:
    counts = range(size // 2 + 1)
    enough = [count for count in counts if count / (size - count) >= bound]
    assert kernels.needed_for(bound, size) == (enough[0] if enough else size // 2 + 1)
    share = next(count for count in range(size + 1) if count / size >= bound)
    assert kernels.needed_within(bound, size) == share


def test_a_hundred_thousand_that_match_take_one_pass() -> None:
    count = 100_000
    values = np.tile(np.arange(10, dtype=np.uint64), count)
    members = Members(
        np.array([0, count]),
        np.array([0]),
        np.zeros((count, 2), np.uint64),
        (values, np.arange(0, 10 * count + 1, 10)),
    )
    found = stars(members, Bounds(jaccard=0.8))
    assert not found.centre.any()
    assert found.compared.tolist() == [count - 1]


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 7), min_size=1), st.integers(1, 7))
def test_the_matching_band_is_the_first_that_is_equal(rows: list[tuple[int, ...]], r: int) -> None:
    member, centre = np.arange(len(rows)), np.zeros(len(rows), np.int64)
    found = matching_band(np.array(rows, np.uint32), member, centre, 7 // r, r)
    for row, band in zip(rows, found.tolist(), strict=True):
        same = [b for b in range(7 // r) if row[b * r : b * r + r] == rows[0][b * r : b * r + r]]
        assert band == (same[0] if same else -1)


def variants(draw: np.random.Generator, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Sets of 300 values around the bound, and their signatures of 112 permutations."""
    base = draw.integers(0, 1 << 62, 300, np.uint64)
    sets = []
    for _ in range(count):
        changed = base.copy()
        places = draw.choice(300, draw.integers(0, 90), replace=False)
        changed[places] = draw.integers(0, 1 << 62, len(places), np.uint64)
        sets.append(np.unique(changed))
    factors = draw.integers(0, 1 << 63, (112, 1), np.uint64) * 2 + 1
    return sets, np.array([(one * factors).min(axis=1) for one in sets])


def test_a_look_at_signatures_spares_sets_and_changes_nothing() -> None:
    """Of sets far apart none is read: here theirs are missing, and nobody notices."""
    sets, signatures = variants(np.random.default_rng(5), 60)
    ends = np.concatenate([[0], np.cumsum([len(one) for one in sets])])
    one, nobody = np.array([0, 60]), np.zeros(1, np.int64)
    plain = Members(one, nobody, np.zeros((60, 2), np.uint64), sets=(np.concatenate(sets), ends))
    expected = stars(plain, Bounds(jaccard=0.7))
    found = stars(replace(plain, signatures=signatures), Bounds(jaccard=0.7))
    assert 5 < len(set(expected.centre.tolist())) < 55
    for part, same in zip(found, expected, strict=True):
        assert np.array_equal(part, same)
    far = replace(plain, signatures=np.arange(60 * 112, dtype=np.uint64).reshape(60, 112))
    assert stars(far, Bounds(jaccard=0.7)).centre.tolist() == list(range(60))
    assert np.array_equal(stars(far, Bounds(0.7, 0.9, least=10**6)).centre, expected.centre)
