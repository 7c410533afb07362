"""Long documents that hold each other: editions of a book, an issue and its articles.

Bands find what is alike as a whole, not what is in something larger. So of every long document one
shingle in 256 is noted, by its hash, the same in all documents; two that share many of these, as
neighbours in the runs of equal ones, are compared. Source: Llama 1 (arXiv 2302.13971), section 2,
removes books with more than 90 % content overlap and does not say how; sampling by hash is
FracMinHash (Irber et al. 2022).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tamis.filters.kernels import radix
from tamis.filters.minhash import Signer
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.signed import Signed
from tamis.pipeline.dedup.work import notes_file, numbers, read_batch, write_batch
from tamis.pipeline.files import atomic
from tamis.pipeline.storage.location import Location

ONE_IN = 256
SHARED = 0.25
"""Of the fewer notes of two documents, those that have to be neighbours somewhere. Quotations and
licences are far less than this, overlaps of 0.9 far more."""
LONGEST = 64
"""Notes that more documents share are boilerplate."""


def notes(signer: Signer, data: Any, ends: Any, long: Any) -> tuple[Any, Any]:
    """The notes of some documents: hashes, and of which document each is."""
    keys, rows = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for row in long.tolist():
        sets = signer.sets(data, ends[row : row + 2])
        found = sets.values[: np.searchsorted(sets.values, np.uint64((1 << 64) // ONE_IN))]
        keys.append(found)
        rows.append(np.full(len(found), row))
    return np.concatenate(keys), np.concatenate(rows)


def write_notes(place: Location, keys: Any, rows: Any) -> None:
    """Writes the notes of a shard, by hash; rows are places in its signature file."""
    keys, rows = keys.copy(), rows.astype(np.int64)
    radix.sort(keys, rows)
    with atomic(place, durable=False) as draft:
        write_batch(str(draft.path), pa.record_batch([keys, rows], ["key", "row"]))


def edges(corpus: Corpus, stage: str, signed: Signed) -> tuple[Any, Any]:
    """Pairs of long documents that share enough notes to be compared."""
    keys, rows = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for unit, shard in enumerate(corpus.shards):
        batch = read_batch(notes_file(corpus, stage, shard.name))
        keys.append(numbers(batch, "key"))
        rows.append(numbers(batch, "row") + signed.firsts[unit])
    key, row = np.concatenate(keys), np.concatenate(rows)
    radix.sort(key, row)
    return pairs(key, row)


def pairs(key: Any, row: Any) -> tuple[Any, Any]:
    """Of notes by hash, and in the order of rows: the pairs of rows that share enough."""
    documents, sizes = np.unique(row, return_counts=True)
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])[: len(key)])
    runs = np.diff(np.append(starts, len(key)))
    length = np.repeat(runs, runs)
    pair = np.flatnonzero((key[1:] == key[:-1]) & (length[1:] <= LONGEST))
    if not len(pair):
        return pair, pair
    found, shared = np.unique(np.stack([row[pair], row[pair + 1]], 1), axis=0, return_counts=True)
    fewer = sizes[np.searchsorted(documents, found)].min(axis=1, initial=1 << 62)
    enough = found[shared >= SHARED * fewer]
    return np.ascontiguousarray(enough[:, 0]), np.ascontiguousarray(enough[:, 1])
