"""Hash tables with linear probing as they lie in a file: their keys and where to look for them."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.extending import intrinsic
from numba.np import arrayobj

from tamis.filters.kernels.arrays import Hashes
from tamis.filters.kernels.compiled import inlined, kernel

Words = npt.NDArray[np.uint32]
"""A file, four bytes each: its tables start at multiples of four only."""
signed: Any = np.int64
"""What an unsigned number becomes an index by: Numba makes floats of the two kinds together."""
_CONTEXT = np.uint64(8978948897894561157)
_WORD = np.uint64(17894857484156487943)
_ONE, _HALF = np.uint64(1), np.uint64(32)


@inlined
def combine(state: np.uint64, word: np.uint64) -> np.uint64:
    """The key of an n-gram from that of its ending and the word before; a word is its own key."""
    return (state * _CONTEXT) ^ ((word + _ONE) * _WORD)


def _high_product(context: Any, one: Any, other: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        wide = ir.IntType(128)
        left, right = (builder.zext(value, wide) for value in values)
        product = builder.lshr(builder.mul(left, right), wide(64))
        return builder.trunc(product, ir.IntType(64))

    return numba.uint64(numba.uint64, numba.uint64), generate


high_product: Any = intrinsic(_high_product)
"""The upper half of a product of 128 bits."""


def _prefetch(context: Any, array: Any, index: Any) -> Any:
    make_array: Any = arrayobj.make_array

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        view = make_array(signature.args[0])(context, builder, values[0])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.bitcast(builder.gep(view.data, [values[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return numba.void(array, index), generate


prefetch: Any = intrinsic(_prefetch)
"""Asks memory for array[index], wherever that is, and does not wait."""


def reciprocal(divisor: int) -> int:
    """What `remainder` needs of a divisor."""
    return (2**64 - 1) // divisor


@inlined
def remainder(number: np.uint64, divisor: np.uint64, factor: np.uint64) -> np.uint64:
    """number % divisor, in the time of two multiplications.

    The quotient by the reciprocal, which is rounded down, is right or one too small.
    """
    rest: np.uint64 = number - high_product(number, factor) * divisor
    if rest >= divisor:
        rest -= divisor
    return rest


@inlined
def long_at(words: Words, place: np.uint64) -> np.uint64:
    """The eight bytes from words[place] on."""
    return np.uint64(words[place]) | np.uint64(words[place + _ONE]) << _HALF


def probes(entries: int, buckets: int) -> int:
    """After how many occupied places a search has failed: what bounds it in a broken table.

    Eight times the longest run of occupied places to be expected, as if half of what is free were
    taken as well. Source: Pittel, Linear probing: the probable largest search time (1987).
    """
    load = (1 + min(entries / buckets, 0.999)) / 2
    longest = math.log(buckets + 2) / (load - 1 - math.log(load))
    return min(buckets, 64 + int(8 * longest))


@kernel
def look_up(keys: Hashes, key: np.uint64) -> int:
    """The place of a key in a table of keys of which one at least is 0; -1 if it is not there."""
    slot: int = signed(key % np.uint64(keys.size))
    while keys[slot] != key:
        if keys[slot] == np.uint64(0):
            return -1
        slot += 1
        if slot == keys.size:
            slot = 0
    return slot


@kernel
def enter(hashes: Hashes, first: int, keys: Hashes, numbers: Words) -> None:
    """Puts keys into a table with room for them, one after another, numbered from `first` on."""
    buckets = np.uint64(keys.size)
    for k in range(hashes.size):
        slot = hashes[k] % buckets
        while keys[slot] != np.uint64(0):
            slot = (slot + _ONE) % buckets
        keys[slot] = hashes[k]
        numbers[slot] = first + k
