r"""Models as ARPA files: text that every other program for n-gram models reads.

A section an order, a line an n-gram: log10 of the probability, a tab, the words with a space
between, and below the highest order a tab and log10 of the backoff weight. Numbers have seven
decimals, what a float32 holds; 0 is written as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Longs
from tamis.filters.kernels.compiled import at, kernel
from tamis.filters.ngram.levels import Floats, Keys, Level, Levels
from tamis.filters.ngram.records import right

ROOM = 1 << 22
"""Bytes that are written at once; more where one line takes more."""
NUMBERS = 64
"""Bytes that everything but the words of a line takes, at most."""
SEPARATORS = bytes((0, 9, 10, 13, 32))
_SCALE = 1e7
_TEN = np.uint64(10)
_MINUS, _POINT, _DIGITS = np.uint8(ord("-")), np.uint8(ord(".")), np.uint64(ord("0"))
_TAB, _SPACE, _LINE = np.uint8(ord("\t")), np.uint8(ord(" ")), np.uint8(ord("\n"))


def write(path: Path, words: Sequence[bytes], levels: Levels) -> None:
    """Writes a model; words are all of them by number, the special ones too.

    ValueError: a word is empty or contains what separates words in such a file.
    """
    text, ends = _joined(words)
    highest = len(levels.counts)
    longest = max(len(word) for word in words)
    out = np.empty(max(ROOM, NUMBERS + highest * (longest + 1)), np.uint8)
    with path.open("wb") as file:
        head = (f"ngram {k}={count}\n" for k, count in enumerate(levels.counts, 1))
        file.write(b"\\data\\\n" + "".join(head).encode())
        for order in range(1, highest + 1):
            file.write(f"\n\\{order}-grams:\n".encode())
            for level in levels.blocks(order):
                _write_level(file, level, order, levels, text, ends, out)
        file.write(b"\n\\end\\\n")


def _joined(words: Sequence[bytes]) -> tuple[Bytes, Longs]:
    """All words in one, and where each ends, after a leading zero."""
    for number, word in enumerate(words):
        if not word or word.translate(None, SEPARATORS) != word:
            raise ValueError(f"word number {number}, {word!r}, cannot stand in an ARPA file")
    ends = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=ends[1:])
    return np.frombuffer(b"".join(words), np.uint8), ends


def _write_level(
    file: BinaryIO, level: Level, order: int, levels: Levels, text: Bytes, ends: Longs, out: Bytes
) -> None:
    weighted, done = order < len(levels.counts), 0
    while done < len(level.keys):
        done, size = lines(
            level.keys,
            level.prob,
            level.backoff,
            done,
            order,
            np.uint64(levels.bits),
            weighted,
            text,
            ends,
            out,
        )
        file.write(out[:size].data)


@kernel
def lines(
    keys: Keys,
    prob: Floats,
    backoff: Floats,
    done: int,
    order: int,
    bits: np.uint64,
    weighted: bool,
    text: Bytes,
    ends: Longs,
    out: Bytes,
) -> tuple[int, int]:
    """The lines of the n-grams from `done` on that fit; gives where it stopped, and their size.

    weighted: whether they have backoff weights. text, ends: the words.
    """
    place = 0
    mask = (np.uint64(1) << bits) - np.uint64(1)
    while done < len(keys):
        high, low = keys[at(done), 0], keys[at(done), 1]
        size = NUMBERS
        for k in range(order):
            word = right(high, low, np.uint64(k) * bits)[1] & mask
            size += ends[word + np.uint64(1)] - ends[word] + 1
        if size > len(out) - place:
            break
        place = decimal(prob[at(done)], out, place)
        for k in range(order):
            out[at(place)] = _SPACE if k else _TAB
            place += 1
            word = right(high, low, np.uint64(k) * bits)[1] & mask
            for source in range(ends[word], ends[word + np.uint64(1)]):
                out[at(place)] = text[at(source)]
                place += 1
        if weighted:
            out[at(place)] = _TAB
            place = decimal(backoff[at(done)], out, place + 1)
        out[at(place)] = _LINE
        place += 1
        done += 1
    return done, place


@kernel
def decimal(value: np.float32, out: Bytes, place: int) -> int:
    """Writes a number below 10^11 with seven decimals, or 0; gives where it ends."""
    scaled = np.uint64(np.round(abs(np.float64(value)) * _SCALE))
    if scaled == np.uint64(0):
        out[at(place)] = _DIGITS
        return place + 1
    if value < 0:
        out[at(place)] = _MINUS
        place += 1
    size, rest = 9, scaled // np.uint64(100000000)
    while rest:
        size += 1
        rest //= _TEN
    for k in range(size - 1, -1, -1):
        if k == size - 8:
            out[at(place + k)] = _POINT
        else:
            out[at(place + k)] = np.uint8(_DIGITS + scaled % _TEN)
            scaled //= _TEN
    return place + size
