"""Batches of a mixture, as one would write them down: nothing is skipped, everything is counted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

MASK = (1 << 64) - 1


def mixed(value: int, key: int) -> int:
    value = (value ^ key) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def permutation(size: int, *name: object) -> list[int]:
    """All places of the permutation that these parts name."""
    digest = hashlib.blake2b("\0".join(map(str, name)).encode(), digest_size=64).digest()
    keys = [int.from_bytes(digest[8 * n : 8 * n + 8], "little") for n in range(8)]
    bits = 4
    while 4**bits < size:
        bits += 1
    out = []
    for value in range(size):
        while True:
            left, right = value >> bits, value % 2**bits
            for key in keys:
                left, right = right, left ^ mixed(right, key) % 2**bits
            value = left << bits | right
            if value < size:
                break
        out.append(value)
    return out


def interleaved(counts: Sequence[int], step: int, first: int, number: int) -> list[tuple[int, int]]:
    """Of the first items which sequence each is of, and its number in that."""
    seen = [0] * len(counts)
    items = []
    for item in range(number):
        residue, which = (step * item + first) % sum(counts), 0
        while residue >= counts[which]:
            residue -= counts[which]
            which += 1
        items.append((which, seen[which]))
        seen[which] += 1
    return items


def windows(documents: Sequence[Sequence[int]], length: int) -> list[tuple[list[int], list[int]]]:
    """Tokens and positions of all windows of documents in their order."""
    stream = [(token, not place) for one in documents for place, token in enumerate(one)]
    made = []
    for start in range(0, len(stream) - length, length):
        positions: list[int] = []
        for _, begins in stream[start : start + length + 1]:
            positions.append(0 if begins or not positions else positions[-1] + 1)
        made.append(([token for token, _ in stream[start : start + length + 1]], positions))
    return made
