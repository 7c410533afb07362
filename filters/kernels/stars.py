"""Cutting components into stars: a centre, and members that are each similar to it.

A component may hold rows that have little in common, linked by a chain of others. So the first
member that is left becomes a centre, takes all that are similar to it, and so on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Bytes, Hashes, Longs
from tamis.filters.kernels.compiled import at, kernel

Signatures = npt.NDArray[Any]
"""uint32 or uint64[n, permutations]."""
Singles = npt.NDArray[np.float32]
Shorts = npt.NDArray[np.int16]
CENTRE, MINHASH, URL, CONTAINMENT, TEXT = range(5)
"""By what a member joined its centre."""
STRETCH = 32
"""Steps of a merge between two looks at whether it can still reach what is needed."""
LOPSIDED = 16
"""With so many times the values, the larger set is searched instead of read."""
SKIPPED, APART = -1, -2


@kernel
def common(values: Hashes, one: int, one_stop: int, two: int, two_stop: int, needed: int) -> int:
    """How many values two ascending ranges share; -1 once they cannot share `needed` any more."""
    found = 0
    while one < one_stop and two < two_stop:
        stretch = min(one_stop - one, two_stop - two)
        if found + stretch < needed:
            return SKIPPED
        for _ in range(min(stretch, STRETCH)):  # so that neither range ends within it
            left, right = values[at(one)], values[at(two)]
            found += left == right
            one += left <= right
            two += right <= left
    return found


@kernel
def common_of_few(
    values: Hashes, few: int, few_stop: int, many: int, many_stop: int, needed: int
) -> int:
    """`common` where the first range is far shorter: each of its values is looked for."""
    found = 0
    while few < few_stop and many < many_stop:
        if found + few_stop - few < needed:
            return SKIPPED
        value, leap = values[at(few)], 1
        while many + leap < many_stop and values[at(many + leap)] < value:
            many += leap
            leap *= 2
        stop = min(many + leap, many_stop)
        while many < stop:
            middle = (many + stop) // 2
            if values[at(middle)] < value:
                many = middle + 1
            else:
                stop = middle
        found += many < many_stop and values[at(many)] == value
        few += 1
    return found


@kernel
def equal_values(signatures: Signatures, one: int, two: int) -> int:
    """In how many places two signatures are equal."""
    found = 0
    for place in range(signatures.shape[1]):
        found += signatures[at(one), at(place)] == signatures[at(two), at(place)]
    return found


@kernel
def surely_apart(signatures: Signatures, one: int, two: int, width: int, floor: int) -> bool:
    """Whether fewer than `floor` of the first `width` values of two signatures are equal."""
    found = 0
    for place in range(width):
        found += signatures[at(one), at(place)] == signatures[at(two), at(place)]
    return found < floor


@kernel
def needed_for(jaccard: float, both: int) -> int:
    """The fewest values that two sets of `both` together must share, for a Jaccard index."""
    count = int(jaccard * both / (1 + jaccard))  # not above it: what follows goes up
    while count < both and count / (both - count) < jaccard:
        count += 1
    return count


@kernel
def needed_within(containment: float, size: int) -> int:
    """The fewest of `size` values that are such a share of them, divided as below."""
    count = int(containment * size)
    while count < size and count / size < containment:
        count += 1
    return count


@kernel
def measured(
    exact: bool,
    values: Hashes,
    offsets: Longs,
    signatures: Signatures,
    sizes: Longs,
    one: int,
    two: int,
    jaccard: float,
    containment: float,
    least: int,
    whole: bool,
) -> tuple[float, float]:
    """The Jaccard index of two members, and which share of the smaller one is in the other.

    -2, -2 where neither reaches its bound, unless `whole`; of an estimate both are as they come.
    """
    small, large = min(sizes[at(one)], sizes[at(two)]), max(sizes[at(one)], sizes[at(two)])
    if small < least:
        containment = 0.0
    if not exact:
        alike = equal_values(signatures, one, two) / signatures.shape[1]
        within = min(1.0, alike / (1 + alike) * (small + large) / small)
        return alike, within if containment > 0 else 0.0
    needed = 0
    if not whole:
        needed = large + 1
        if jaccard > 0:
            needed = needed_for(jaccard, small + large)
        if containment > 0:
            needed = min(needed, needed_within(containment, small))
        if needed > small:
            return APART, APART
    if sizes[at(one)] > sizes[at(two)]:
        one, two = two, one
    start, stop, other, end = offsets[one], offsets[one + 1], offsets[two], offsets[two + 1]
    if large > LOPSIDED * small:
        shared = common_of_few(values, start, stop, other, end, needed)
    else:
        shared = common(values, start, stop, other, end, needed)
    if shared == SKIPPED:
        return APART, APART
    return shared / (small + large - shared), shared / small if containment > 0 else 0.0


@kernel
def take(
    centre: int,
    rest: Longs,
    left: int,
    exact: bool,
    values: Hashes,
    offsets: Longs,
    signatures: Signatures,
    sizes: Longs,
    texts: Hashes,
    urls: Hashes,
    jaccard: float,
    containment: float,
    least: int,
    width: int,
    floor: int,
    centres: Longs,
    similarity: Singles,
    by: Bytes,
) -> int:
    """Gives a centre those of rest[:left] that are similar to it; the others move up, gives how
    many they are.
    """
    others = 0
    has_url = urls[at(centre), 0] != 0 or urls[at(centre), 1] != 0
    has_text = texts[at(centre), 0] != 0 or texts[at(centre), 1] != 0
    for place in range(left):
        member = rest[at(place)]
        if (
            has_text
            and texts[at(member), 0] == texts[at(centre), 0]
            and texts[at(member), 1] == texts[at(centre), 1]
        ):
            centres[at(member)], similarity[at(member)], by[at(member)] = centre, 1.0, TEXT
            continue
        same = (
            has_url
            and urls[at(member), 0] == urls[at(centre), 0]
            and urls[at(member), 1] == urls[at(centre), 1]
        )
        if floor > 0 and not same and surely_apart(signatures, centre, member, width, floor):
            rest[at(others)] = member
            others += 1
            continue
        alike, within = np.nan, np.nan
        if sizes[at(member)] > 0 and sizes[at(centre)] > 0:
            alike, within = measured(
                exact, values, offsets, signatures, sizes, centre, member,
                jaccard, containment, least, same,
            )  # fmt: skip
        why = CENTRE
        if same:
            why = URL
        elif jaccard > 0 and alike >= jaccard:
            why = MINHASH
        elif containment > 0 and within >= containment:
            why, alike = CONTAINMENT, within
        if why == CENTRE:
            rest[at(others)] = member
            others += 1
        else:
            centres[at(member)], similarity[at(member)], by[at(member)] = centre, alike, why
    return others


@kernel
def cut(
    starts: Longs,
    pinned: Longs,
    exact: bool,
    values: Hashes,
    offsets: Longs,
    signatures: Signatures,
    sizes: Longs,
    texts: Hashes,
    urls: Hashes,
    jaccard: float,
    containment: float,
    least: int,
    width: int,
    floor: int,
    limit: int,
    centres: Longs,
    similarity: Singles,
    by: Bytes,
    compared: Longs,
    uncompared: Longs,
) -> None:
    """Cuts every component into stars; `elect.stars` says what the arrays are.

    The answers' arrays come as those of members that are all centres of their own.
    """
    rest = np.empty(len(centres), np.int64)
    for component in range(len(starts) - 1):
        start, stop = starts[component], starts[component + 1]
        left = stop - start - pinned[component]
        for place in range(left):
            rest[place] = start + pinned[component] + place
        turn = 0
        while left and turn < max(limit, pinned[component]):
            if turn < pinned[component]:
                centre = start + turn
            else:
                centre = rest[0]
                left -= 1
                rest[:left] = rest[1 : left + 1]
            compared[component] += left
            left = take(
                centre, rest, left, exact, values, offsets, signatures, sizes, texts, urls,
                jaccard, containment, least, width, floor, centres, similarity, by,
            )  # fmt: skip
            turn += 1
        uncompared[component] = left * (left - 1) // 2


@kernel
def first_equal_band(
    signatures: Signatures, member: Longs, centre: Longs, bands: int, rows: int, first: Shorts
) -> None:
    """Writes the first band in which two signatures are equal, -1 for none."""
    for pair in range(len(member)):
        one, two = member[at(pair)], centre[at(pair)]
        first[at(pair)] = -1
        for band in range(bands):
            same = 0
            for place in range(band * rows, (band + 1) * rows):
                same += signatures[at(one), at(place)] == signatures[at(two), at(place)]
            if same == rows:
                first[at(pair)] = band
                break
