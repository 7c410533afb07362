"""How alike two documents are: by the sets of their shingles, or estimated by their signatures."""

from __future__ import annotations

from tamis.filters.kernels.arrays import Hashes, Values
from tamis.filters.kernels.compiled import at, kernel


@kernel
def common(values: Hashes, start_a: int, stop_a: int, start_b: int, stop_b: int) -> int:
    """How many values two ranges share; each is ascending and of distinct values."""
    shared = 0
    while start_a < stop_a and start_b < stop_b:
        one, other = values[at(start_a)], values[at(start_b)]
        shared += one == other
        start_a += one <= other
        start_b += other <= one
    return shared


@kernel
def jaccard(values: Hashes, start_a: int, stop_a: int, start_b: int, stop_b: int) -> float:
    """The share of the values of two such ranges that are in both; 0 if both are empty."""
    shared = common(values, start_a, stop_a, start_b, stop_b)
    union = (stop_a - start_a) + (stop_b - start_b) - shared
    return shared / union if union > 0 else 0.0


@kernel
def containment(values: Hashes, start_a: int, stop_a: int, start_b: int, stop_b: int) -> float:
    """The share of the smaller of two such ranges that the other holds too; 0 if one is empty."""
    shared = common(values, start_a, stop_a, start_b, stop_b)
    smaller = min(stop_a - start_a, stop_b - start_b)
    return shared / smaller if smaller > 0 else 0.0


@kernel
def estimated(signatures: Values, a: int, b: int) -> float:
    """The share of values that rows a and b of signatures [n, permutations] have in common."""
    one, other = signatures[a], signatures[b]
    same = 0
    for k in range(len(one)):
        same += one[at(k)] == other[at(k)]
    return same / len(one)
