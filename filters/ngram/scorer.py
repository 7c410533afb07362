"""Probabilities of sentences by a model: KenLM's, some hundred words at a time.

A word's search goes from its unigram to longer n-grams. One after another, every one of these steps
would wait for memory; here all words of a block take a step together, and what they wait for comes
at once. A longer n-gram is looked for only if what is stored says that it can exist: with the
n-gram of the word itself that some longer one ends with it, and with that of the word before that
some longer one begins with it. The weights of contexts are those found at the word before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Bytes, Floats, Hashes, Longs
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.ngram.binary import Geometry, Model
from tamis.filters.ngram.layout import LONGEST_SIZE, MIDDLE_SIZE, UNIGRAM_SIZE
from tamis.filters.ngram.levels import HIGHEST_ORDER
from tamis.filters.ngram.probing import Words, combine, long_at, prefetch, remainder, signed

BLOCK = 256
"""Words at a time: what is noted of them and what comes for them stays near the processor."""
_HISTORY = HIGHEST_ORDER - 1
_FURTHER = 12
"""In units of four bytes: the next entries, where they begin in the next line of the cache."""
_EMPTY = np.uint64(0)
_SIGN = np.uint32(1 << 31)
"""Set in a probability: nothing longer ends with this. As a weight, minus zero: nothing longer
begins with this."""
_UNIGRAM, _MIDDLE, _LONGEST = UNIGRAM_SIZE // 4, MIDDLE_SIZE // 4, LONGEST_SIZE // 4
_PROB, _BACKOFF = np.uint64(2), np.uint64(3)
"""Where they are in an entry of a hash table, after its key."""


class Room(NamedTuple):
    """What is noted of a block of words; <s> is one of them, and </s>."""

    words: npt.NDArray[np.uint32]
    """After the last ones of the block before."""
    owners: Longs
    """The sentence that a word is of; -1 for <s>, which has no probability. From 1 on, as are the
    others: at 0 is the last word of the block before."""
    probs: npt.NDArray[np.float32]
    lengths: Longs
    """How long the longest n-gram found is."""
    begins: Longs
    """Bit n: something longer begins with the n-gram of n words."""
    weights: npt.NDArray[np.float32]
    """By word and length of the n-gram."""
    active: Longs
    """The words whose search goes on."""
    keys: Hashes
    """The keys of their n-grams."""
    slots: Longs
    """The first places where these can be."""


def _room() -> Room:
    return Room(
        np.zeros(_HISTORY + 1 + BLOCK, np.uint32),
        np.zeros(1 + BLOCK, np.int64),
        np.zeros(1 + BLOCK, np.float32),
        np.zeros(1 + BLOCK, np.int64),
        np.zeros(1 + BLOCK, np.int64),
        np.zeros((1 + BLOCK, 1 + HIGHEST_ORDER), np.float32),
        np.zeros(1 + BLOCK, np.int64),
        np.zeros(1 + BLOCK, np.uint64),
        np.zeros(1 + BLOCK, np.int64),
    )


class Details(NamedTuple):
    """Of every word of every sentence and of its </s>, in order."""

    probs: Floats
    """log10 of its probability after what is before it."""
    lengths: Bytes
    """How many words the longest n-gram that is known has, from 1."""


def score(model: Model, ids: npt.NDArray[np.uint32], ends: Longs) -> Floats:
    """log10 of the probability of every sentence with its </s>, after <s>.

    ids: the words of all sentences, one after another, by number; unknown ones are 0, as are those
    that the model does not have. ends: where in ids each sentence ends, in ascending order.
    ValueError if ends are no such places.
    """
    return _score(model, ids, ends, Details(np.empty(0), np.empty(0, np.uint8)))


def score_words(model: Model, ids: npt.NDArray[np.uint32], ends: Longs) -> tuple[Floats, Details]:
    """What `score` gives, and the details of ids.size + ends.size words."""
    number = ids.size + ends.size
    details = Details(np.zeros(number), np.zeros(number, np.uint8))
    return _score(model, ids, ends, details), details


def _score(model: Model, ids: npt.NDArray[np.uint32], ends: Longs, details: Details) -> Floats:
    ids = np.require(ids, np.uint32, ["C", "W"])  # one kind of array: each is compiled on its own
    ends = np.require(ends, np.int64, ["C", "W"])
    if ends.size and (ends[0] < 0 or ends[-1] > ids.size or (np.diff(ends) < 0).any()):
        raise ValueError("sentences must end within the words, one after another")
    totals = np.zeros(ends.size)
    special = np.array([model.begin, model.end, model.size], np.int64)
    _all(model.data, model.values, model.geometry, special, ids, ends, _room(), details, totals)
    return totals


@kernel
def _all(
    data: Words,
    values: npt.NDArray[np.float32],
    tables: Geometry,
    special: Longs,
    ids: npt.NDArray[np.uint32],
    ends: Longs,
    room: Room,
    details: Details,
    totals: Floats,
) -> None:
    """Block by block."""
    order = tables.starts.size
    sentence, place, told = 0, -1, 0
    while sentence < ends.size:
        count, sentence, place = _fill(
            data, tables.starts[0], special, ids, ends, room, sentence, place
        )
        left = _unigrams(data, values, tables.starts[0], count, room)
        for length in range(2, order + 1):
            _look(data, tables, length, left, room)
            left = _take(data, values, tables, length, left, room)
        told = _sum(order, count, told, room, details, totals)
        _carry(count, room)


@kernel
def _fill(
    data: Words,
    start: int,
    special: Longs,
    ids: npt.NDArray[np.uint32],
    ends: Longs,
    room: Room,
    sentence: int,
    place: int,
) -> tuple[int, int, int]:
    """Writes the next words; gives how many, and the sentence and the place in ids to go on from.

    A place of -1: <s> comes next.
    """
    words, owners = room.words, room.owners
    begin, end, known = special
    count = 0
    while count < BLOCK and sentence < ends.size:
        if place < 0:
            place = ends[sentence - 1] if sentence else 0
            count += 1
            words[at(_HISTORY + count)] = begin
            owners[at(count)] = -1
        stop = min(ends[sentence], place + BLOCK - count)
        for k in range(place, stop):
            count += 1
            word: int = signed(ids[at(k)])
            word = word if word < known else 0
            words[at(_HISTORY + count)] = word
            owners[at(count)] = sentence
            prefetch(data, start + word * _UNIGRAM)
        place = stop
        if count < BLOCK and place == ends[sentence]:
            count += 1
            words[at(_HISTORY + count)] = end
            owners[at(count)] = sentence
            sentence += 1
            place = -1
    return count, sentence, place


@kernel
def _unigrams(
    data: Words, values: npt.NDArray[np.float32], start: int, count: int, room: Room
) -> int:
    """Looks up the words themselves; gives how many searches go on."""
    words, owners, probs, lengths = room.words, room.owners, room.probs, room.lengths
    begins, weights, active, keys = room.begins, room.weights, room.active, room.keys
    left = 0
    for word in range(1, count + 1):
        number = words[at(_HISTORY + word)]
        entry = at(start + np.int64(number) * _UNIGRAM)
        probs[at(word)] = values[entry]
        weights[at(word), at(1)] = values[entry + at(1)]
        lengths[at(word)] = 1
        begins[at(word)] = np.int64(data[entry + at(1)] != _SIGN) << 1
        active[at(left)] = word
        keys[at(left)] = np.uint64(number)
        goes_on = (owners[at(word)] >= 0) & (data[entry] < _SIGN)
        left += goes_on & (begins[at(word - 1)] >> 1 & 1)
    return left


@kernel
def _look(data: Words, tables: Geometry, length: int, left: int, room: Room) -> None:
    """Asks for the places where each n-gram can be."""
    words, active, keys, slots = room.words, room.active, room.keys, room.slots
    start, buckets = tables.starts[length - 1], tables.buckets[length - 1]
    factor = tables.reciprocals[length - 1]
    width = _MIDDLE if length < tables.starts.size else _LONGEST
    back = _HISTORY + 1 - length
    for k in range(left):
        before = words[at(active[at(k)] + back)]
        key = combine(keys[at(k)], np.uint64(before))
        slot = np.int64(remainder(key, buckets, factor))
        keys[at(k)] = key
        slots[at(k)] = slot
        prefetch(data, start + slot * width)
        prefetch(data, start + slot * width + _FURTHER)


@kernel
def _take(
    data: Words,
    values: npt.NDArray[np.float32],
    tables: Geometry,
    length: int,
    left: int,
    room: Room,
) -> int:
    """Notes the n-grams found; gives how many searches go on."""
    probs, lengths, begins, weights = room.probs, room.lengths, room.begins, room.weights
    active, keys, slots = room.active, room.keys, room.slots
    start: int = tables.starts[length - 1]
    limit, longest = tables.limits[length - 1], length == tables.starts.size
    buckets: int = signed(tables.buckets[length - 1])
    width = _LONGEST if longest else _MIDDLE
    kept = 0
    for k in range(left):
        word, key, slot = active[at(k)], keys[at(k)], slots[at(k)]
        head = long_at(data, at(start + slot * width))
        tries = 0
        while (head != key) & (head != _EMPTY) & (tries < limit):
            tries += 1
            slot += 1
            if slot == buckets:
                slot = 0
            head = long_at(data, at(start + slot * width))
        entry, found = at(start + slot * width), head == key
        probs[at(word)] = values[entry + _PROB] if found else probs[at(word)]
        lengths[at(word)] += found
        if not longest:
            weights[at(word), at(length)] = values[entry + _BACKOFF]
            opens = found & (data[entry + _BACKOFF] != _SIGN)
            begins[at(word)] |= np.int64(opens) << length
            active[at(kept)] = word
            keys[at(kept)] = key
            kept += found & (data[entry + _PROB] < _SIGN) & (begins[at(word - 1)] >> length & 1)
    return kept


@kernel
def _sum(order: int, count: int, told: int, room: Room, details: Details, totals: Floats) -> int:
    """Adds up what was found; gives how many words details have been told of."""
    owners, probs, lengths, weights = room.owners, room.probs, room.lengths, room.weights
    wanted = details.probs.size > 0
    for word in range(1, count + 1):
        owner = owners[at(word)]
        if owner < 0:
            continue
        total = -abs(np.float64(probs[at(word)]))
        for length in range(lengths[at(word)], min(lengths[at(word - 1)], order - 1) + 1):
            total += np.float64(weights[at(word - 1), at(length)])
        totals[at(owner)] += total
        if wanted:
            details.probs[told] = total
            details.lengths[told] = lengths[at(word)]
            told += 1
    return told


@kernel
def _carry(count: int, room: Room) -> None:
    """Leaves what the next block needs of this one before its first word."""
    for k in range(_HISTORY + 1):
        room.words[k] = room.words[k + count]
    room.lengths[0] = room.lengths[count]
    room.begins[0] = room.begins[count]
    for k in range(HIGHEST_ORDER + 1):
        room.weights[0, k] = room.weights[count, k]
