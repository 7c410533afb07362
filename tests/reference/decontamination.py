"""Shared n-grams in plain Python, from their definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reference.minhash import words

Gram = tuple[str, ...]


def grams_of(piece: str, size: int, shortest: int) -> list[Gram]:
    """The n-grams of a piece; all of it, if it is shorter but not too short."""
    found = tuple(words(piece))
    if len(found) >= size:
        return [found[k : k + size] for k in range(len(found) - size + 1)]
    return [found] if len(found) >= shortest else []


def measured(
    text: str, references: Mapping[str, Sequence[str]], size: int, shortest: int
) -> tuple[int, float, list[str]]:
    """Words at which an n-gram ends, the share of words in them, and whose they are."""
    owners: dict[Gram, set[str]] = {}
    for name, pieces in references.items():
        for piece in pieces:
            for gram in grams_of(piece, size, min(shortest, size)):
                owners.setdefault(gram, set()).add(name)
    found = words(text)
    ends, covered, named = set(), set(), set()
    for length in {len(gram) for gram in owners}:
        for start in range(len(found) - length + 1):
            if whose := owners.get(tuple(found[start : start + length])):
                ends.add(start + length)
                covered.update(range(start, start + length))
                named |= whose
    return len(ends), len(covered) / max(len(found), 1), [n for n in references if n in named]
