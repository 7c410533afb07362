"""What an arm can be trained on: its kept documents, each with the cluster it has in raw.

Documents are drawn by the hash of seed and cluster, so that a sample has the copies that the pool
has, and read in the order of the hash of seed and id, so that arms that share documents share
their order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.ledger import Decision
from tamis.pipeline.signals import ShardReader, decision_columns
from tamis.pipeline.stage import Stage
from tamis.pipeline.tokens.encode import NO_SOURCE, id_hashes

Longs = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint64]
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))


class Candidates(NamedTuple):
    """The documents of an arm, in the order of the corpus."""

    shard: Longs
    row: Longs
    ids: Numbers
    """What stands for each id."""
    sizes: Longs
    """Bytes of each text as it was ingested."""
    clusters: Numbers
    """The same for copies of each other in raw."""
    sources: Numbers
    """What stands for each source."""
    piece: Longs
    """Which piece of the document; 0 of one that is whole."""
    last: npt.NDArray[np.bool_]
    """Whether it is the last piece."""

    def take(self, rows: npt.NDArray[np.bool_] | Longs) -> Candidates:
        """Some of them: by a mask, or by their places."""
        taken: list[Any] = [column[rows] for column in self]
        return Candidates(*taken)


@dataclass(frozen=True)
class Sources:
    """A corpus with the stages that decide in it."""

    corpus: Corpus
    stages: list[Stage]


def candidates(of: Sources, clusters: Sources | None, cluster_column: str = "") -> Candidates:
    """All documents that an arm keeps.

    clusters: where a stage without rules has found copies, and the column with their clusters;
    None: every document is its own.
    """
    parts = []
    for number, shard in enumerate(of.corpus.shards):
        with ExitStack() as stack:
            reader = ShardReader(of.corpus, shard.name, of.stages, stack)
            other = None
            if clusters is not None:
                other = ShardReader(clusters.corpus, shard.name, clusters.stages, stack)
            first = 0
            for group in range(reader.row_groups):
                rows = reader.rows(group)
                names = {"id", "source", "text_bytes", *decision_columns(of.stages)}
                columns = reader.read(group, names)
                kept = np.flatnonzero(Decision(of.stages, columns, rows).kept)
                ids = id_hashes(columns["id"])
                own = ids if other is None else _clusters(other, group, cluster_column, ids)
                sizes = columns["text_bytes"].to_numpy()
                place = np.full(len(kept), number, np.int64)
                sources = _named(columns["source"])[kept]
                found = (place, kept + first, ids[kept], sizes[kept], own[kept], sources)
                parts.append(Candidates(*found, np.zeros_like(place), place == place))
                first += rows
    return joined(parts)


def _clusters(reader: ShardReader, group: int, column: str, ids: Numbers) -> Numbers:
    """The cluster of each row, drawn apart from ids; a document without copies is its own."""
    found: pa.Array = reader.read(group, [column])[column]
    known = found.is_valid().to_numpy(zero_copy_only=False)
    cluster = pc.fill_null(found, 0).to_numpy().astype(np.int64).astype(np.uint64)
    numbers: Numbers = np.where(known, mixed(cluster, np.uint64(1)), ids)
    return numbers


def _named(column: pa.Array) -> Numbers:
    """A number for each name, the same everywhere."""
    coded = pc.fill_null(column, NO_SOURCE).dictionary_encode()
    numbers = id_hashes(coded.dictionary)
    named: Numbers = numbers[coded.indices.to_numpy()]
    return named


def joined(parts: Iterable[Candidates]) -> Candidates:
    """Candidates one after the other."""
    every = list(parts)
    if not every:
        none = np.empty(0, np.int64)
        some = none.astype(np.uint64)
        return Candidates(none, none, some, none, some, some, none, none == none)
    return Candidates(*(np.concatenate(column) for column in zip(*every, strict=True)))


def in_pieces(found: Candidates, size: int) -> Candidates:
    """Documents cut into pieces of so many bytes, which are drawn and read apart.

    Drawn whole, one change log of a megabyte is a fifth of what a model is trained on, or nothing
    of it, and what a run came to depended on that. Copies of each other have the same pieces, so
    these are drawn together.
    """
    counts = np.maximum(1, -(-found.sizes // size))
    rows = np.repeat(np.arange(len(counts)), counts)
    piece = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    of, salt = found.take(rows), mixed(piece.astype(np.uint64), state("piece"))
    return of._replace(
        ids=np.where(piece == 0, of.ids, mixed(of.ids, salt)),
        clusters=np.where(piece == 0, of.clusters, mixed(of.clusters, salt)),
        sizes=np.clip(of.sizes - piece * size, 0, size),
        piece=piece,
        last=piece == counts[rows] - 1,
    )


def state(*parts: object) -> np.uint64:
    """A number for what is drawn: one for each seed and purpose."""
    text = " ".join(map(str, parts)).encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))


def mixed(values: Numbers, start: np.uint64 | Numbers) -> Numbers:
    """SplitMix64's number for each value, from a state or one each: the same for the same."""
    with np.errstate(over="ignore"):
        found = (values ^ start) + _STEP
        for shift, factor in _MIX:
            found = (found ^ (found >> np.uint64(shift))) * factor
    last: Numbers = found ^ (found >> np.uint64(31))
    return last


def draw_order(found: Candidates, seed: int, balanced: bool = False) -> Longs:
    """Places in the order in which documents are drawn: whole clusters, one after the other.

    balanced: whether every beginning of it has the same bytes of every source, while they last.
    """
    keys = mixed(found.clusters, state("draw", seed))
    order = np.lexsort((found.row, found.shard, keys))
    if not balanced:
        return order
    by_source = order[np.argsort(found.sources[order], kind="stable")]
    sizes, sources = found.sizes[by_source], found.sources[by_source]
    ends = np.cumsum(sizes)
    firsts = np.flatnonzero(np.diff(sources, prepend=~sources[:1]) != 0)
    before = np.repeat(ends[firsts] - sizes[firsts], np.diff(firsts, append=len(sources)))
    return by_source[np.argsort(ends - before - sizes, kind="stable")]


def read_order(
    found: Candidates, seed: int, stretches: Longs | None = None, again: int = 0
) -> Longs:
    """Places in the order in which documents are read: one stretch of them after the other.

    again: how many times they were read before; every time they have another order.
    """
    keys = mixed(found.ids, state("read", seed, *([again] if again else [])))
    first = np.zeros(len(keys), np.int64) if stretches is None else stretches
    return np.lexsort((found.row, found.shard, keys, first))


def at_random(found: Candidates, size: int) -> Candidates:
    """Clusters drawn by chance until they have so many bytes, the same for every seed."""
    order = draw_order(found, -1)
    ends = np.cumsum(found.sizes[order])
    stop = int(np.searchsorted(ends, size, "left")) + 1
    return found.take(np.sort(order[:stop]))
