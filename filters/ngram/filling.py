"""Puts n-grams into the hash tables of a file, and marks the shorter ones they begin and end with.

For every n-gram three places are needed: its own, that of what it ends with and that of what it
begins with. They are asked for ahead, for some hundred n-grams, so that what memory takes to
answer overlaps. Facts from KenLM 0.3.0: lm/search_hashed.cc.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Hashes, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.ngram.binary import Geometry
from tamis.filters.ngram.layout import LONGEST_SIZE, MIDDLE_SIZE, UNIGRAM_SIZE
from tamis.filters.ngram.levels import HIGHEST_ORDER, Floats, Keys
from tamis.filters.ngram.probing import Words, combine, long_at, prefetch, remainder, signed

_AHEAD = 256
_UNIGRAM, _MIDDLE, _LONGEST = UNIGRAM_SIZE // 4, MIDDLE_SIZE // 4, LONGEST_SIZE // 4
NO_WORD, NO_CONTEXT, NO_ROOM = 1, 2, 3
"""What can be wrong with an n-gram."""
_ZERO, _ONE, _HALF = np.uint64(0), np.uint64(1), np.uint64(32)
_FURTHER = 12
"""In units of four bytes: the next entries, where they begin in the next line of the cache."""


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


class Ahead(NamedTuple):
    """Some n-grams of a block, taken apart; by n-gram, and word or length."""

    words: Hashes
    """The last one first."""
    chains: Hashes
    """The keys of what an n-gram ends with, by length from 1."""
    contexts: Hashes
    """The key of what it begins with: all but its last word."""
    own: Longs
    """Where it would be if nothing were in its way."""
    lower: Longs
    """That of what it ends with: all but its first word."""
    before: Longs
    """That of what it begins with."""


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
    some = Ahead(
        np.zeros((_AHEAD, HIGHEST_ORDER), np.uint64),
        np.zeros((_AHEAD, HIGHEST_ORDER), np.uint64),
        np.zeros(_AHEAD, np.uint64),
        np.zeros(_AHEAD, np.int64),
        np.zeros(_AHEAD, np.int64),
        np.zeros(_AHEAD, np.int64),
    )
    for first in range(0, len(keys), _AHEAD):
        count = min(_AHEAD, len(keys) - first)
        if not _read_ahead(data, tables, order, bits, keys[first : first + count], some):
            return NO_WORD
        stop = first + count
        if not _put(
            data, values, tables, order, prob[first:stop], backoff[first:stop], some, taken
        ):
            return NO_ROOM
        if not _mark_lower(data, values, tables, order, count, some, taken):
            return NO_ROOM
        if not _mark_contexts(data, values, tables, order, count, some):
            return NO_CONTEXT
    return 0


@kernel
def _read_ahead(
    data: Words, tables: Geometry, order: int, bits: int, keys: Keys, some: Ahead
) -> bool:
    """Takes n-grams apart and asks for where they belong; whether all their words are words."""
    words, chains, contexts = some.words, some.chains, some.contexts
    own, lower, before = some.own, some.lower, some.before
    starts, buckets, factors = tables.starts, tables.buckets, tables.reciprocals
    start, size, factor = starts[order - 1], buckets[order - 1], factors[order - 1]
    below, below_size, below_factor = starts[order - 2], buckets[order - 2], factors[order - 2]
    width = _LONGEST if order == starts.size else _MIDDLE
    for k in range(len(keys)):
        chain = context = _ZERO
        for back in range(order):
            word = _word_at(keys[k, 0], keys[k, 1], (order - 1 - back) * bits, bits)
            if word >= buckets[0] - _ONE:
                return False
            chain = combine(chain, word) if back else word
            context = combine(context, word) if back > 1 else word
            words[k, back] = word
            chains[k, back] = chain
        contexts[k] = context
        own[k] = start + np.int64(remainder(chain, size, factor)) * width
        lower[k], before[k] = chains[k, order - 2], context
        if order > 2:
            lower[k] = remainder(chains[k, order - 2], below_size, below_factor)
            before[k] = remainder(context, below_size, below_factor)
        lower[k] = below + lower[k] * (_MIDDLE if order > 2 else _UNIGRAM)
        before[k] = below + before[k] * (_MIDDLE if order > 2 else _UNIGRAM)
        for place in (own[k], lower[k], before[k]):
            prefetch(data, place)
            prefetch(data, place + _FURTHER)
    return True


@kernel
def _put(
    data: Words,
    values: Floats,
    tables: Geometry,
    order: int,
    prob: Floats,
    backoff: Floats,
    some: Ahead,
    taken: Longs,
) -> bool:
    """Puts n-grams into empty places; whether there are enough."""
    own, chains = some.own, some.chains
    start: int = tables.starts[order - 1]
    longest = order == tables.starts.size
    width = _LONGEST if longest else _MIDDLE
    size: int = signed(tables.buckets[order - 1])
    stop = start + size * width
    taken[order - 1] += prob.size
    if taken[order - 1] >= size:
        return False
    for k in range(prob.size):
        place = _walk(data, own[k], start, stop, width, _ZERO)
        key = chains[k, order - 1]
        data[place] = np.uint32(key)
        data[place + 1] = np.uint32(key >> _HALF)
        values[place + 2] = -abs(prob[k])
        if not longest:
            values[place + 3] = backoff[k]
    return True


@kernel
def _walk(data: Words, place: int, start: int, stop: int, width: int, wanted: np.uint64) -> int:
    """The first place from one on, in the table from start to stop, whose key is `wanted` or 0."""
    while True:
        head = long_at(data, at(place))
        if head in (wanted, _ZERO):
            return place
        place += width
        if place == stop:
            place = start


@kernel
def _mark_lower(
    data: Words,
    values: Floats,
    tables: Geometry,
    order: int,
    count: int,
    some: Ahead,
    taken: Longs,
) -> bool:
    """Marks what n-grams end with, and adds it where it is missing; whether there is room."""
    words, chains, lower = some.words, some.chains, some.lower
    start: int = tables.starts[order - 2]
    size: int = signed(tables.buckets[order - 2])
    stop = start + size * _MIDDLE
    places = np.zeros(HIGHEST_ORDER, np.int64)
    for k in range(count):
        place = lower[k]
        if order > 2:
            key = chains[k, order - 2]
            place = _walk(data, place, start, stop, _MIDDLE, key)
            if long_at(data, at(place)) != key:
                shortest = _find_lower(data, values, tables, order, chains[k], places, taken)
                if shortest == 0:
                    return False
                _fill_lower(data, values, tables, order, shortest, words[k], places)
                continue
            place += 2
        values[place] = abs(values[place])
    return True


@kernel
def _mark_contexts(
    data: Words, values: Floats, tables: Geometry, order: int, count: int, some: Ahead
) -> bool:
    """Marks what n-grams begin with; whether all of it is there."""
    contexts, before = some.contexts, some.before
    start: int = tables.starts[order - 2]
    size: int = signed(tables.buckets[order - 2])
    stop = start + size * _MIDDLE
    for k in range(count):
        place = before[k] + 1
        if order > 2:
            place = _walk(data, before[k], start, stop, _MIDDLE, contexts[k])
            if long_at(data, at(place)) != contexts[k]:
                return False
            place += 3
        _extend(values, place)
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
    size: int = signed(tables.buckets[order - 1])
    stop = start + size * width
    return _walk(data, _ideal(tables, order, key), start, stop, width, wanted)


@kernel
def _occupy(
    data: Words, tables: Geometry, order: int, place: int, key: np.uint64, taken: Longs
) -> bool:
    """Writes a key to an empty place, unless it is the last one."""
    taken[order - 1] += 1
    if taken[order - 1] >= np.int64(tables.buckets[order - 1]):
        return False
    data[place] = np.uint32(key)
    data[place + 1] = np.uint32(key >> _HALF)
    return True


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
