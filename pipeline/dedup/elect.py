"""Components cut into stars: who is whose duplicate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels import stars as kernels
from tamis.filters.kernels.arrays import Bytes, Hashes, Longs

CENTRES = 1000
LOOK = 128
"""Values of signatures that are looked at before sets are."""
DOUBTS = 4.5
"""Standard errors of the estimate that a pair must be below the bound to go without a closer look:
three pairs in a million that are just at the bound are missed."""
AT_ONCE = 100_000
"""Members that are held at a time: 400 MB of sets of 500 shingles."""
METHODS = ("", "minhash", "url", "containment", "text")
"""What the numbers in `Stars.by` stand for."""


@dataclass(frozen=True)
class Members:
    """The members of some components, one component behind the other.

    Within a component they come in the order in which they may become centres, the pinned first.
    They are compared by sets or, where there are none, by signatures; one without shingles by its
    URL alone. Where there are both, signatures say which pairs are so far apart that sets need
    not be read: that is thirty times as fast.
    """

    starts: Longs
    """int64[c + 1]: where each component begins, and where the last one ends, which is m."""
    pinned: Longs
    """int64[c]: how many at the front of each component are centres that join nobody."""
    urls: Hashes
    """uint64[m, 2]: equal for the same page; 0, 0 for none."""
    sets: tuple[Hashes, Longs] | None = None
    """Values, ascending and distinct for each member, and int64[m + 1]: where each one's begin."""
    texts: Hashes | None = None
    """uint64[m, 2]: equal for the same text; not compared if None."""
    signatures: npt.NDArray[Any] | None = None
    """uint32 or uint64[m, permutations]."""
    shingles: npt.NDArray[Any] | None = None
    """How many a member has; needed beside signatures."""


@dataclass(frozen=True)
class Bounds:
    """From when on members are similar; 0: never by this.

    Containment is the share of the smaller member's shingles that the other one has too.
    """

    jaccard: float = 0.0
    containment: float = 0.0
    centres: int = CENTRES
    """After so many the rest of a component are stars of one. All pinned ones are tried."""
    least: int = 0
    """Shingles of the smaller member below which its containment does not count."""


class Stars(NamedTuple):
    """What became of m members in c components."""

    centre: Longs
    """int64[m]: the place of its centre among the members, its own for a centre."""
    similarity: npt.NDArray[np.float32]
    """The Jaccard index with its centre, but of a member that joined by containment that; 1 for a
    centre, NaN where one of them has no shingles."""
    by: Bytes
    """uint8[m], see METHODS; of several it is the first of text, URL, minhash, containment."""
    compared: Longs
    """int64[c]: how many pairs were looked at."""
    uncompared: Longs
    """int64[c]: how many pairs were left when the limit of centres was reached."""


def stars(members: Members, bounds: Bounds) -> Stars:
    """Cuts components into stars, greedily.

    The first member that is left is a centre, and all that are left and similar to it join it; the
    pinned ones come first and take from all that follow them. One that could join several centres
    joins the first.
    """
    count = int(members.starts[-1])
    found = _alone(count, len(members.pinned))
    values, offsets = members.sets or (np.zeros(0, np.uint64), np.zeros(1, np.int64))
    signatures = members.signatures
    if signatures is None:
        signatures = np.zeros((0, 1), np.uint32)
    signatures = signatures.view()
    signatures.flags.writeable = False  # as those of a file are: kernels are compiled for one kind
    width, floor = _look(members, bounds)
    kernels.cut(
        members.starts,
        members.pinned,
        members.sets is not None,
        values,
        offsets,
        signatures,
        _sizes(members),
        np.zeros((count, 2), np.uint64) if members.texts is None else members.texts,
        members.urls,
        float(bounds.jaccard),
        float(bounds.containment),
        bounds.least,
        width,
        floor,
        bounds.centres,
        *found,
    )
    return found


def stars_in_parts(
    starts: Longs,
    pinned: Longs,
    load: Callable[[Longs], Members],
    bounds: Bounds,
    most: int = AT_ONCE,
) -> Stars:
    """`stars` of members of which about `most` are held at a time, even of one component.

    load gives what some members are compared by, by their places; `starts` and `pinned` of what it
    gives do not count. A component's centres are held beside its parts, all pinned ones too.
    """
    found = _alone(int(starts[-1]), len(pinned))
    for first, last in _batches(starts, most):
        start, stop = int(starts[first]), int(starts[last])
        if stop - start > most:
            _one_in_parts(found, first, range(start, stop), int(pinned[first]), load, bounds, most)
            continue
        places = np.arange(start, stop)
        parts = starts[first : last + 1] - start
        part = stars(replace(load(places), starts=parts, pinned=pinned[first:last]), bounds)
        _put(found, places, places[part.centre], part)
        found.compared[first:last], found.uncompared[first:last] = part[3:]
    return found


def _batches(starts: Longs, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of components, as many as have `most` members together, but one at least."""
    first = 0
    while first < len(starts) - 1:
        last = int(np.searchsorted(starts, starts[first] + most, side="right")) - 1
        yield first, max(first + 1, last)
        first = max(first + 1, last)


def _one_in_parts(
    found: Stars,
    component: int,
    every: range,
    pinned: int,
    load: Callable[[Longs], Members],
    bounds: Bounds,
    most: int,
) -> None:
    """Each part is cut with the centres of those before it as pinned ones.

    That is the same: a member joins the first centre that it is similar to and meets no others.
    """
    centres, left = np.arange(every.start, every.start + pinned), 0
    for start in range(every.start + pinned, every.stop, most):
        places = np.concatenate([centres, np.arange(start, min(start + most, every.stop))])
        held = len(centres)
        one, fixed = np.array([0, len(places)]), np.array([held])
        part = stars(replace(load(places), starts=one, pinned=fixed), bounds)
        _put(found, places, places[part.centre], part)
        found.compared[component] += part.compared[0]
        own = places[held:][part.by[held:] == 0]
        room = max(0, bounds.centres - held)  # who comes behind them in `own` met the centres alone
        centres, left = np.concatenate([centres, own[:room]]), left + len(own[room:])
    found.uncompared[component] = left * (left - 1) // 2


def _put(found: Stars, places: Longs, centre: Longs, part: Stars) -> None:
    found.centre[places], found.similarity[places], found.by[places] = centre, *part[1:3]


def _alone(count: int, components: int) -> Stars:
    """The answer for members that are all centres, none of them compared."""
    return Stars(
        np.arange(count),
        np.ones(count, np.float32),
        np.zeros(count, np.uint8),
        np.zeros(components, np.int64),
        np.zeros(components, np.int64),
    )


def _look(members: Members, bounds: Bounds) -> tuple[int, int]:
    """How many values of signatures to compare before sets are, and how many must be equal."""
    if members.sets is None or members.signatures is None or bounds.containment > 0:
        return 0, 0
    width, share = min(LOOK, members.signatures.shape[1]), bounds.jaccard
    spread = (share * (1 - share) / width) ** 0.5
    return width, max(0, math.floor(width * (share - DOUBTS * spread)))


def _sizes(members: Members) -> Longs:
    if members.sets is not None:
        return np.diff(members.sets[1])
    if members.signatures is None:
        return np.zeros(len(members.urls), np.int64)
    assert members.shingles is not None
    return members.shingles.astype(np.int64)


def matching_band(
    signatures: npt.NDArray[Any], member: Longs, centre: Longs, bands: int, rows: int
) -> npt.NDArray[np.int16]:
    """int16[k]: the first band in which a member and its centre are equal, -1 for none.

    member, centre: int64[k], rows of `signatures` that have shingles; rows: values in a band.
    """
    first = np.empty(len(member), np.int16)
    kernels.first_equal_band(signatures, member, centre, bands, rows, first)
    return first
