"""A folder of tokens, as it is read: mapped into memory, and never with another vocabulary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.tokenize.arrays import Ids
from tamis.tokenize.errors import Corrupt, Mismatch, TokensError
from tamis.tokenize.shards import COLUMNS, COUNTS, FORMAT, MANIFEST, TOKENIZER, file_names, id_hash
from tamis.tokenize.vocabulary import Vocabulary, load

BLOCK = 1 << 22
"""Tokens that are checked at once."""
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shard:
    """One shard; what is asked for is mapped then, and no file stays open."""

    folder: Path = field(repr=False)
    name: str
    facts: dict[str, Any] = field(repr=False)
    """What the manifest says of it."""
    dtype: np.dtype[Any]

    @cached_property
    def tokens(self) -> Ids:
        """Its tokens, document after document; read-only."""
        ids: Ids = np.frombuffer(self._mapped("ds"), self.dtype)
        return ids

    @cached_property
    def ends(self) -> Longs:
        """Where each document ends in tokens; read-only."""
        return np.frombuffer(self._mapped("index"), "<i8")

    @cached_property
    def documents(self) -> pa.RecordBatch:
        """id_hash, bytes and source of every document; Corrupt if it cannot be read."""
        path = self.path("documents")
        try:
            batch = pa.ipc.open_file(pa.BufferReader(self._mapped("documents"))).get_batch(0)
            batch.validate(full=True)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise Corrupt(f"{path} is damaged ({error})") from None
        if batch.schema != COLUMNS or batch.num_rows != self.facts["documents"]:
            raise Corrupt(f"{path} does not describe {self.facts['documents']:,} documents")
        return batch

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """Of every document's id, as id_hash makes them."""
        values: npt.NDArray[np.uint64] = self.documents.column("id_hash").to_numpy()
        return values

    def path(self, kind: str) -> Path:
        return self.folder / file_names(self.name)[kind]

    def _mapped(self, kind: str) -> pa.Buffer:
        """A file in memory; the mapping outlives the file that is closed here.

        A mapping of numpy's or Python's would hold a descriptor, and shards may be thousands.
        """
        path = self.path(kind)
        if not self.facts["files"][kind]["bytes"]:
            return pa.py_buffer(b"")
        try:
            with pa.memory_map(str(path)) as file:
                return file.read_buffer()
        except OSError as error:
            raise Corrupt(f"{path} cannot be read: {error}") from None


class Document(NamedTuple):
    """One document of tokens."""

    number: int
    """In the folder, from 0."""
    shard: str
    place: int
    """In the shard."""
    ids: Ids
    source: str
    bytes: int
    """Of its text in UTF-8."""
    id_hash: int


@dataclass(frozen=True)
class Tokens:
    """A folder of tokens; open one with `Tokens.open`."""

    folder: Path
    facts: dict[str, Any] = field(repr=False)
    """The manifest."""
    digest: str
    """SHA-256 of the manifest, hence of everything in the folder."""

    @classmethod
    def open(cls, folder: Path | str, vocabulary: Vocabulary | str | None = None) -> Tokens:
        """Opens a folder of tokens, and compares the sizes of its files with the manifest.

        vocabulary: that, or the digest of that, which they are going to be read with. Raises
        Mismatch where the tokens were made with another, Corrupt where files are missing or cut,
        TokensError where the folder is none of tokens.
        """
        root = Path(folder)
        try:
            data = (root / MANIFEST).read_bytes()
        except OSError as error:
            raise TokensError(
                f"{root} is no folder of tokens: {MANIFEST}: {error.strerror}: make one with "
                "`tamis tokenize`, or let the command that was making it end"
            ) from None
        facts = _manifest(root / MANIFEST, data)
        tokens = cls(root, facts, hashlib.sha256(data).hexdigest())
        for shard in tokens.shards:
            _check_sizes(shard)
        if vocabulary is not None:
            tokens.require(vocabulary)
        return tokens

    def require(self, vocabulary: Vocabulary | str) -> None:
        """Raises Mismatch unless this vocabulary, or one of this digest, made the tokens."""
        given = vocabulary if isinstance(vocabulary, str) else vocabulary.digest
        own = self.facts["vocabulary"]["sha256"]
        if given != own:
            raise Mismatch(
                f"the tokens of {self.folder} were made with vocabulary {own}, and would be read "
                f"with {given}: take the one in {self.folder / TOKENIZER}, or tokenize again"
            )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary that they were made with; Corrupt if the folder holds another."""
        made = load(self.folder / TOKENIZER)
        if made.digest != (own := self.facts["vocabulary"]["sha256"]):
            raise Corrupt(f"{made.path} is not the vocabulary {own}, but {made.digest}")
        return made

    @property
    def size(self) -> int:
        """Of the vocabulary: every token is below it."""
        size: int = self.facts["vocabulary"]["size"]
        return size

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("<u2" if self.facts["token_bytes"] == 2 else "<u4")

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        every = self.facts["shards"]
        return tuple(Shard(self.folder, one["name"], one, self.dtype) for one in every)

    def shard(self, name: str) -> Shard:
        """A shard by its name; TokensError if there is none."""
        for shard in self.shards:
            if shard.name == name:
                return shard
        raise TokensError(f"{self.folder} has no shard {name!r}: they are {self._names()}")

    def _names(self) -> str:
        return f"{self.shards[0].name} to {self.shards[-1].name}" if self.shards else "none"

    def blocks(self, length: int = BLOCK) -> Iterator[Ids]:
        """All tokens in order, so many at once; no more at the end of a shard than it has."""
        for shard in self.shards:
            for first in range(0, len(shard.tokens), length):
                yield shard.tokens[first : first + length]

    def document(self, number: int) -> Document:
        """A document by its number in the folder, from 0.

        Raises TokensError if there is none, Corrupt for a token beyond the vocabulary.
        """
        place = number
        for shard in self.shards:
            if 0 <= place < shard.facts["documents"]:
                return _document(shard, number, place, self.size)
            place -= shard.facts["documents"]
        raise TokensError(
            f"{self.folder} has no document {number:,}: it has {self.facts['documents']:,}, "
            "counted from 0"
        )

    def find(self, name: str) -> list[int]:
        """The numbers of documents with this id, by its hash; every id is looked at."""
        wanted, found, before = np.uint64(id_hash(name)), [], 0
        for shard in self.shards:
            found += [before + int(one) for one in np.flatnonzero(shard.hashes == wanted)]
            before += shard.facts["documents"]
        return found

    def check(self) -> None:
        """Reads every file; raises Corrupt with the first thing that is wrong."""
        for fault in self.faults():
            raise Corrupt(fault)

    def faults(self) -> Iterator[str]:
        """Reads every file, and says what is wrong, file by file.

        SHA-256 of each; documents that end one after the other and where the tokens do; tokens
        beyond the vocabulary; the vocabulary.
        """
        try:
            _ = self.vocabulary
        except TokensError as error:
            yield str(error)
        for shard in self.shards:
            yield from _faults(shard, self.size)


def _manifest(path: Path, data: bytes) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(data)
        if (made := facts["format"]) != FORMAT:
            raise TokensError(
                f"{path} is of format {made}, and this reads format {FORMAT}: take another "
                "version of tamis"
            )
        _check_manifest(facts)
    except TokensError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupt(f"{path} is damaged ({type(error).__name__}: {error})") from None
    return facts


def _check_manifest(facts: dict[str, Any]) -> None:
    """Raises one of the errors of looking things up for what is not as `manifest` makes it."""
    vocabulary, width = facts["vocabulary"], facts["token_bytes"]
    _ = [facts[key] for key in ("bos", "eos", "shuffled", "seed")], dict(facts["from"])
    if not isinstance(vocabulary["sha256"], str) or width not in (2, 4):
        raise ValueError("neither 2 nor 4 bytes a token, or no vocabulary")
    if not 0 < vocabulary["size"] <= 1 << (8 * width):
        raise ValueError(f"{vocabulary['size']} pieces in {width} bytes")
    for shard in facts["shards"]:
        if Path(shard["name"]).name != shard["name"]:
            raise ValueError(f"a shard {shard['name']!r}")
        files = {kind: shard["files"][kind] for kind in file_names("")}
        sizes = {kind: file["bytes"] for kind, file in files.items() if file["sha256"]}
        if sizes["ds"] != shard["tokens"] * width or sizes["index"] != shard["documents"] * 8:
            raise ValueError(f"shard {shard['name']}: the sizes of its files")
    for parts in (facts["shards"], facts["sources"].values()):
        for key in COUNTS:
            if sum(one[key] for one in parts) != facts[key]:
                raise ValueError(f"the {key} do not add up")


def _check_sizes(shard: Shard) -> None:
    """Raises Corrupt where a file of a shard is missing or not as long as it was written."""
    for kind, file in shard.facts["files"].items():
        path = shard.path(kind)
        try:
            size = path.stat().st_size
        except OSError as error:
            raise Corrupt(
                f"{path}, a file of shard {shard.name}, cannot be read: {error.strerror}"
            ) from None
        if size != file["bytes"]:
            raise Corrupt(
                f"{path} has {size:,} bytes and was written with {file['bytes']:,}: "
                f"shard {shard.name} is not whole"
            )


def _document(shard: Shard, number: int, place: int, size: int) -> Document:
    start = int(shard.ends[place - 1]) if place else 0
    ids = shard.tokens[start : int(shard.ends[place])]
    if len(ids) and (largest := int(ids.max())) >= size:
        raise beyond(shard, largest, size)
    row = shard.documents.slice(place, 1).to_pylist()[0]
    return Document(
        number,
        shard.name,
        place,
        ids,
        row["source"],
        row["bytes"],
        row["id_hash"],
    )


def check_ends(shard: Shard) -> None:
    """Raises Corrupt unless documents end one after the other, and the last where tokens do."""
    last = 0
    for first in range(0, len(shard.ends), BLOCK):
        some = shard.ends[first : first + BLOCK]
        if some[0] < last or (some[1:] < some[:-1]).any():
            raise Corrupt(f"{shard.path('index')}: documents end before they begin")
        last = int(some[-1])
    if last != len(shard.tokens):
        raise Corrupt(
            f"{shard.path('index')}: documents end at {last:,}, tokens at {len(shard.tokens):,}"
        )


def beyond(shard: Shard, token: int, size: int) -> Corrupt:
    """The error of a token that the vocabulary does not have."""
    return Corrupt(f"{shard.path('ds')} has token {token}, beyond the vocabulary of {size:,}")


def _faults(shard: Shard, size: int) -> Iterator[str]:
    for kind, facts in shard.facts["files"].items():
        with shard.path(kind).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != facts["sha256"]:
            yield (
                f"{shard.path(kind)} of shard {shard.name} has SHA-256 {found}, and was written "
                f"with {facts['sha256']}"
            )
    try:
        check_ends(shard)
        _ = shard.documents
        for first in range(0, len(shard.tokens), BLOCK):
            if (largest := int(shard.tokens[first : first + BLOCK].max())) >= size:
                raise beyond(shard, largest, size)
    except Corrupt as error:
        yield str(error)
