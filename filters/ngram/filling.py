"""Puts n-grams into the hash tables of a file, and marks the shorter ones they begin and end with.

For every n-gram three places are needed: its own, that of what it ends with and that of what it
begins with. They are read ahead for some hundred n-grams, so that what memory takes to answer
overlaps. Facts from KenLM 0.3.0: lm/search_hashed.cc.
"""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Hashes, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.ngram.binary import Geometry
from tamis.filters.ngram.layout import LONGEST_SIZE, MIDDLE_SIZE, UNIGRAM_SIZE
from tamis.filters.ngram.levels import HIGHEST_ORDER, Floats, Keys
from tamis.filters.ngram.probing import Words, combine, long_at, remainder, signed

_AHEAD = 256
_UNIGRAM, _MIDDLE, _LONGEST = UNIGRAM_SIZE // 4, MIDDLE_SIZE // 4, LONGEST_SIZE // 4
NO_WORD, NO_CONTEXT, NO_ROOM = 1, 2, 3
"""What can be wrong with an n-gram."""
_ZERO, _ONE = np.uint64(0), np.uint64(1)


@inlined
def _word_at(high: np.uint64, low: np.uint64, shift: int, bits: int) -> np.uint64:
    """The word of some bits from the one at shift on."""
    if shift >= 64:
        rest = high >> np.uint64(shift - 64)
    elif shift == 0:
        rest = low
    else:
        rest = low >> np.uint64(shift) | high << np.uint64(64 - shift)
    return rest & ((_ONE << np.uint64(bits)) - _ONE)


@kernel
def slots_of(keys: Keys, order: int, bits: int, buckets: np.uint64, factor: np.uint64) -> Longs:
    """The first place where each n-gram of a block can be in a table."""
    found = np.empty(len(keys), np.int64)
    for k in range(len(keys)):
        key = _ZERO
        for back in range(order):
            word = _word_at(keys[k, 0], keys[k, 1], (order - 1 - back) * bits, bits)
            key = combine(key, word) if back else word
        found[k] = np.int64(remainder(key, buckets, factor))
    return found


@kernel
def insert(
    data: Words,
    values: Floats,
    tables: Geometry,
    order: int,
    bits: int,
    keys: Keys,
    prob: Floats,
    backoff: Floats,
    taken: Longs,
) -> int:
    """Puts a block of n-grams in; gives what is wrong, 0 if nothing is.

    data, values: the file. bits: of a word in keys. taken: how many places are, by order from 1.
    """
    words = np.zeros((_AHEAD, HIGHEST_ORDER), np.uint64)
    chains = np.zeros((_AHEAD, HIGHEST_ORDER), np.uint64)
    heads = np.zeros((_AHEAD, 3), np.uint64)
    lower = np.zeros(HIGHEST_ORDER, np.int64)
    for first in range(0, len(keys), _AHEAD):
        count = min(_AHEAD, len(keys) - first)
        some = keys[first : first + count]
        if not _read_ahead(data, tables, order, bits, some, words, chains, heads):
            return NO_WORD
        for k in range(count):
            wrong = _put(
                data,
                values,
                tables,
                order,
                prob[first + k],
                backoff[first + k],
                words[k],
                chains[k],
                lower,
                taken,
            )
            if wrong:
                return wrong
    return 0


@kernel
def _read_ahead(
    data: Words,
    tables: Geometry,
    order: int,
    bits: int,
    keys: Keys,
    words: Hashes,
    chains: Hashes,
    heads: Hashes,
) -> bool:
    """Takes n-grams apart and reads where they belong; whether all their words are words.

    words: last one first. chains: the keys of what an n-gram ends with, by length from 1.
    """
    known = tables.buckets[0] - _ONE
    for k in range(len(keys)):
        context = _ZERO
        for back in range(order):
            word = _word_at(keys[k, 0], keys[k, 1], (order - 1 - back) * bits, bits)
            if word >= known:
                return False
            words[k, back] = word
            chains[k, back] = combine(chains[k, back - 1], word) if back else word
            context = combine(context, word) if back > 1 else word
        heads[k, 0] = long_at(data, at(_ideal(tables, order, chains[k, order - 1])))
        heads[k, 1] = long_at(data, at(_ideal(tables, order - 1, chains[k, order - 2])))
        heads[k, 2] = long_at(data, at(_ideal(tables, order - 1, context)))
    return True


@kernel
def _ideal(tables: Geometry, order: int, key: np.uint64) -> int:
    """Where an n-gram would be if nothing were in its way."""
    start: int = tables.starts[order - 1]
    if order == 1:
        number: int = signed(key)
        return start + number * _UNIGRAM
    slot: int = signed(remainder(key, tables.buckets[order - 1], tables.reciprocals[order - 1]))
    return start + slot * (_LONGEST if order == tables.starts.size else _MIDDLE)


@kernel
def _probe(data: Words, tables: Geometry, order: int, key: np.uint64, wanted: np.uint64) -> int:
    """The place of the first entry from that of a key on that is `wanted` or 0; one always is."""
    width = _LONGEST if order == tables.starts.size else _MIDDLE
    start: int = tables.starts[order - 1]
    stop = start + np.int64(tables.buckets[order - 1]) * width
    place = _ideal(tables, order, key)
    while True:
        head = long_at(data, at(place))
        if head in (wanted, _ZERO):
            return place
        place += width
        if place == stop:
            place = start


@kernel
def _occupy(
    data: Words, tables: Geometry, order: int, place: int, key: np.uint64, taken: Longs
) -> bool:
    """Writes a key to an empty place, unless it is the last one."""
    taken[order - 1] += 1
    if taken[order - 1] >= np.int64(tables.buckets[order - 1]):
        return False
    data[place] = np.uint32(key)
    data[place + 1] = np.uint32(key >> np.uint64(32))
    return True


@kernel
def _put(
    data: Words,
    values: Floats,
    tables: Geometry,
    order: int,
    prob: np.float32,
    backoff: np.float32,
    words: Hashes,
    chain: Hashes,
    lower: Longs,
    taken: Longs,
) -> int:
    """One n-gram, and the marks of the others."""
    place = _probe(data, tables, order, chain[order - 1], _ZERO)
    if not _occupy(data, tables, order, place, chain[order - 1], taken):
        return NO_ROOM
    values[place + 2] = -abs(prob)
    if order < tables.starts.size:
        values[place + 3] = backoff
    shortest = _find_lower(data, values, tables, order, chain, lower, taken)
    if shortest == 0:
        return NO_ROOM
    _fill_lower(data, values, tables, order, shortest, words, lower)
    context = _context(data, tables, order, words)
    if context < 0:
        return NO_CONTEXT
    _extend(values, context)
    return 0


@kernel
def _find_lower(
    data: Words,
    values: Floats,
    tables: Geometry,
    order: int,
    chain: Hashes,
    lower: Longs,
    taken: Longs,
) -> int:
    """Notes where what an n-gram ends with is, down to the first that there was; gives its length.

    The others are added, without a probability as yet. 0: there is no room for them.
    lower: by length from 1, in each where the probability is.
    """
    for length in range(order - 1, 1, -1):
        key = chain[length - 1]
        place = _probe(data, tables, length, key, key)
        lower[length - 1] = place + 2
        if long_at(data, at(place)) == key:
            return length
        if not _occupy(data, tables, length, place, key, taken):
            return 0
        values[place + 3] = np.float32(-0.0)
    lower[0] = _ideal(tables, 1, chain[0])
    return 1


@kernel
def _fill_lower(
    data: Words,
    values: Floats,
    tables: Geometry,
    order: int,
    shortest: int,
    words: Hashes,
    lower: Longs,
) -> None:
    """Gives what was added the probabilities of backing off; marks all that something ends so."""
    prob = -abs(values[lower[shortest - 1]])
    for length in range(shortest, order - 1):
        context = _context(data, tables, length + 1, words)
        if context >= 0:
            _extend(values, context)
            prob += values[context]
        values[lower[length]] = prob
    for length in range(shortest, order):
        values[lower[length - 1]] = abs(values[lower[length - 1]])


@kernel
def _context(data: Words, tables: Geometry, order: int, words: Hashes) -> int:
    """Where the weight is of all but the last word of the n-gram of an order; -1 if nowhere."""
    key = words[1]
    if order == 2:
        return _ideal(tables, 1, key) + 1
    for back in range(2, order):
        key = combine(key, words[back])
    place = _probe(data, tables, order - 1, key, key)
    return place + 3 if long_at(data, at(place)) == key else -1


@kernel
def _extend(values: Floats, place: int) -> None:
    """Marks a weight: something begins with this."""
    if values[place] == 0:
        values[place] = np.float32(0.0)
