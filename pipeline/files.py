"""Files that are there whole or not at all, and their digests.

On a local disk a file appears by temporary name, fsync and rename. A temporary file is named
`.<name>.<pid>.tmp`; what an interrupted run leaves of them is swept by the next holder of the lock.
On an object store it appears by one completed upload of a scratch file on this machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.pipeline.errors import Damaged, WorkError, from_os
from tamis.pipeline.storage.location import Location, Remote, remote
from tamis.pipeline.storage.reading import RangeFile
from tamis.pipeline.storage.scratch import draft_path

SMALL = 1 << 20  # fetched whole: a request costs as long as a megabyte


@dataclass
class Draft:
    """A file that is being written, and once it is, how many bytes it has and their SHA-256."""

    path: Path
    """Where to write it, on this machine."""
    bytes: int = -1
    sha256: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What a record says of the file."""
        return {"bytes": self.bytes, "sha256": self.sha256}


@contextmanager
def atomic(
    place: Location, before: Callable[[], None] = lambda: None, durable: bool = True
) -> Iterator[Draft]:
    """A draft that becomes the file `place` when the block ends, and vanishes if it raises.

    before is called just before the file that is there already is replaced. durable makes the file
    survive a power cut; a file that can be done without is spared the wait for the disk.
    """
    local = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    draft = Draft(local if isinstance(local, Path) else draft_path())
    try:
        draft.path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        draft.bytes, draft.sha256 = draft.path.stat().st_size, digest(draft.path)
        if isinstance(place, Path):
            _rename(draft.path, place, before, durable)
        else:
            _upload(draft, place, before)
    except BaseException as error:
        draft.path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise from_os(error, f"cannot write {place}") from error
        raise


def _rename(temporary: Path, place: Path, before: Callable[[], None], durable: bool) -> None:
    if durable:
        _sync(temporary)
    before()
    temporary.replace(place)
    if durable:
        _sync(place.parent)


def _upload(draft: Draft, place: Location, before: Callable[[], None]) -> None:
    """Puts a draft where it belongs and asks the server whether all of it came."""
    before()
    remote(place).upload(draft.path)
    if (there := remote(place).facts().bytes) != draft.bytes:
        raise WorkError(f"{place}: {there} of {draft.bytes} bytes arrived: run the command again")
    draft.path.unlink()


def _sync(path: Path) -> None:
    """Waits until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Removes the temporary files that interrupted runs left below a directory."""
    for path in directory.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def remove_below(place: Location) -> None:
    """Removes a folder; that of a server by a listing, which is good enough to tidy up."""
    if isinstance(place, Path):
        shutil.rmtree(place, ignore_errors=True)
        return
    for name in remote(place).files():
        remote(place / name).unlink(missing_ok=True)


def copy(source: Location, target: Location) -> None:
    """A file of its own with the same content: a hard link or the server's own copy if possible.

    Whoever replaces a file here never writes through a link.
    """
    if isinstance(source, Path) and isinstance(target, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    elif isinstance(source, Remote) and isinstance(target, Remote):
        source.copy_to(target)
    else:
        with atomic(target) as draft:
            draft.path.write_bytes(source.read_bytes())


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: the same bytes for the same value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def fingerprint(value: Any) -> str:
    """A 128-bit digest of a JSON value, in hexadecimal."""
    return hashlib.blake2b(canonical(value), digest_size=16).hexdigest()


def write_json(path: Location, value: Any, durable: bool = True) -> None:
    """Writes indented JSON atomically, keys in the order given."""
    with atomic(path, durable=durable) as draft:
        draft.path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")


def read_json(path: Location) -> Any:
    """What a JSON file holds.

    Raises FileNotFoundError if it is missing, Damaged if it is not JSON.
    """
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Damaged(f"{path} is not valid JSON ({error}): restore it or delete it") from error


def parquet_file(place: Location) -> pq.ParquetFile:
    """A Parquet file that is open; of one on a server only the columns that are read are fetched,
    unless it can only send the whole file, which is held then: some 100 MB.

    Raises FileNotFoundError if it is missing, ArrowException if it is damaged.
    """
    if isinstance(place, Path):
        return pq.ParquetFile(place, pre_buffer=False)
    there, facts = remote(place), remote(place).facts()
    if not facts.ranges or facts.bytes <= SMALL:
        return pq.ParquetFile(pa.BufferReader(there.read_bytes()))
    # pre_buffer makes one request of columns that lie side by side, a row group at a time.
    return pq.ParquetFile(RangeFile(there.read, facts.bytes), pre_buffer=True)


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A Parquet writer with the settings of every file tamis writes.

    zstd level 1: on web text level 3 is 13 % smaller and half as fast to write. Statistics of the
    text column would store its first and last strings whole.
    """
    counted = [field.name for field in schema if field.name != "text"]
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in counted if name not in ("id", "url", "meta")],
        write_statistics=counted,
    )
