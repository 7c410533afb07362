"""From counts to probabilities: what a context leaves to its words, and to what is shorter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.ngram.counting import grams_path
from tamis.filters.ngram.discounts import Discounts
from tamis.filters.ngram.levels import END, Floats
from tamis.filters.ngram.records import Records, empty, last_word_first, last_word_last, right
from tamis.filters.ngram.sorting import Sorter, block_size, read, write

Doubles = npt.NDArray[np.float64]
_END = np.uint64(END)


def probabilities_path(scratch: Path, order: int) -> Path:
    """The file of an order's n-grams in suffix order, with probabilities as float64."""
    return scratch / f"probabilities-{order}"


def gammas_path(scratch: Path, order: int) -> Path:
    """The file of the weights, float32, that contexts of so many words leave to what is shorter.

    They come in suffix order, one for every n-gram of the order that is a context.
    """
    return scratch / f"gammas-{order}"


def weigh(order: int, bits: int, taken: Discounts, memory: int, scratch: Path) -> Sorter:
    """Every n-gram of an order with its share of what its context gives itself, and with the rest.

    Reads the file of counts, which it removes, and writes the one of the weights of the contexts.
    What it gives has two float32 as values, and is sorted in suffix order when it is read.
    """
    block, half = block_size(memory), memory * 13 // 32
    width, size = np.uint64((order - 1) * bits), order * bits
    contexts = Sorter(scratch / f"contexts-{order}", half, bits, size, block)
    for records in read(grams_path(scratch, order), block, remove=True):
        last_word_last(records, width, np.uint64(bits))
        contexts.add(records)
    grams = Sorter(scratch / f"weighed-{order}", half, size - bits, size, block)
    with gammas_path(scratch, order - 1).open("wb") as file:
        for records in _whole_contexts(contexts.merged(), bits):
            _weigh(records, np.uint64(bits), taken, file)
            last_word_first(records, width, np.uint64(bits))
            grams.add(records)
    return grams


def _whole_contexts(blocks: Iterator[Records], bits: int) -> Iterator[Records]:
    """The records regrouped so that none of a context is in another block than the others."""
    held: list[Records] = []
    for records in blocks:
        start = last_context(records, np.uint64(bits))
        if start or (held and not _same_context(held[-1][-1], records[0], bits)):
            yield np.concatenate([*held, records[:start]])
            held = []
        held.append(records[start:].copy())
    if held:
        yield np.concatenate(held)


def _same_context(one: Records, other: Records, bits: int) -> bool:
    return bool(one[0] == other[0] and int(one[1]) >> bits == int(other[1]) >> bits)


def _weigh(records: Records, bits: np.uint64, taken: Discounts, file: BinaryIO) -> None:
    gammas = np.empty(len(records), np.float32)
    amounts = np.array([0.0, *taken])
    found = share(records, records.view(np.float32), bits, amounts, gammas)
    file.write(gammas[:found].data)


@kernel
def last_context(records: Records, bits: np.uint64) -> int:
    """Where the last context starts; records have the last word lowest."""
    start = len(records) - 1
    high, low = records[start, 0], records[start, 1] >> bits
    while start > 0:
        if records[at(start - 1), 0] != high or records[at(start - 1), 1] >> bits != low:
            break
        start -= 1
    return start


@kernel
def share(
    records: Records, floats: Floats, bits: np.uint64, amounts: Doubles, gammas: Floats
) -> int:
    """Replaces counts by two float32: the share of a count, less its discount, in what its context
    has, and what the context leaves to shorter ones. The latter also go to gammas, once a context.

    records: in context order, contexts whole, with the last word lowest; floats: the same memory.
    amounts: what is taken off a count of 0, 1, 2, more. Gives how many contexts there are.
    """
    start = contexts = 0
    seen = np.zeros(4, np.int64)
    while start < len(records):
        high, low = records[at(start), 0], records[at(start), 1] >> bits
        seen[:] = 0
        total, stop = np.uint64(0), start
        while stop < len(records):
            if records[at(stop), 0] != high or records[at(stop), 1] >> bits != low:
                break
            count = records[at(stop), 2]
            total += count
            seen[at(min(count, np.uint64(3)))] += 1
            stop += 1
        gamma = (amounts[1] * seen[1] + amounts[2] * seen[2] + amounts[3] * seen[3]) / total
        for item in range(start, stop):
            count = records[at(item), 2]
            left = count - amounts[at(min(count, np.uint64(3)))]
            floats[at(item), 4] = left / total
            floats[at(item), 5] = gamma
        gammas[at(contexts)] = gamma
        contexts += 1
        start = stop
    return contexts


def interpolate(grams: Iterator[Records], order: int, bits: int, block: int, scratch: Path) -> None:
    """Adds what the shorter order says, and writes the file of an order's probabilities.

    grams: those of `weigh` in suffix order.
    """
    shorter = read(probabilities_path(scratch, order - 1), block)
    lower, place = empty(0), 0
    with probabilities_path(scratch, order).open("wb") as file:
        for records in grams:
            done = 0
            while done < len(records):
                if place == len(lower):
                    lower, place = next(shorter), 0
                done, place = _join(records, done, lower, place, bits)
            write(file, records)


def _join(records: Records, done: int, lower: Records, place: int, bits: int) -> tuple[int, int]:
    return mix(
        records,
        records.view(np.float32),
        records.view(np.float64),
        done,
        lower,
        lower.view(np.float64),
        place,
        np.uint64(bits),
    )


@kernel
def mix(
    records: Records,
    floats: Floats,
    doubles: Doubles,
    done: int,
    lower: Records,
    lower_doubles: Doubles,
    place: int,
    bits: np.uint64,
) -> tuple[int, int]:
    """Replaces two float32 by a probability, of records from `done` on, until one of both ends.

    floats, doubles, lower_doubles: the same memories as records and lower. Gives where it stopped.
    """
    while done < len(records):
        high, low = right(records[at(done), 0], records[at(done), 1], bits)
        while place < len(lower) and (lower[at(place), 0] != high or lower[at(place), 1] != low):
            place += 1
        if place == len(lower):
            break
        own, rest = np.float64(floats[at(done), 4]), np.float64(floats[at(done), 5])
        doubles[at(done), 2] = own + rest * lower_doubles[at(place), 2]
        done += 1
    return done, place


@kernel
def logarithms(
    records: Records,
    doubles: Doubles,
    gammas: Floats,
    top: np.uint64,
    prob: Floats,
    backoff: Floats,
) -> int:
    """log10 of probabilities, at most 0, and of the weights where an n-gram is a context.

    top: where the last word stands; gammas: what is still to be given out, none for the highest
    order. Gives how many of them were.
    """
    used = 0
    for item in range(len(records)):
        prob[at(item)] = min(0.0, np.log10(doubles[at(item), 2]))
        backoff[at(item)] = 0.0
        word = right(records[at(item), 0], records[at(item), 1], top)[1]
        if word != _END and word != np.uint64(0) and len(gammas):
            backoff[at(item)] = np.log10(np.float64(gammas[at(used)]))
            used += 1
    return used
