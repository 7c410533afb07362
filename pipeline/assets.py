"""Assets: what was trained for a corpus, each a folder with a record of what it was made from.

The record, trained.json, is written after the files and removed before they are replaced. Those of
a corpus on a server are fetched to this machine's scratch when they are needed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import Damaged, from_os
from tamis.pipeline.storage.location import Location, Remote, remote
from tamis.pipeline.storage.scratch import scratch_of

RECORD = "trained.json"
FETCHED = 64 << 20  # bytes that are held at a time


@dataclass
class Draft:
    """An asset that is being made: a folder on this machine."""

    folder: Path
    record: dict[str, Any] | None = None

    def finish(self, record: dict[str, Any]) -> None:
        """Says what it was made from; without this it is thrown away."""
        self.record = record


@contextmanager
def draft(corpus: Corpus, name: str) -> Iterator[Draft]:
    """A folder that becomes the asset of this name when the block ends, if it was finished."""
    place = corpus.root / "assets" / name
    local = place if isinstance(place, Path) else scratch_of(f"{place} draft")
    making = Draft(local.with_name(f".{local.name}.draft"))
    shutil.rmtree(making.folder, ignore_errors=True)
    try:
        making.folder.mkdir(parents=True)
        yield making
        if making.record is not None:
            _publish(making, place)
    except OSError as error:
        raise from_os(error, f"cannot make {place}") from error
    finally:
        shutil.rmtree(making.folder, ignore_errors=True)


def _publish(making: Draft, place: Location) -> None:
    (place / RECORD).unlink(missing_ok=True)
    listed = sorted(path for path in making.folder.rglob("*") if path.is_file())
    record = {
        **(making.record or {}),
        "files": {str(p.relative_to(making.folder)): p.stat().st_size for p in listed},
    }
    if isinstance(place, Path):
        shutil.rmtree(place, ignore_errors=True)
        making.folder.rename(place)
    else:
        for path in listed:
            remote(place / str(path.relative_to(making.folder))).upload(path)
    files.write_json(place / RECORD, record)


def find(corpus: Corpus, name: str, asked: dict[str, Any]) -> Path | None:
    """The folder of an asset that was made as asked, of this corpus or the one it borrows from."""
    for owner in _owners(corpus):
        place = owner.root / "assets" / name
        if (record := _record(place)) and record["asked"] == asked:
            return place if isinstance(place, Path) else _fetched(remote(place), record)
    return None


def is_current(
    corpus: Corpus, name: str, asked: dict[str, Any], inputs: list[dict[str, Any]]
) -> bool:
    """Whether an asset was made as asked, of these inputs; one that is borrowed stays as it is."""
    own, *lenders = _owners(corpus)
    record = _record(own.root / "assets" / name)
    if record and (record["asked"], record["inputs"]) == (asked, inputs):
        return True
    borrowed = (_record(lender.root / "assets" / name) for lender in lenders)
    return any(record and record["asked"] == asked for record in borrowed)


def _owners(corpus: Corpus) -> list[Corpus]:
    home = corpus.home if corpus.exists() else corpus
    return [corpus] if str(home.root) == str(corpus.root) else [corpus, home]


def _record(place: Location) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = files.read_json(place / RECORD)
    except (FileNotFoundError, Damaged):
        return None
    return record


def _fetched(place: Remote, record: dict[str, Any]) -> Path:
    """A copy on this machine of an asset on a server."""
    local = scratch_of(f"{place} {files.fingerprint(record)}")
    for name, size in record["files"].items():
        path = local / name
        if path.is_file() and path.stat().st_size == size:
            continue
        with files.atomic(path, durable=False) as copy, copy.path.open("wb") as file:
            for start in range(0, size, FETCHED):
                file.write(remote(place / name).read(start, min(start + FETCHED, size)))
    return local
