"""How two texts differ, word by word.

Runs of three words that are in both texts once, in the same order, hold the texts together; what
lies between two of them is compared by difflib if it is short, else it is different as a whole. So
no pair of texts takes longer than a second or two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

WORDS = 20_000
"""Words of each text that are compared."""
RUN = 3
PAIRS = 100_000
"""Pairs of words, one of each text, up to which a piece is compared word by word."""
OPS = {"delete": "here", "insert": "there", "replace": "changed"}

Words = Sequence[str]


@dataclass(frozen=True)
class Difference:
    """What is in one text alone; spaces between words count for nothing."""

    changes: list[dict[str, str]]
    """In order, each {op, here, there}; op is `here` or `there` for words of one text alone, or
    `changed` for some in the place of others."""
    compared: int
    """Words of each text that were looked at, at most."""
    whole: bool
    """Whether these are all words of both."""


def difference(here: str, there: str, most: int = WORDS) -> Difference:
    """What the first `most` words of two texts do not have in common."""
    one, other = here.split(), there.split()
    whole = max(len(one), len(other)) <= most
    one, other = one[:most], other[:most]
    places = [(-1, -1), *_anchors(one, other), (len(one), len(other))]
    changes = [
        {"op": op, "here": " ".join(a), "there": " ".join(b)}
        for (i, j), (k, m) in pairwise(places)
        for op, a, b in _between(one[i + 1 : k], other[j + 1 : m])
    ]
    return Difference(changes, most, whole)


def _anchors(one: Words, other: Words) -> list[tuple[int, int]]:
    """Where runs begin that are in both texts once: as many as come in the same order in both."""
    there = _once(other)
    pairs = sorted((i, there[run]) for run, i in _once(one).items() if run in there)
    tails: list[int] = []  # the least j that a chain of each length ends with
    ends: list[int] = []  # the pair it belongs to
    before = [-1] * len(pairs)
    for place, (_, j) in enumerate(pairs):
        length = bisect_left(tails, j)
        before[place] = ends[length - 1] if length else -1
        tails[length : length + 1] = [j]
        ends[length : length + 1] = [place]
    chain, place = [], ends[-1] if ends else -1
    while place >= 0:
        chain.append(pairs[place])
        place = before[place]
    return chain[::-1]


def _once(words: Words) -> dict[Any, int]:
    """Where each run is that comes once."""
    found: dict[Any, int] = {}
    for place in range(len(words) - RUN + 1):
        run = tuple(words[place : place + RUN])
        found[run] = -1 if run in found else place
    return {run: place for run, place in found.items() if place >= 0}


def _between(one: Words, other: Words) -> Iterator[tuple[str, Words, Words]]:
    """What differs in a piece of each text."""
    start = _common(one, other)
    end = _common(one[start:][::-1], other[start:][::-1])
    one, other = one[start : len(one) - end], other[start : len(other) - end]
    if len(one) * len(other) > PAIRS:
        yield "changed", one, other
        return
    for op, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if op != "equal":
            yield OPS[op], one[a:b], other[c:d]


def _common(one: Words, other: Words) -> int:
    """How many words two pieces begin with alike."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))
