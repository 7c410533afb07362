"""Opens KenLM's binary files (format version 5, hash tables) without reading them.

A file is mapped, so processes that open the same one share its memory, and what is never asked for
is never read. It may come from anybody: everything that places in it are computed from is checked
against its size, and its tables are read in ways that end whatever they hold.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Hashes, Longs
from tamis.filters.kernels.murmur import murmur
from tamis.filters.ngram.layout import (
    FIXED,
    KINDS,
    MAGIC,
    PROBING,
    SANE,
    SANITY,
    VOCABULARY_ENTRY,
    VOCABULARY_HEADER,
    WORST_MULTIPLIER,
    Layout,
    lay_out,
)
from tamis.filters.ngram.levels import HIGHEST_ORDER, SPECIAL
from tamis.filters.ngram.probing import Words, look_up, probes, reciprocal

_ADVICE = "make it one with KenLM's `build_binary probing`, from its ARPA file"


class Geometry(NamedTuple):
    """The tables of all orders, from the unigrams on, as kernels want them."""

    starts: Longs
    """In units of four bytes."""
    buckets: Hashes
    reciprocals: Hashes
    limits: Longs
    """How many occupied places a search goes past."""


def geometry(counts: tuple[int, ...], layout: Layout) -> Geometry:
    """Of a file with so many n-grams of every order."""
    tables = layout.orders
    limits = [probes(count, table.buckets) for count, table in zip(counts, tables, strict=True)]
    return Geometry(
        np.array([table.start // 4 for table in tables], np.int64),
        np.array([table.buckets for table in tables], np.uint64),
        np.array([reciprocal(table.buckets) for table in tables], np.uint64),
        np.array(limits, np.int64),
    )


@dataclass(frozen=True)
class Model:
    """An open file; its arrays are views of the mapped file, none can be written to."""

    path: Path
    counts: tuple[int, ...]
    """How many n-grams there are of every order, from 1."""
    size: int
    """How many words there are; their numbers are smaller."""
    has_words: bool
    layout: Layout
    data: Words
    """The file, four bytes each; a rest is left out."""
    values: npt.NDArray[np.float32]
    """The same bytes."""
    geometry: Geometry
    vocabulary: tuple[Hashes, npt.NDArray[np.uint32]]
    """Words' hashes and numbers, copied: the hash table as it is, a key of 0 where it is empty, one
    place at least; a word is looked for from place hash % length on."""

    @property
    def order(self) -> int:
        return len(self.counts)

    @cached_property
    def begin(self) -> int:
        """The number of <s>; that of <unk> if the model has none."""
        return self.number(SPECIAL[1])

    @cached_property
    def end(self) -> int:
        """The number of </s>; that of <unk> if the model has none."""
        return self.number(SPECIAL[2])

    def number(self, word: bytes) -> int:
        """The number of a word; 0, that of <unk>, if the model does not know it."""
        keys, numbers = self.vocabulary
        key = murmur(np.frombuffer(word, np.uint8), 0, len(word))
        place = look_up(keys, np.uint64(key))
        return int(numbers[place]) if place >= 0 else 0

    def words(self) -> list[bytes]:
        """All words in the order of their numbers; ValueError if the file does not say them."""
        if not self.has_words:
            raise ValueError(f"{self.path}: its words are not in it, only their hashes")
        with self.path.open("rb") as file:
            file.seek(self.layout.end)
            words = file.read().split(b"\0")
        if words.pop() != b"" or len(words) != self.size or words[:1] != [SPECIAL[0]]:
            raise ValueError(f"{self.path}: the words at its end are cut off or not its own")
        return words


def open_model(path: Path) -> Model:
    """Maps a model; ValueError says what is wrong with it and what to do, OSError if it cannot be.

    The vocabulary is read, 18 bytes a word; all else is mapped only.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(SANITY.size + FIXED.size + 8 * HIGHEST_ORDER)
        try:
            counts, multiplier, has_words = _header(head, size)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    layout = lay_out(counts, multiplier)
    if layout.end > size:
        raise ValueError(f"{path}: cut off: {size} bytes instead of {layout.end} or more")
    words, vocabulary = _vocabulary(path, mapped, counts[0], layout)
    data = np.frombuffer(mapped, np.uint32, size // 4)
    return Model(
        path=path,
        counts=counts,
        size=words,
        has_words=has_words,
        layout=layout,
        data=data,
        values=data.view(np.float32),
        geometry=geometry(counts, layout),
        vocabulary=vocabulary,
    )


def _header(head: bytes, size: int) -> tuple[tuple[int, ...], float, bool]:
    """Counts, multiplier and whether words follow, from the start of a file of so many bytes."""
    _check_magic(head)
    order, multiplier, kind, has_words, version = FIXED.unpack_from(head, SANITY.size)
    if kind != PROBING:
        name = KINDS[kind] if 0 <= kind < len(KINDS) else f"of unknown kind {kind}"
        raise ValueError(f"the model is {name}, not {KINDS[PROBING]}: {_ADVICE}")
    if version != 0:
        raise ValueError(f"version {version} of the hash tables, not 0: {_ADVICE}")
    if not 2 <= order <= HIGHEST_ORDER:
        raise ValueError(f"n-grams of up to {order} words; 2 to {HIGHEST_ORDER} can be read")
    if not 1.0 <= multiplier <= WORST_MULTIPLIER:
        raise ValueError(f"a multiplier of {multiplier} for the sizes of tables")
    if len(head) < SANITY.size + FIXED.size + 8 * order:
        raise ValueError("cut off in its header")
    at = SANITY.size + FIXED.size
    counts = tuple(np.frombuffer(head, "<u8", order, at).tolist())
    for length, count in enumerate(counts, 1):
        if not 0 <= count < size:
            raise ValueError(f"{count} {length}-grams do not fit into {size} bytes")
    return counts, multiplier, has_words


def _check_magic(head: bytes) -> None:
    about = MAGIC[: MAGIC.rindex(b"5")]
    if not head.startswith(MAGIC):
        if head.startswith(about):
            version = head[len(about) :].split(b"\n")[0][:20].decode("latin-1")
            raise ValueError(f"KenLM's format of version {version}, not 5: {_ADVICE}")
        if head.startswith(b"mmap lm http://kheafield.com/code incomplete"):
            raise ValueError("whoever wrote this model did not finish: build it again")
        raise ValueError(f"not a model in KenLM's binary format: {_ADVICE}")
    if len(head) < SANITY.size + FIXED.size:
        raise ValueError("cut off in its header")
    if SANITY.unpack_from(head) != SANE:
        raise ValueError(f"written on a machine with other numbers: {_ADVICE}")


def _vocabulary(
    path: Path, mapped: mmap.mmap, unigrams: int, layout: Layout
) -> tuple[int, tuple[Hashes, npt.NDArray[np.uint32]]]:
    """How many words there are, and the table of them."""
    start, buckets = layout.vocabulary
    version, words = VOCABULARY_HEADER.unpack_from(mapped, start - VOCABULARY_HEADER.size)
    if version != 0:
        raise ValueError(f"{path}: version {version} of the vocabulary, not 0: {_ADVICE}")
    if not 1 <= words <= unigrams + 1:
        raise ValueError(f"{path}: {words} words with {unigrams} unigrams")
    table = np.frombuffer(mapped, VOCABULARY_ENTRY, buckets, start)
    keys, numbers = table["key"].copy(), table["id"].copy()
    if keys.all():
        raise ValueError(f"{path}: no place of its vocabulary is empty")
    if numbers.max() >= words:
        raise ValueError(f"{path}: words are numbered beyond the {words} there are")
    return words, (keys, numbers)
