"""Texts that others are compared with: items of JSON lines or Parquet files, by their names."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
LONGEST_LINE = 64 << 20
"""Bytes of a line: one that is longer is no item but another format."""
_SHOWN = 12


class Reference(NamedTuple):
    """An item of a file."""

    name: str
    """`FILE:ID`, or `FILE:LINE` where it has no id; FILE without its ending."""
    pieces: list[str]
    """The strings of its fields, those in lists and objects too."""


def files_of(places: Sequence[Path]) -> dict[str, Path]:
    """The files that some files and folders stand for, by what their items are called after.

    Raises:
        FileNotFoundError: one is missing, or a folder has none.
        ValueError: another format, or two files of one name.
    """
    found: dict[str, Path] = {}
    for place in places:
        for path in _below(place):
            inside = path.relative_to(place) if place.is_dir() else Path(path.name)
            name = _stem(inside.as_posix())
            if name in found:
                raise ValueError(
                    f"{found[name]} and {path} would both be called '{name}': rename one"
                )
            found[name] = path
    return found


def _below(place: Path) -> list[Path]:
    if place.is_dir():
        below = sorted(p for p in place.rglob("*") if p.name.endswith(ENDINGS) and p.is_file())
        if not below:
            raise FileNotFoundError(f"{place} has no file of {', '.join(ENDINGS)} in it")
        return below
    if not place.is_file():
        raise FileNotFoundError(f"there is no file or folder {place}")
    if not place.name.endswith(ENDINGS):
        raise ValueError(f"{place} is none of {', '.join(ENDINGS)}")
    return [place]


def _stem(name: str) -> str:
    return next(name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending))


def read(name: str, path: Path, fields: Sequence[str]) -> Iterator[Reference]:
    """The items of a file that have one of the fields.

    Raises ValueError where the file is broken or no item has one: text that is passed over in
    silence would be looked for by nobody.
    """
    some, seen, empty = False, 0, ""
    for number, record in records(path, [*fields, "id"]):
        seen += 1
        pieces = [piece for field in fields for piece in _strings(record.get(field))]
        if not pieces:
            empty = empty or ", ".join(list(record)[:_SHOWN])
            continue
        some = True
        identifier = record.get("id")
        known = identifier if isinstance(identifier, str | int) else number
        yield Reference(f"{name}:{known}", pieces)
    if not some:
        wanted = " or ".join(f"'{field}'" for field in fields)
        raise ValueError(
            f"{path}: none of its {seen:,} items has text in {wanted} (they have: {empty}); name "
            "the fields to read as the option fields"
            if seen
            else f"{path} is empty: not one item in it"
        )


def records(path: Path, columns: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file, with the number of their line or row, from 1.

    columns: of a Parquet file only these, as far as it has them; without any, all.

    Raises:
        ValueError: the file is broken, or a line is no JSON object or over LONGEST_LINE.
    """
    try:
        if path.name.endswith(".parquet"):
            yield from _rows(path, columns)
        elif path.name.endswith(".gz"):
            with gzip.open(path, "rb") as file:
                yield from _lines(path, file)
        else:
            with path.open("rb") as file:
                yield from _lines(path, file)
    except (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowException) as error:
        raise ValueError(f"{path} is broken: {error}") from error


def _lines(path: Path, file: IO[bytes] | gzip.GzipFile) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise ValueError(
                f"{path}, line {number}: over {LONGEST_LINE >> 20} MiB; an item is one JSON object "
                "on one line"
            )
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number} is not JSON: {error}") from None
        if not isinstance(record, dict):
            raise ValueError(f"{path}, line {number} is no JSON object")
        yield number, record


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    with pq.ParquetFile(path) as file:
        there = [name for name in file.schema_arrow.names if not columns or name in columns]
        shown = dict.fromkeys(file.schema_arrow.names)
        number = 0
        for batch in file.iter_batches(1024, columns=there):
            for row in batch.to_pylist():
                number += 1
                yield number, {**shown, **row}


def _strings(value: Any) -> Iterable[str]:
    """The strings of a value: itself, or those in its lists and objects."""
    if isinstance(value, str):
        return [value] if value else []
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return [text for one in inner for text in _strings(one)]
