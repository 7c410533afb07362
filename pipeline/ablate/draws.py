"""The tokens of an arm and a seed: as many pieces of documents as it takes, in a seed's order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.filters.kernels.edits import texts
from tamis.pipeline import files
from tamis.pipeline.ablate.candidates import (
    Candidates,
    Longs,
    Sources,
    draw_order,
    joined,
    read_order,
)
from tamis.pipeline.errors import WorkError
from tamis.pipeline.signals import ShardReader
from tamis.pipeline.tokens.encode import NO_SOURCE, written
from tamis.pipeline.tokens.place import SHARDS, Place
from tamis.pipeline.tokens.shuffle import BLOCK, Documents, gathered, runs
from tamis.tokenize.shards import manifest
from tamis.tokenize.vocabulary import Vocabulary

PIECE = 2_048
"""Bytes of a piece of a document: about a window of 512 tokens of the smallest vocabulary."""
MARGIN = 1.05
"""Bytes that are taken at first for the tokens that are wanted, above what they need on average."""


@dataclass
class Encoded:
    """Pieces of documents as tokens, in memory."""

    of: Candidates
    ids: Any
    ends: Longs
    sizes: Any
    sources: pa.Array

    @property
    def lengths(self) -> Longs:
        return np.diff(self.ends, prepend=0)

    @property
    def tokens(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0


def draw(
    of: Sources,
    found: Candidates,
    seed: int,
    tokens: int,
    vocabulary: Vocabulary,
    balanced: bool = False,
) -> Encoded:
    """Pieces in drawing order until they have so many tokens, or all that there are.

    found: documents in pieces of `PIECE` bytes, at least one.
    """
    order = draw_order(found, seed, balanced)
    parts: list[Encoded] = []
    start, have, per_token = 0, 0, 4.0
    ends = np.cumsum(found.sizes[order])
    while have < tokens and start < len(order):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + (tokens - have) * per_token * MARGIN)) + 1
        part = encoded(of, found.take(order[start:stop]), vocabulary)
        parts.append(part)
        start = min(stop, len(order))
        have += part.tokens
        per_token = int(ends[start - 1]) / max(1, have)
    whole = _joined(parts)
    stop = min(len(whole.ends), int(np.searchsorted(whole.ends, tokens)) + 1)
    return _taken(whole, np.flatnonzero(whole.lengths[:stop]))  # edits leave pieces empty


def encoded(of: Sources, chosen: Candidates, vocabulary: Vocabulary) -> Encoded:
    """Pieces as tokens, in the order given, of texts as the stages edited them."""
    order = np.lexsort((chosen.piece, chosen.row, chosen.shard))
    parts = list(_encoded(of, chosen.take(order), vocabulary))
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return _taken(_joined(parts), back)


def _encoded(of: Sources, chosen: Candidates, vocabulary: Vocabulary) -> Iterator[Encoded]:
    """The same, in the order of the corpus, a row group at a time."""
    for number, shard in enumerate(of.corpus.shards):
        mine = chosen.take(chosen.shard == number)
        if not len(mine.row):
            continue
        with ExitStack() as stack:
            reader = ShardReader(of.corpus, shard.name, of.stages, stack)
            first = 0
            for group in range(reader.row_groups):
                rows = reader.rows(group)
                here = mine.take((mine.row >= first) & (mine.row < first + rows))
                if len(here.row):
                    columns = reader.read(group, {"text", "source"})
                    yield _tokens(here, columns, here.row - first, vocabulary)
                first += rows


def _tokens(
    here: Candidates, columns: dict[str, pa.Array], rows: Longs, vocabulary: Vocabulary
) -> Encoded:
    """BOS goes before a document's first piece, EOS after its last one."""
    read, document = np.unique(rows, return_inverse=True)
    data, edges = texts(columns["text"].take(pa.array(read)))
    starts = _whole_characters(data, edges, document, here.piece * PIECE)
    stops = _whole_characters(data, edges, document, (here.piece + 1) * PIECE)
    stops = np.where(here.last, edges[document + 1], stops)
    some = gathered(data, starts, stops - starts)
    some.flags.writeable = False  # as Arrow's are: kernels are compiled for one kind
    sizes = stops - starts
    ids, ends = vocabulary.encode_column(some, np.cumsum([0, *sizes]), True, True)
    kept = np.ones(len(ids), bool)
    kept[(ends - np.diff(ends, prepend=0))[here.piece > 0]] = False
    kept[ends[~here.last] - 1] = False
    sources = pc.fill_null(columns["source"].take(pa.array(rows)), NO_SOURCE)
    return Encoded(here, ids[kept], np.cumsum(kept)[ends - 1], sizes.astype(np.uint64), sources)


def _whole_characters(data: Any, edges: Longs, document: Longs, place: Longs) -> Longs:
    """Places in documents, moved on to where a character begins, to their ends at most."""
    end = edges[document + 1]
    found: Longs = np.minimum(edges[document] + place, end)
    for _ in range(3):
        inside = found < end
        inside[inside] = (data[found[inside]] & 0xC0) == 0x80
        found += inside
    return found


def _joined(parts: Sequence[Encoded]) -> Encoded:
    ids = np.concatenate([part.ids for part in parts])
    lengths = np.concatenate([part.lengths for part in parts])
    sizes = np.concatenate([part.sizes for part in parts])
    sources = pa.concat_arrays([part.sources.cast(pa.string()) for part in parts])
    return Encoded(joined([part.of for part in parts]), ids, np.cumsum(lengths), sizes, sources)


def _taken(whole: Encoded, places: Longs) -> Encoded:
    starts, lengths = whole.ends - whole.lengths, whole.lengths
    return Encoded(
        whole.of.take(places),
        gathered(whole.ids, starts[places], lengths[places]),
        np.cumsum(lengths[places]),
        whole.sizes[places],
        whole.sources.take(pa.array(places)),
    )


def stretches(drawn: Encoded, sizes: Sequence[int]) -> Longs:
    """Which stretch of a draw each piece begins in; they end at these sizes, in tokens.

    What is read up to each size is then what a draw of that size has. Read in one order, the first
    half of a draw of 2T would have both of two copies in a quarter of cases rather than a half, and
    of a source that is used up before 2T less than the draw of T that it is compared with.
    """
    starts = drawn.ends - drawn.lengths
    found: Longs = np.searchsorted(np.asarray(sizes), starts, "right").astype(np.int64)
    return found


def passes(drawn: Encoded, seed: int, tokens: int, sizes: Sequence[int]) -> list[Longs]:
    """Places in the order in which the seed reads them, over and over until it has so many tokens.

    Each pass but the last has all pieces, in an order of its own. sizes: where stretches of the
    first one end; the others have none, since a draw that is read again is all in the first.
    """
    found = [read_order(drawn.of, seed, stretches(drawn, sizes))]
    have = drawn.tokens
    while have < tokens:
        order = read_order(drawn.of, seed, again=len(found))
        ends = np.cumsum(drawn.lengths[order])
        stop = min(len(order), int(np.searchsorted(ends, tokens - have)) + 1)
        have += int(ends[stop - 1])
        found.append(order[:stop])
    return found


def write_tokens(
    out: Path, drawn: Encoded, orders: Sequence[Longs], seed: int, vocabulary: Path, promise: str
) -> None:
    """A folder of tokens with what was drawn, in the order in which the seed reads it.

    orders: of each pass over it, one at least.
    """
    place = Place(out)
    place.claim()
    place.take(vocabulary)
    if place.whole(promise) is not None:
        return
    place.clear(promise)
    model = place.vocabulary()
    with place.making(SHARDS, "00000", promise) as making:
        making.facts = written(_documents(drawn, orders), making, model)
    record = place.made(SHARDS, "00000", promise)
    if record is None:
        raise WorkError(f"{out}: what was written is gone: run the same command again")
    shard = {"name": "00000", **record}
    origin = {"promise": promise}
    place.publish(manifest(model, [shard], bos=True, eos=True, seed=seed, origin=origin), promise)


def _documents(drawn: Encoded, orders: Sequence[Longs]) -> Iterator[Documents]:
    starts, lengths = drawn.ends - drawn.lengths, drawn.lengths
    for order in orders:  # apart, as pieces that are gathered at once may not overlap
        for run in runs(lengths[order], BLOCK):
            rows = order[run]
            yield Documents(
                gathered(drawn.ids, starts[rows], lengths[rows]),
                np.cumsum(lengths[rows]),
                drawn.of.ids[rows],
                drawn.sizes[rows],
                drawn.sources.take(pa.array(rows)),
                rows,
            )


def promise_of(drawn: Encoded, orders: Sequence[Longs], *parts: Any) -> str:
    """What decides the bytes of a folder: what was drawn, its orders, and other parts."""
    columns = (drawn.ids, drawn.ends, drawn.of.ids, drawn.sizes, *orders)
    digests = [hashlib.blake2b(np.ascontiguousarray(one).data).hexdigest() for one in columns]
    return files.fingerprint([*digests, drawn.sources.to_pylist(), *parts])
