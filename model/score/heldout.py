"""Held-out documents of local files: of each its text, its domain and the group it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from tamis.model.errors import ModelError
from tamis.model.score.records import Record, files_of, records, stem

COLUMNS = ("id", "text", "source", "url", "group", "package")


class By(StrEnum):
    """What a domain is: a file, or what documents have as their source."""

    file = "file"
    source = "source"


@dataclass(frozen=True)
class Document:
    """A held-out document."""

    place: str
    """Where it stands, for errors: file and line."""
    id: str
    """Its own, else where it stands."""
    domain: str
    group: str
    """What it may share chance with: its `group` or `package`, the host of its URL, or itself."""
    text: str = field(repr=False)


def heldout_files(places: Sequence[Path], by: By) -> list[Path]:
    """The files of some files and folders; ModelError for none, and for one name twice."""
    files = [file for place in places for file in files_of(place)]
    names = [file.name if by == By.source else stem(file) for file in files]
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"--heldout: two files are called '{name}': rename one of them")
    return files


def documents(path: Path, by: By) -> Iterator[Document]:
    """The documents of a file; ModelError naming file and line for one without a text."""
    for place, one in records(path, COLUMNS):
        text = one.get("text")
        if not isinstance(text, str):
            raise ModelError(f"{path.parent / place}: no field 'text' with a string")
        domain = stem(path) if by == By.file else one.get("source")
        if not isinstance(domain, str) or not domain:
            raise ModelError(f"{path.parent / place}: no field 'source', which would be its domain")
        name = place if one.get("id") in (None, "") else str(one["id"])
        yield Document(place, name, domain, _group(one) or name, text)


def _group(record: Record) -> str:
    for key in ("group", "package"):
        if record.get(key) not in (None, ""):
            return str(record[key])
    url = record.get("url")
    try:
        return (urlsplit(url).hostname or "") if isinstance(url, str) else ""
    except ValueError:  # brackets that are no address
        return ""
