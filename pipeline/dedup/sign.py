"""Signing: what each document alive is compared by, once per shard.

A signature file is kept: clusters that are settled again, `tamis similar` and indexes read it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.filters.kernels.edits import texts
from tamis.filters.minhash import Signer
from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.books import notes, write_notes
from tamis.pipeline.dedup.settings import COLUMN_OF, Dedup
from tamis.pipeline.dedup.signatures import Rows, write
from tamis.pipeline.dedup.work import notes_file, signature_file
from tamis.pipeline.guard import Guard
from tamis.pipeline.rules import Columns, in_scope
from tamis.pipeline.signals import ShardReader, Verdicts, decision_columns
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import size

HASH = 16  # bytes of the hash of a text or a page's address: 128 bits, which nobody makes collide


@dataclass
class SignPhase:
    """Signs the documents that are alive before a stage; its units are shards."""

    corpus: Corpus
    stage: Stage
    earlier: list[Stage]
    key: str
    tasks: Sequence[Sequence[int]]

    @property
    def name(self) -> str:
        return self.stage.name

    @property
    def records(self) -> str:
        return f"{self.stage.name}/signatures"

    def done(self, unit: int) -> bool:
        shard = self.corpus.shards[unit].name
        record = self.corpus.record(self.records, shard) or {}
        if record.get("key") != self.key:
            return False
        try:
            return bool(size(signature_file(self.corpus, self.name, shard)) == record["bytes"])
        except FileNotFoundError:
            return False

    def size(self, unit: int) -> int:
        return self.corpus.shards[unit].text_bytes

    def part(self, rank: int) -> SignPhase:
        return self

    def work(self, unit: int, guard: Guard) -> None:
        """Writes the signature file of one shard."""
        if self.done(unit):
            return
        shard = self.corpus.shards[unit]
        measure: Any = self.stage.measure
        signing = Signing(measure)
        wanted = {*measure.needs, *self.stage.only, *decision_columns(self.earlier)}
        first = 0
        with ExitStack() as stack:
            reader = ShardReader(self.corpus, shard.name, self.earlier, stack)
            for group in range(reader.row_groups):
                columns, rows = reader.read(group, wanted), reader.rows(group)
                alive = in_scope(self.stage.only, columns, rows)
                for stage in self.earlier:
                    alive &= Verdicts(stage, columns, alive).passed
                signing.add(columns, np.flatnonzero(alive), first)
                first += rows
                guard.advance(rows, shard.text_bytes * rows // shard.rows)
        signed = signing.rows()
        place = signature_file(self.corpus, self.stage.name, shard.name)
        retract = partial(self.corpus.retract, self.records, shard.name)
        with files.atomic(place, before=retract) as draft:
            write(draft.path, signed)
        if signing.notes:
            written = (np.concatenate(part) for part in zip(*signing.notes, strict=True))
            write_notes(notes_file(self.corpus, self.stage.name, shard.name), *written)
        record = {"key": self.key, "signed": len(signed.row), **draft.facts}
        self.corpus.complete(self.records, shard.name, record)


@dataclass
class Signing:
    """The signatures of a shard, row group after row group."""

    measure: Dedup
    signer: Signer = field(init=False)
    parts: list[dict[str, Any]] = field(default_factory=list)
    notes: list[tuple[Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.signer = Signer(self.measure.shingling, self.measure.banding)

    def add(self, columns: Columns, rows: Any, first: int) -> None:
        """Signs some rows of a row group whose first row is `first` of the shard."""
        taken = {name: columns[name].take(pa.array(rows)) for name in self.measure.needs}
        data, ends = texts(taken["text"].cast(pa.large_string()))
        part: dict[str, Any] = {
            "row": (rows + first).astype(np.int32),
            "id": taken["id"],
            "priority": self._priority(taken, ends),
            "text_hash": _hashes(data, ends),
            "url_hash": np.zeros((len(rows), HASH), np.uint8),
        }
        if "url" in self.measure.methods:
            part["url_hash"] = _url_hashes(taken["url"])
        signed = self.signer.sign(data, ends)
        part["shingles"], part["signature"] = signed.shingles, signed.signatures
        if "containment" in self.measure.methods:
            long = np.flatnonzero(signed.shingles >= self.measure.long)
            keys, of = notes(self.signer, data, ends, long)
            self.notes.append((keys, of + sum(len(done["row"]) for done in self.parts)))
        self.parts.append(part)

    def rows(self) -> Rows:
        """All that was signed, as it is written."""
        parts = self.parts
        joined: dict[str, Any] = {
            name: np.concatenate([part[name] for part in parts])
            for name in parts[0]
            if name != "id"
        }
        joined["id"] = pa.concat_arrays([part["id"].cast(pa.string()) for part in parts])
        return Rows(**joined, bands=self._bands(joined))

    def _bands(self, rows: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        """The keys of every band and the rows they belong to."""
        bands: dict[str, tuple[Any, Any]] = {}
        everything = np.arange(len(rows["row"]), dtype=np.uint32)
        if "minhash" in self.measure.methods:
            applies = np.flatnonzero(rows["shingles"]).astype(np.uint32)
            keys = self.signer.keys(rows["signature"][applies])
            bands |= {f"{band:02d}": (keys[band], applies) for band in range(len(keys))}
        for method in ("text", "url"):
            if method in self.measure.methods:
                hashes = rows[f"{method}_hash"]
                there = hashes.any(axis=1)
                keys = np.ascontiguousarray(hashes[there, :8]).view(np.uint64).ravel()
                bands[method] = (keys, everything[there])
        return bands

    def _priority(self, taken: Columns, ends: Any) -> Any:
        """Smaller is better; what has no date, or no perplexity, comes last."""
        keep = self.measure.keep
        if keep == "first":
            return np.zeros(len(ends) - 1)
        if keep == "longest":
            return -np.diff(ends).astype(np.float64)
        column = taken[COLUMN_OF[keep]]
        if keep == "newest":
            column = pc.negate(column.cast(pa.int64()))
        values = column.cast(pa.float64(), safe=False)  # the year 9999 is beyond 2**53 microseconds
        return pc.fill_null(values, np.inf).to_numpy(zero_copy_only=False)


def _hashes(data: Any, ends: Any) -> Any:
    """The hash of every text."""
    view = memoryview(data)
    found = b"".join(
        hashlib.blake2b(view[start:stop], digest_size=HASH).digest()
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    )
    return np.frombuffer(found, np.uint8).reshape(-1, HASH)


def _url_hashes(urls: pa.Array) -> Any:
    """The hash of every page's address, zeros where there is none."""
    found = b"".join(
        hashlib.blake2b(address(url).encode("utf-8", "replace"), digest_size=HASH).digest()
        if url and url.strip()
        else bytes(HASH)
        for url in urls.to_pylist()
    )
    return np.frombuffer(found, np.uint8).reshape(-1, HASH)


def address(url: str) -> str:
    """What makes two URLs the same page: all but the scheme, the fragment and the host's case."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").removesuffix(".")
        port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    except ValueError:  # a broken port or IPv6 address: nothing but itself
        return url
    if not host:  # no address at all
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{port}{parts.path or '/'}{query}"
