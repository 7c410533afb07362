"""Where what lies in KenLM's binary file of hash tables (format version 5, "probing").

A header; the table from words' hashes to their numbers; the unigrams, by number; a hash table for
every higher order; the words themselves. Facts from KenLM 0.3.0: lm/binary_format.cc, lm/vocab.cc,
lm/search_hashed.hh, util/probing_hash_table.hh.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

MAGIC = b"mmap lm http://kheafield.com/code format version 5\n"
SANITY = struct.Struct("<56s3f3IQ")
"""The magic, then numbers that another machine would write otherwise."""
SANE = (MAGIC.ljust(56, b"\0"), 0.0, 1.0, -0.5, 1, 2**32 - 1, 0, 1)
FIXED = struct.Struct("<B3xfi?3xI")
"""Order, multiplier, kind of model, whether the words follow, version of the search."""
PROBING = 0
KINDS = (
    "probing hash tables",
    "probing hash tables with rest costs",
    "a trie",
    "a quantized trie",
    "a trie with compressed pointers",
    "a quantized trie with compressed pointers",
)
VOCABULARY_HEADER = struct.Struct("<II")
"""Version, how many words there are."""
VOCABULARY_ENTRY = np.dtype([("key", "<u8"), ("id", "<u4")])
UNIGRAM_SIZE, MIDDLE_SIZE, LONGEST_SIZE = 8, 16, 12
WORST_MULTIPLIER = 1000.0


class Table(NamedTuple):
    """A hash table, or the array of the unigrams."""

    start: int
    """In bytes from the start of the file, a multiple of four."""
    buckets: int


class Layout(NamedTuple):
    """The places of all tables of one file."""

    vocabulary: Table
    orders: tuple[Table, ...]
    """From the unigrams on."""
    end: int
    """Where the words begin, in bytes."""


def header_size(order: int) -> int:
    """The bytes before everything else."""
    return -(-(SANITY.size + FIXED.size + 8 * order) // 8) * 8


def buckets(entries: int, multiplier: float) -> int:
    """How many places a table for so many entries has; the product is one of 32-bit floats."""
    wanted = np.float32(multiplier) * np.float32(entries)
    return max(entries + 1, int(wanted))


def lay_out(counts: tuple[int, ...], multiplier: float) -> Layout:
    """The places for so many n-grams of every order, two orders at least."""
    start = header_size(len(counts)) + VOCABULARY_HEADER.size
    vocabulary = Table(start, buckets(counts[0], multiplier))
    start += vocabulary.buckets * VOCABULARY_ENTRY.itemsize
    orders = [Table(start, counts[0] + 1)]  # one more than there are: <unk> need not be counted
    start += orders[0].buckets * UNIGRAM_SIZE
    for order, count in enumerate(counts[1:], 2):
        orders.append(Table(start, buckets(count, multiplier)))
        start += orders[-1].buckets * (MIDDLE_SIZE if order < len(counts) else LONGEST_SIZE)
    return Layout(vocabulary, tuple(orders), start)
