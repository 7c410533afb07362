"""Numbers below n in an order of a key's own: any of them at once, without a table of n places.

A Feistel network is a bijection of the numbers of 2k bits, whatever its function of k bits is; one
that leads beyond n is followed until it is below again, which is a bijection too (Black and
Rogaway, Ciphers with arbitrary finite domains, 2002).
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from tamis.tokenize.compiled import inlined, kernel

ROUNDS = 8
SMALLEST = 4
"""Bits of a half, at least: with fewer there are too few orders."""


def keys(*parts: object) -> npt.NDArray[np.uint64]:
    """The keys of a permutation, from whatever names it."""
    name = "\0".join(map(str, parts)).encode()
    return np.frombuffer(hashlib.blake2b(name, digest_size=8 * ROUNDS).digest(), "<u8")


def permuted(
    places: npt.NDArray[np.int64], size: int, own: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    """What stands at some places of the permutation of the numbers below size.

    places: each of 0 ... size - 1; own: see keys.
    """
    bits = max(SMALLEST, -(-(size - 1).bit_length() // 2))
    out = np.empty(len(places), np.int64)
    _permute(places, size, bits, own, out)
    return out


@inlined
def _mixed(value: np.uint64, key: np.uint64) -> np.uint64:
    """A hash of 64 bits: the end of MurmurHash3."""
    value = (value ^ key) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@kernel
def _permute(
    places: npt.NDArray[np.int64],
    size: int,
    bits: int,
    own: npt.NDArray[np.uint64],
    out: npt.NDArray[np.int64],
) -> None:
    shift, mask = np.uint64(bits), (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    for place in range(len(places)):
        value = np.uint64(places[place])
        while True:
            left, right = value >> shift, value & mask
            for key in own:
                left, right = right, left ^ (_mixed(right, key) & mask)
            value = (left << shift) | right
            if value < np.uint64(size):
                break
        out[place] = np.int64(value)
