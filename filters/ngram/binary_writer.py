"""Writes KenLM's binary file (format version 5, hash tables) from the n-grams of a model.

What is written is what KenLM's build_binary makes of an ARPA file with the same n-grams in the same
order, byte for byte while a table is smaller than SORTED_FROM. Besides the n-grams there are, as
there, those that are not, but that longer ones end with: they get what backing off gives. Two marks
tell a search where to stop: in an n-gram's probability the sign is set unless something longer ends
with it, and a weight is minus zero unless something longer begins with it.

Tables are filled in the mapped file, a block at a time, so that memory need not hold them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Hashes, Longs
from tamis.filters.kernels.compiled import kernel
from tamis.filters.kernels.murmur import murmur
from tamis.filters.ngram.binary import Geometry, geometry
from tamis.filters.ngram.filling import NO_CONTEXT, NO_ROOM, NO_WORD, insert, slots_of
from tamis.filters.ngram.layout import (
    FIXED,
    LONGEST_SIZE,
    MIDDLE_SIZE,
    PROBING,
    SANE,
    SANITY,
    VOCABULARY_ENTRY,
    VOCABULARY_HEADER,
    Layout,
    lay_out,
)
from tamis.filters.ngram.levels import HIGHEST_ORDER, SPECIAL, Floats, Keys, Level, Levels
from tamis.filters.ngram.probing import enter

MULTIPLIER = 1.5
"""A third of a table stays empty; KenLM's default."""
SORTED_FROM = 1 << 32
"""From this size in bytes on, a block is put into a table in the order of its places there."""
_WORDS_AT_ONCE = 100_000


def write(path: Path, words: Sequence[bytes], levels: Levels) -> None:
    """Writes a model to a new file.

    words: by number, <unk> first; a 0 byte cannot be in one. levels: of two orders at least; their
    n-grams may come in any order, but each once, and the words of all of them are below len(words).
    What an n-gram begins with (all but its last word) has to be one as well.

    ValueError if that is not so; OSError if there is no room on the disk. The file then holds
    nothing that opens.
    """
    counts = levels.counts
    _check(words, counts)
    layout = lay_out(counts, MULTIPLIER)
    with path.open("wb+") as file:
        os.posix_fallocate(file.fileno(), 0, layout.end)  # else a full disk ends the process later
        data = np.memmap(file, np.uint8, "r+", shape=(layout.end,))
        _write_vocabulary(data, words, layout)
        _write_unigrams(data, levels, layout)
        _write_longer(data, levels, layout)
        data.flush()
        file.seek(0, 2)
        for start in range(0, len(words), _WORDS_AT_ONCE):
            file.write(b"".join(w + b"\0" for w in words[start : start + _WORDS_AT_ONCE]))
        file.flush()
        data[: layout.vocabulary.start - VOCABULARY_HEADER.size] = _header(counts)
        data.flush()


def _check(words: Sequence[bytes], counts: tuple[int, ...]) -> None:
    if not 2 <= len(counts) <= HIGHEST_ORDER:
        raise ValueError(f"a model of order {len(counts)}; KenLM's files have 2 to {HIGHEST_ORDER}")
    if len(words) != counts[0] or words[0] != SPECIAL[0]:
        raise ValueError(f"{len(words)} words, <unk> first, for {counts[0]} unigrams")
    if len(words) >= 2**32:
        raise ValueError(f"{len(words)} words; KenLM's files hold fewer than {2**32}")
    if sum(counts) >= 2**56:
        raise ValueError(f"{sum(counts)} n-grams")
    if any(b"\0" in word for word in words):
        raise ValueError("a word with a 0 byte")


def _header(counts: tuple[int, ...]) -> Bytes:
    """Written last: a file without it is not a model."""
    header = SANITY.pack(*SANE) + FIXED.pack(len(counts), MULTIPLIER, PROBING, True, 0)
    header += np.array(counts, "<u8").tobytes()
    return np.frombuffer(header.ljust(-(-len(header) // 8) * 8, b"\0"), np.uint8)


def _write_vocabulary(data: Bytes, words: Sequence[bytes], layout: Layout) -> None:
    start, buckets = layout.vocabulary
    head = VOCABULARY_HEADER.pack(0, len(words))
    data[start - len(head) : start] = np.frombuffer(head, np.uint8)
    keys = np.zeros(buckets, np.uint64)
    numbers = np.zeros(buckets, np.uint32)
    for first in range(1, len(words), _WORDS_AT_ONCE):
        some = words[first : first + _WORDS_AT_ONCE]
        ends = np.cumsum([len(word) for word in some])
        hashes = np.empty(len(some), np.uint64)
        _hash(np.frombuffer(b"".join(some), np.uint8), ends, hashes)
        enter(hashes, first, keys, numbers)
    table = data[start : start + buckets * VOCABULARY_ENTRY.itemsize].view(VOCABULARY_ENTRY)
    table["key"], table["id"] = keys, numbers


@kernel
def _hash(text: Bytes, ends: Longs, hashes: Hashes) -> None:
    """The hashes of words that come one after another."""
    start = 0
    for word in range(ends.size):
        hashes[word] = murmur(text, start, ends[word])
        start = ends[word]


def _write_unigrams(data: Bytes, levels: Levels, layout: Layout) -> None:
    start, buckets = layout.orders[0]
    table = data[start : start + 8 * buckets].view(np.float32).reshape(buckets, 2)
    for block in _blocks(levels, 1):
        numbers = block.keys[:, 1]
        if numbers.size and int(numbers.max()) >= levels.counts[0]:
            raise ValueError(f"a unigram of the word {numbers.max()} of {levels.counts[0]}")
        table[numbers, 0] = block.prob
        table[numbers, 1] = _unmarked(block.backoff)


def _unmarked(backoff: Floats) -> Floats:
    return np.where(backoff == 0, np.float32(-0.0), backoff)


def _blocks(levels: Levels, order: int) -> Iterator[Level]:
    """The blocks of an order; ValueError if they are more or fewer than was said, or no floats."""
    count = 0
    for block in levels.blocks(order):
        if not np.isfinite(block.prob).all() or not np.isfinite(block.backoff).all():
            raise ValueError(f"a {order}-gram without a finite probability or weight")
        if (block.prob > 0).any():
            raise ValueError(f"a {order}-gram of a probability above 1")
        count += len(block.keys)
        if count > levels.counts[order - 1]:
            break
        yield block
    if count != levels.counts[order - 1]:
        raise ValueError(f"{count} {order}-grams instead of {levels.counts[order - 1]}")


def _write_longer(data: Bytes, levels: Levels, layout: Layout) -> None:
    """Fills the hash tables, shorter n-grams first."""
    counts = levels.counts
    tables = geometry(counts, layout)
    words = data[: layout.end // 4 * 4].view(np.uint32)
    taken = np.zeros(len(counts), np.int64)
    for order in range(2, len(counts) + 1):
        for block in _blocks(levels, order):
            keys, prob, backoff = _in_order(block, order, levels, tables)
            wrong = insert(
                words,
                words.view(np.float32),
                tables,
                order,
                levels.bits,
                keys,
                prob,
                _unmarked(backoff),
                taken,
            )
            if wrong:
                raise ValueError(_WRONG[wrong].format(order=order, shorter=order - 1))


_WRONG = {
    NO_WORD: "a {order}-gram with a word that is none",
    NO_CONTEXT: "a {order}-gram whose beginning is no {shorter}-gram",
    NO_ROOM: "too many n-grams are missing that {order}-grams end with",
}


def _in_order(
    block: Level, order: int, levels: Levels, tables: Geometry
) -> tuple[Keys, Floats, Floats]:
    """A block's arrays, of one kind for the kernels, by place in the table if that is large."""
    keys = np.require(block.keys, np.uint64, ["C", "W"])
    prob = np.require(block.prob, np.float32, ["C", "W"])
    backoff = np.require(block.backoff, np.float32, ["C", "W"])
    buckets, factor = tables.buckets[order - 1], tables.reciprocals[order - 1]
    width = MIDDLE_SIZE if order < len(levels.counts) else LONGEST_SIZE
    if int(buckets) * width < SORTED_FROM:
        return keys, prob, backoff
    places = np.argsort(slots_of(keys, order, levels.bits, buckets, factor), kind="stable")
    return keys[places], prob[places], backoff[places]
