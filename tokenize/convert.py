"""Tokens in the files of other trainers, in blocks: of no shard more than that is in memory.

Megatron: `tokens.bin`, all tokens, and `tokens.idx`, where each document is; see IndexedDataset of
megatron.core. OLMo: a shard is a flat array named .npy, without a header, and a .csv.gz of start,
end, id, source and number of every document, as dolma writes; documents are parted by EOS. The
bytes depend on the tokens alone.
"""

from __future__ import annotations

import gzip
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tamis.tokenize.errors import TokensError
from tamis.tokenize.shards import TOKENIZER
from tamis.tokenize.tokens import BLOCK, Shard, Tokens, beyond, check_ends

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
UINT16, INT32 = 8, 4
"""What Megatron calls these types."""
DOCUMENTS = 1 << 16
"""Documents that are listed at once."""


def convert(tokens: Tokens, folder: Path, form: str) -> None:
    """Writes tokens for another trainer, and their vocabulary, to a folder that is not there yet.

    form: one of FORMS. The folder appears when all is written. Raises TokensError where the form
    cannot hold these tokens or the folder is there, Corrupt where they are damaged.
    """
    if form not in FORMS:
        raise TokensError(f"no format {form!r}: they are {', '.join(FORMS)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TokensError(f"{folder} is there already: tokens want a folder of their own")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        draft.mkdir(parents=True)
        FORMS[form](tokens, draft)
        shutil.copytree(tokens.folder / TOKENIZER, draft / TOKENIZER)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def megatron(tokens: Tokens, folder: Path) -> None:
    """Writes tokens.bin and tokens.idx: every document is one sequence."""
    kind, code = (np.dtype("<u2"), UINT16) if tokens.dtype == "<u2" else (np.dtype("<i4"), INT32)
    with (folder / "tokens.bin").open("wb") as file:
        for shard in tokens.shards:
            _write_tokens(file, shard, tokens.size, kind)
    count = tokens.facts["documents"]
    with (folder / "tokens.idx").open("wb") as file:
        file.write(MAGIC + struct.pack("<QBQQ", VERSION, code, count, count + 1))
        for shard, lengths in _lengths(tokens):
            if lengths.max() >= 1 << 31:
                raise TokensError(
                    f"shard {shard.name} has a document of {lengths.max():,} tokens: Megatron "
                    "counts to 2^31"
                )
            file.write(lengths.astype("<i4").tobytes())
        before = 0
        for _, lengths in _lengths(tokens):
            ends = before + np.cumsum(lengths)
            file.write(((ends - lengths) * kind.itemsize).astype("<i8").tobytes())
            before = int(ends[-1])
        for first in range(0, count + 1, BLOCK):
            file.write(np.arange(first, min(first + BLOCK, count + 1), dtype="<i8").tobytes())


def olmo(tokens: Tokens, folder: Path) -> None:
    """Writes an array of every shard that has tokens, and the list of its documents."""
    if not tokens.facts["eos"]:
        raise TokensError(
            f"the documents of {tokens.folder} do not end with EOS, by which OLMo parts them: "
            "tokenize again with it"
        )
    number = 0
    for shard in tokens.shards:
        if shard.facts["tokens"]:
            with (folder / f"{shard.name}.npy").open("wb") as file:
                _write_tokens(file, shard, tokens.size, tokens.dtype)
            _list_documents(folder / f"{shard.name}.csv.gz", shard, number)
        number += shard.facts["documents"]


FORMS: dict[str, Callable[[Tokens, Path], None]] = {"megatron": megatron, "olmo": olmo}


def _write_tokens(file: BinaryIO, shard: Shard, size: int, kind: npt.DTypeLike) -> None:
    check_ends(shard)
    for first in range(0, len(shard.tokens), BLOCK):
        some = shard.tokens[first : first + BLOCK]
        if (largest := int(some.max())) >= size:
            raise beyond(shard, largest, size)
        file.write(some.astype(kind, copy=False).tobytes())


def _lengths(tokens: Tokens) -> Iterator[tuple[Shard, npt.NDArray[np.int64]]]:
    """How long documents are in tokens, so many at once."""
    for shard in tokens.shards:
        for first in range(0, len(shard.ends), BLOCK):
            before = shard.ends[first - 1] if first else 0
            yield shard, np.diff(shard.ends[first : first + BLOCK], prepend=before)


def _list_documents(path: Path, shard: Shard, number: int) -> None:
    """Lines of start, end, id (the hash of it), source and number in the folder."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        start = 0
        for first in range(0, len(shard.ends), DOCUMENTS):
            ends = shard.ends[first : first + DOCUMENTS].tolist()
            rows = shard.documents.slice(first, DOCUMENTS).to_pydict()
            names = [_field(name) for name in rows["source"]]
            lines = []
            for end, own, name in zip(ends, rows["id_hash"], names, strict=True):
                lines.append(f"{start},{end},{own:016x},{name},{number}\n")
                start, number = end, number + 1
            file.write("".join(lines).encode())


def _field(name: Any) -> str:
    """A field of a line, whatever is in it."""
    text = "".join(c if c.isprintable() else " " for c in name)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"') else text
