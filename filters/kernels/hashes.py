"""64-bit hashes of character sequences: polynomials modulo 2^64, of any range at once.

With the hash of every beginning of a text at hand the hash of any range of it takes one
multiplication, so words, lines, paragraphs and what is left of them without blanks cost nothing
more. The modulus makes collisions easy to build for somebody who wants them (Thue-Morse sequences
of a thousand characters): they miscount the repeats of the text they are in, no more.
"""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Hashes, Ints
from tamis.filters.kernels.compiled import at, inlined, kernel

BASE = np.uint64(0x9E3779B97F4A7C15)
_TABLE = 1024
_ONE = np.uint64(1)
_HALF = np.uint64(32)


def _powers() -> Hashes:
    found = [1]
    for _ in range(_TABLE):
        found.append(found[-1] * int(BASE) % (1 << 64))
    return np.array(found, np.uint64)


POWERS = _powers()
"""BASE to the power of 0 to 1024."""
_SECOND, _THIRD, _FOURTH = POWERS[2], POWERS[3], POWERS[4]


@inlined
def step(state: np.uint64, code: int) -> np.uint64:
    """The hash of a sequence with one more character; that of none is 0."""
    return state * BASE + np.uint64(code + 1)


@kernel
def power(exponent: int) -> np.uint64:
    """BASE to any power, in as many steps as the exponent has bits."""
    result, factor = _ONE, BASE
    while exponent:
        if exponent & 1:
            result *= factor
        factor *= factor
        exponent >>= 1
    return result


@kernel
def beginnings(codes: Ints, count: int, hashes: Hashes) -> None:
    """Writes the hash of every beginning of codes[:count], the empty one first: count + 1 of them.

    Four characters a turn, so that one multiplication of each turn waits for the one before.
    """
    state = np.uint64(0)
    hashes[0] = state
    whole = count & ~3
    for place in range(0, whole, 4):
        one = np.uint64(codes[at(place)] + 1)
        two = step(one, codes[at(place + 1)])
        three = step(two, codes[at(place + 2)])
        four = step(three, codes[at(place + 3)])
        hashes[at(place + 1)] = state * BASE + one
        hashes[at(place + 2)] = state * _SECOND + two
        hashes[at(place + 3)] = state * _THIRD + three
        state = state * _FOURTH + four
        hashes[at(place + 4)] = state
    for place in range(whole, count):
        state = step(state, codes[place])
        hashes[place + 1] = state


@inlined
def of_range(begun: Hashes, start: int, stop: int) -> np.uint64:
    """The hash of characters start to stop of a text whose beginnings' hashes are given."""
    size = stop - start
    factor = POWERS[at(size)] if size <= _TABLE else power(size)
    return np.uint64(begun[at(stop)] - begun[at(start)] * factor)


@kernel
def hash_of(codes: Ints, start: int, stop: int) -> np.uint64:
    """The hash of codes[start:stop]."""
    state = np.uint64(0)
    for place in range(start, stop):
        state = step(state, codes[place])
    return state


def hash_of_text(text: str) -> np.uint64:
    """The same of a text, by the interpreter: for what a module needs when it is loaded."""
    state = 0
    for letter in text:
        state = (state * int(BASE) + ord(letter) + 1) % (1 << 64)
    return np.uint64(state)


@inlined
def place_of(key: np.uint64, mask: np.uint64) -> np.uint64:
    """Where to look for a key first, in a table of up to 2^32 places: its product's upper half."""
    return (((key ^ (key >> _HALF)) * BASE) >> _HALF) & mask
