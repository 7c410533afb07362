"""An index: the signatures of what earlier crawls published, for later ones to be held against.

A folder with index.json and, for every crawl that was appended, a folder of its name:

    index.json          {"format", "signatures", "methods", "parts"}, written last
    NAME/00000.arrow    the signatures of a shard's published documents, as in a corpus
    NAME/before.json    index.json as it was before this crawl was appended

A crawl that is in an index is held against what was in it before, whatever came since: so its
answer stays what it was, and it is no duplicate of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.pipeline import files
from tamis.pipeline.errors import CallError, Damaged

FORMAT = 1
INDEX, BEFORE = "index.json", "before.json"


@dataclass(frozen=True)
class Index:
    """What index.json, or a before.json, says; `folder` is what its files are relative to."""

    folder: Path
    record: Path
    content: dict[str, Any]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Its files in the order in which they came: file, name, rows, documents, and so on."""
        found: list[dict[str, Any]] = self.content["parts"]
        return found

    @property
    def paths(self) -> list[Path]:
        return [self.folder / part["file"] for part in self.parts]

    def of(self, name: str) -> list[dict[str, Any]]:
        """The parts of one crawl."""
        return [part for part in self.parts if part["name"] == name]

    def before(self, documents: str) -> Path:
        """The record of what was there before the crawl of these documents was appended."""
        names = [part["name"] for part in self.parts if part["documents"] == documents]
        return self.folder / names[0] / BEFORE if names else self.record

    def check(self, signatures: dict[str, Any], methods: list[str]) -> None:
        """Raises CallError for other signatures, or methods that it has no keys for."""
        held = self.content["signatures"]
        differ = {key: value for key, value in held.items() if signatures.get(key) != value}
        if differ:
            other = {key: signatures.get(key) for key in differ}
            raise CallError(
                f"{self.folder} holds signatures of {_said(differ)}, this recipe makes "
                f"{_said(other)}: give it the same parameters, or another index"
            )
        if missing := sorted({*methods} - {*self.content["methods"]}):
            raise CallError(
                f"{self.folder} was made for the methods {', '.join(self.content['methods'])}: "
                f"it has no keys for {', '.join(missing)}"
            )


def _said(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def open_index(name: str) -> Index:
    """The index in a folder, or as the record of that name says that it was.

    Raises CallError if there is none, Damaged if its record is not one of ours.
    """
    given = Path(name)
    record = given if given.name in (INDEX, BEFORE) else given / INDEX
    folder = record.parent.parent if record.name == BEFORE else record.parent
    try:
        content = files.read_json(record)
    except (FileNotFoundError, NotADirectoryError):
        raise CallError(
            f"{folder} is no index (no {record.name} there): make one of a crawl that is written "
            f"with `tamis index CORPUS -o {folder}`"
        ) from None
    if not isinstance(content, dict) or not {"format", "signatures", "methods", "parts"} <= {
        *content
    }:
        raise Damaged(f"{record} is no index of tamis's: restore it, or choose another folder")
    if content["format"] != FORMAT:
        raise CallError(f"{folder} has format {content['format']}; this tamis reads {FORMAT}")
    return Index(folder, record, content)
