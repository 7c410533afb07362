"""Records of local files: JSON lines, plain or compressed, and Parquet, with the line of each."""

from __future__ import annotations

import gzip
import hashlib
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.model.errors import ModelError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Record = dict[str, Any]

LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
KINDS = (*LINES, ".parquet")
OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".zst": zstd.open,
    ".jsonl": partial(Path.open, mode="rb"),
}
_ROWS = 1_000


def stem(path: Path) -> str:
    """The name of a file without what says its kind."""
    for kind in KINDS:
        if path.name.endswith(kind):
            return path.name.removesuffix(kind)
    return path.name


def files_of(place: Path) -> list[Path]:
    """A file, or the files of a folder that can be read, by name; ModelError if there are none."""
    if not place.exists():
        raise ModelError(f"{place} does not exist")
    found = sorted(place.iterdir()) if place.is_dir() else [place]
    files = [one for one in found if one.is_file() and one.name.endswith(KINDS)]
    if not files:
        raise ModelError(f"{place}: nothing to read; files end in {', '.join(KINDS)}")
    return files


def sha256(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def records(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, Record]]:
    """Each record of a file, and where it stands: `name:line`, or `name:row` of Parquet, from 1.

    columns: what is wanted of Parquet. Raises ModelError naming file and line for what is no JSON
    object; a lone surrogate is none.
    """
    parquet = path.name.endswith(".parquet")
    found: Iterator[Record | None] = _rows(path, columns) if parquet else _lines(path)
    number = 0
    try:
        for number, one in enumerate(found, 1):
            if one is not None:
                yield f"{path.name}:{number}", one
    except (pa.ArrowException, zstd.ZstdError, zlib.error, EOFError, ValueError, OSError) as error:
        if isinstance(error, ModelError):
            raise
        said = str(error) or type(error).__name__
        raise ModelError(f"{path}:{number + 1}: cannot be read: {said}") from None


def _lines(path: Path) -> Iterator[Record | None]:
    """The record of every line; None for a blank one."""
    with OPENERS[path.suffix](path) as file:
        for line in file:
            one = orjson.loads(line) if line.strip() else None
            if not isinstance(one, dict | None):
                raise ValueError("not a JSON object")
            yield one


def _rows(path: Path, columns: Sequence[str]) -> Iterator[Record]:
    with pq.ParquetFile(path) as file:
        there = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(_ROWS, columns=there):
            yield from batch.to_pylist()
