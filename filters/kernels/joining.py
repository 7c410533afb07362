"""Equal keys to edges, edges to components.

The forest of the union-find holds, for each row, how far below it its parent is: 0 for a root.
A parent is always the smaller row, so a component's root is its smallest row, whatever the order of
edges; and memory that nothing was joined in is never written to.
"""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Hashes, Longs
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.kernels.hashes import BASE, place_of


@kernel
def runs(keys: Hashes) -> tuple[int, int, int]:
    """Neighbours that are equal among sorted keys, runs of two or more, and the longest run's rows.

    The longest run is 0 where there is none.
    """
    pairs, count, longest, size = 0, 0, 0, 1
    for place in range(1, len(keys)):
        if keys[at(place)] == keys[at(place - 1)]:
            pairs += 1
            count += size == 1
            size += 1
            longest = max(longest, size)
        else:
            size = 1
    return pairs, count, longest


@kernel
def links(keys: Hashes, rows: Longs, left: Longs, right: Longs) -> None:
    """Writes an edge for each pair of neighbours with equal keys."""
    found = 0
    for place in range(1, len(keys)):
        if keys[at(place)] == keys[at(place - 1)]:
            left[at(found)] = rows[at(place - 1)]
            right[at(found)] = rows[at(place)]
            found += 1


@kernel
def _root(above: Longs, row: int) -> int:
    """The root of a row; every other row on the way then points past its parent."""
    while above[at(row)]:
        step = above[at(row)]
        above[at(row)] = step + above[at(row - step)]
        row -= above[at(row)]
    return row


@kernel
def union(above: Longs, left: Longs, right: Longs) -> None:
    """Joins the components of both ends of each edge."""
    for edge in range(len(left)):
        one, two = _root(above, left[at(edge)]), _root(above, right[at(edge)])
        if one < two:
            above[at(two)] = two - one
        elif two < one:
            above[at(one)] = one - two


@kernel
def flatten(above: Longs) -> int:
    """Lets every row point at its root, and gives how many are none."""
    joined = 0
    for row in range(len(above)):
        step = above[at(row)]
        if step:
            joined += 1
            if above[at(row - step)]:
                above[at(row)] = step + above[at(row - step)]
    return joined


@kernel
def joined(above: Longs, roots: Hashes, rows: Longs) -> None:
    """Writes the rows of a flat forest that are no roots, ascending, and their roots."""
    found = 0
    for row in range(len(above)):
        if above[at(row)]:
            roots[at(found)] = row - above[at(row)]
            rows[at(found)] = row
            found += 1


@kernel
def with_roots(roots: Hashes, rows: Longs, all_rows: Longs, components: Longs) -> int:
    """Puts each component's root before its rows, and gives how many there are with it."""
    count = 0
    for place in range(len(rows)):
        if place == 0 or roots[at(place)] != roots[at(place - 1)]:
            all_rows[at(count)] = components[at(count)] = roots[at(place)]
            count += 1
        all_rows[at(count)] = rows[at(place)]
        components[at(count)] = roots[at(place)]
        count += 1
    return count


@kernel
def first_alike(component: Longs, texts: Hashes, first: Longs, table: Longs) -> None:
    """Writes where the first row of the same component with the same text is.

    texts: uint64[n, 2]. table: -1 in as many places as a power of two, over n of them.
    """
    mask = np.uint64(len(table) - 1)
    for row in range(len(component)):
        key = (texts[at(row), 0] + np.uint64(component[at(row)])) * BASE
        place = place_of(key, mask)
        first[at(row)] = row
        while table[place] >= 0:
            other = at(table[place])
            if (
                component[other] == component[at(row)]
                and texts[other, 0] == texts[at(row), 0]
                and texts[other, 1] == texts[at(row), 1]
            ):
                first[at(row)] = other
                break
            place = (place + np.uint64(1)) & mask
        else:
            table[place] = row
