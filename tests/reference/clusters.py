"""Duplicates in plain Python: edges of a band, components, stars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise


def edges(keys: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Edges between consecutive rows with one key, of pairs (key, row)."""
    rows: dict[int, list[int]] = {}
    for key, row in keys:
        rows.setdefault(key, []).append(row)
    runs = [sorted(run) for run in rows.values()]
    return sorted(pair for run in runs for pair in pairwise(run))


def components(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """(component, row) of every row that an edge leads to, ascending."""
    sets: dict[int, set[int]] = {}
    for one, two in pairs:
        both = sets.get(one, {one}) | sets.get(two, {two})
        for row in both:
            sets[row] = both
    return sorted((min(rows), row) for row, rows in sets.items())


@dataclass(frozen=True)
class Member:
    """What a member is compared by: a set of shingles, or a signature and how many shingles.

    And its URL and its text, 0 for none.
    """

    url: int = 0
    text: int = 0
    shingles: frozenset[int] = frozenset()
    signature: tuple[int, ...] = ()
    size: int = 0


def measures(one: Member, two: Member) -> tuple[float, float] | None:
    """The Jaccard index and the share of the smaller in the larger; None without shingles."""
    small, large = sorted((one.size, two.size))
    if small == 0:
        return None
    if one.signature:
        pairs = zip(one.signature, two.signature, strict=True)
        jaccard = sum(left == right for left, right in pairs) / len(one.signature)
        return jaccard, min(1.0, jaccard / (1 + jaccard) * (small + large) / small)
    shared = len(one.shingles & two.shingles)
    return shared / (small + large - shared), shared / small


def joins(one: Member, two: Member, jaccard: float, containment: float) -> tuple[int, float]:
    """By what one joins the other, and how similar they are; by 0 if it does not."""
    if one.text and one.text == two.text:
        return 4, 1.0
    found = measures(one, two)
    alike, within = found or (float("nan"), float("nan"))
    if one.url and one.url == two.url:
        return 2, alike
    if jaccard and alike >= jaccard:
        return 1, alike
    if containment and within >= containment:
        return 3, within
    return 0, alike


@dataclass
class Cut:
    """A component cut into stars; `stars` has (centre, similarity, by) for each member."""

    stars: list[tuple[int, float, int]]
    compared: int = 0
    uncompared: int = 0
    centres: list[int] = field(default_factory=list)


def stars(
    members: Sequence[Member], pinned: int, jaccard: float, containment: float, limit: int
) -> Cut:
    """A component cut into stars by trying one centre after the other."""
    found = Cut([(number, 1.0, 0) for number in range(len(members))])
    rest = list(range(pinned, len(members)))
    for turn in range(max(limit, pinned)):
        if not rest:
            break
        centre = turn if turn < pinned else rest.pop(0)
        found.centres.append(centre)
        others = []
        for member in rest:
            found.compared += 1
            by, alike = joins(members[member], members[centre], jaccard, containment)
            if by:
                found.stars[member] = (centre, alike, by)
            else:
                others.append(member)
        rest = others
    found.uncompared = len(rest) * (len(rest) - 1) // 2
    return found
