"""A folder of tokens, as it is written: the four files of a shard, and the manifest of them all.

    tokens.json              the manifest, written last: without it the folder is not tokens
    tokenizer/               the vocabulary
    00000.ds                 the tokens of a shard, little-endian, document after document
    00000.ds.index           where each document ends, in tokens: uint64, little-endian
    00000.ds.metadata        vocabulary and bytes per token, number of tokens, the same for people
    00000.documents.arrow    id_hash, bytes and source of every document, to be mapped into memory

The first three are datatrove's, which nanotron reads. The same documents give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.tokenize.arrays import Ids
from tamis.tokenize.errors import TokensError
from tamis.tokenize.vocabulary import Vocabulary

FORMAT = 1
MANIFEST = "tokens.json"
TOKENIZER = "tokenizer"
COLUMNS = pa.schema(
    [
        ("id_hash", pa.uint64()),
        ("bytes", pa.uint64()),
        ("source", pa.dictionary(pa.uint32(), pa.string())),
    ]
)
COUNTS = ("documents", "tokens", "bytes")
KINDS = ("<u8", "<u8", "<u8", "<u4")
"""Of what is kept of every document: its end, the hash of its id, its size and its source."""


def file_names(shard: str) -> dict[str, str]:
    """What the four files of a shard are called, by what is in them."""
    return {
        "ds": f"{shard}.ds",
        "index": f"{shard}.ds.index",
        "metadata": f"{shard}.ds.metadata",
        "documents": f"{shard}.documents.arrow",
    }


def id_hash(name: str) -> int:
    """What stands for a document's id: the first 64 bits of its BLAKE2b, little-endian."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


class ShardWriter:
    """Writes the files of a shard to the paths given, by the names of `file_names`.

    Tokens are written as they come; of each document 28 bytes stay in memory until close.
    """

    def __init__(self, paths: Mapping[str, Path], vocabulary: Vocabulary) -> None:
        self._paths, self._vocabulary = paths, vocabulary
        self._file = paths["ds"].open("wb")
        self._tokens = 0
        self._columns = [bytearray() for _ in KINDS]
        self._names: dict[str, int] = {}  # of sources, in the order they came
        self._facts: dict[str, Any] | None = None

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()

    def write(
        self,
        ids: Ids,
        ends: npt.NDArray[np.int64],
        id_hashes: npt.NDArray[np.uint64],
        sizes: npt.NDArray[np.uint64],
        sources: pa.Array | pa.ChunkedArray,
    ) -> None:
        """Adds documents.

        ids: their tokens, of the vocabulary's dtype; ends: where each ends in ids; id_hashes: see
        id_hash; sizes: bytes of the texts in UTF-8; sources: strings, dictionary or not. Raises
        TokensError where these do not fit together.
        """
        self._check(ids, ends, id_hashes, sizes, sources)
        self._file.write(ids.tobytes())
        values: list[npt.NDArray[Any]] = [
            ends + self._tokens,
            id_hashes,
            sizes,
            self._codes(sources),
        ]
        for column, kind, some in zip(self._columns, KINDS, values, strict=True):
            column += some.astype(kind).tobytes()
        self._tokens += len(ids)

    def _check(
        self,
        ids: Ids,
        ends: npt.NDArray[np.int64],
        id_hashes: npt.NDArray[np.uint64],
        sizes: npt.NDArray[np.uint64],
        sources: pa.Array | pa.ChunkedArray,
    ) -> None:
        if ids.dtype != self._vocabulary.dtype:
            raise TokensError(f"tokens of {ids.dtype} in a shard of {self._vocabulary.dtype}")
        if len(ids) and (largest := int(ids.max())) >= self._vocabulary.size:
            raise TokensError(
                f"token {largest} is beyond the vocabulary of {self._vocabulary.size}"
            )
        if {len(id_hashes), len(sizes), len(sources)} != {len(ends)}:
            raise TokensError("columns of documents that are not of one length")
        edges = np.concatenate([[0], ends])
        if edges[-1] != len(ids) or (np.diff(edges) < 0).any():
            raise TokensError("the documents do not end where the tokens do")

    def _codes(self, sources: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint32]:
        """Sources as numbers of this writer's own."""
        column = sources.combine_chunks() if isinstance(sources, pa.ChunkedArray) else sources
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        if column.null_count:
            raise TokensError("a document without a source")
        names = column.dictionary.to_pylist()
        numbers = [self._names.setdefault(name, len(self._names)) for name in names]
        places: npt.NDArray[np.uint32] = column.indices.to_numpy(zero_copy_only=False)
        return np.array(numbers, np.uint32)[places]

    def close(self) -> dict[str, Any]:
        """Writes the other files; counts of documents, tokens and bytes, and those by source."""
        if self._facts is None:
            self._file.close()
            ends, hashes, sizes, codes = (
                np.frombuffer(column, kind)
                for column, kind in zip(self._columns, KINDS, strict=True)
            )
            names, codes = _sorted_codes(list(self._names), codes)
            self._paths["index"].write_bytes(ends.tobytes())
            self._paths["metadata"].write_text(self._metadata(), encoding="utf-8")
            source = pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string()))
            _write_documents(self._paths["documents"], [hashes, sizes, source])
            lengths = np.diff(ends, prepend=np.uint64(0))
            self._facts = _facts(names, codes, lengths, sizes)
        return self._facts

    def _metadata(self) -> str:
        name = f"tamis-{self._vocabulary.digest[:12]}|{self._vocabulary.dtype.itemsize}"
        return f"{name}\n{self._tokens}\n{_short(self._tokens)}"


def _sorted_codes(
    names: list[str], codes: npt.NDArray[np.uint32]
) -> tuple[list[str], npt.NDArray[np.uint32]]:
    """Names that occur, sorted, and numbers that mean places in them."""
    counts = np.bincount(codes, minlength=len(names))
    there = sorted(name for name, count in zip(names, counts, strict=True) if count)
    places = {name: place for place, name in enumerate(there)}
    return there, np.array([places.get(name, 0) for name in names], np.uint32)[codes]


def _write_documents(path: Path, columns: list[Any]) -> None:
    batch = pa.record_batch(columns, schema=COLUMNS)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, COLUMNS) as writer:
        writer.write_batch(batch)


def _facts(
    names: list[str],
    codes: npt.NDArray[np.uint32],
    lengths: npt.NDArray[np.uint64],
    sizes: npt.NDArray[np.uint64],
) -> dict[str, Any]:
    by_source = zip(
        np.bincount(codes, minlength=len(names)).tolist(),
        *(_sums(codes, values, len(names)) for values in (lengths, sizes)),
        strict=True,
    )
    sources = {
        name: dict(zip(COUNTS, counts, strict=True))
        for name, counts in zip(names, by_source, strict=True)
    }
    totals = {key: sum(one[key] for one in sources.values()) for key in COUNTS}
    return {**totals, "sources": sources}


def _sums(codes: npt.NDArray[np.uint32], values: npt.NDArray[np.uint64], sources: int) -> list[int]:
    """What values of each source sum to; exact up to 2^53."""
    sums: list[int] = np.bincount(codes, values, sources).astype(np.int64).tolist()
    return sums


def _short(number: int) -> str:
    """12.3 MT for 12,345,678 tokens."""
    size, units = float(number), iter(("", "k", "M", "G", "T", "P"))
    unit = next(units)
    while size >= 999.5:
        size, unit = size / 1000, next(units)
    return f"{size:.3g} {unit}T"


def manifest(
    vocabulary: Vocabulary,
    shards: Sequence[Mapping[str, Any]],
    *,
    bos: bool,
    eos: bool,
    seed: int | None,
    origin: Mapping[str, Any],
) -> dict[str, Any]:
    """What tokens.json holds.

    shards: of each its name, what close gave, and `files`: bytes and sha256 of each of its files;
    bos, eos: whether every document begins and ends with it; seed: of the shuffle, None where the
    documents are in the order they came; origin: what the tokens were made from.
    """
    sources: dict[str, Counter[str]] = {}
    for shard in shards:
        for name, counts in shard["sources"].items():
            sources.setdefault(name, Counter()).update(counts)
    return {
        "format": FORMAT,
        "token_bytes": vocabulary.dtype.itemsize,
        "vocabulary": {
            "sha256": vocabulary.digest,
            "size": vocabulary.size,
            "bos": vocabulary.bos,
            "eos": vocabulary.eos,
            "unknown": vocabulary.unknown,
        },
        "bos": bos,
        "eos": eos,
        "shuffled": seed is not None,
        "seed": seed,
        **{key: sum(shard[key] for shard in shards) for key in COUNTS},
        "sources": {name: {key: sources[name][key] for key in COUNTS} for name in sorted(sources)},
        "from": dict(origin),
        "shards": [{key: shard[key] for key in ("name", *COUNTS, "files")} for shard in shards],
    }
