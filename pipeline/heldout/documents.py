"""Documents that may be held out, and which domain each belongs to by where it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from tamis.filters.references import files_of, records
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.texts import batches

POOL = "pool"
"""The slice of everything that was set aside: no domain may be called so."""
TAKEN = (POOL, "macro")
"""What no domain can be called: the second is the mean of all, in verdict.json."""
INSTALLED = "installed:"
_SECTION = re.compile(r"installed:system/man/man(\d)")
_SECTIONS = {
    **dict.fromkeys("168", "commands"),
    **dict.fromkeys("23", "functions"),
    **dict.fromkeys("457", "formats"),
}
_SOURCES = {
    "docstrings": "docstrings",
    "description": "readmes",
    "docs": "readmes",
    "system-docs": "readmes",
}


@dataclass(frozen=True)
class Document:
    """A document that may be held out."""

    domain: str
    """Empty: it belongs to none, but to the pool."""
    id: str
    text: str
    group: str
    """The host or package it comes from, what is independent of the others; else itself."""
    source: str | None = None
    url: str | None = None
    aside: bool = False
    """Whether ingest set it aside from the pool, rather than a user gave it."""


Documents = Callable[[], Iterator[Document]]


def domain_of(source: str | None, path: str) -> str:
    """The domain of an installed document by its nature; empty for what is none.

    Man pages of the untranslated tree by section (1, 6, 8; 2, 3; 4, 5, 7), docstrings, and what
    introduces a package. Change logs, licences and catalogues of translations are lists, law and
    other languages: no corpus of English prose is made to model them.
    """
    if source == "man":
        section = _SECTION.match(path)
        return _SECTIONS.get(section[1], "") if section else ""
    return _SOURCES.get(source or "", "")


def set_aside(corpus: Corpus, sources: Sequence[str]) -> Iterator[Document]:
    """What ingest set aside as heldout/; sources: those that are a domain each, by their name.

    Without any the domains are those of `domain_of`, of installed documents.
    """
    home = corpus.home
    paths = [
        home.root / "heldout" / f"{shard}.parquet"
        for shard, record in home.ingested()
        if "heldout" in record.get("files", {})
    ]
    for batch in batches(paths, ["id", "text", "source", "url", "meta"]):
        for row in batch.to_pylist():
            meta = orjson.loads(row["meta"] or b"{}")
            path, source = str(meta.get("path", "")), row["source"]
            if sources:
                domain = source if source in sources else ""
            else:
                domain = domain_of(source, path) if path.startswith(INSTALLED) else ""
            group = _group(meta, row["url"], row["id"])
            yield Document(domain, row["id"], row["text"], group, source, row["url"], True)


def check_sources(sources: Sequence[str]) -> None:
    """Raises CallError for a source whose name cannot be a domain's, nor a file's."""
    if unfit := [name for name in sources if not name or name in TAKEN or "/" in name]:
        raise CallError(f"held-out text: no domain can be called '{unfit[0]}', as a source is")


def given(places: Sequence[Path]) -> Documents:
    """The documents of files, each a domain by its name; raises CallError for unfit ones."""
    files = given_files(places)
    if unfit := [name for name in files if name in TAKEN or "/" in name]:
        raise CallError(
            f"held-out text: a domain cannot be called '{unfit[0]}' ({files[unfit[0]]}): "
            "name files in one folder by their domains, such as news.jsonl"
        )
    return lambda: _read(files)


def given_files(places: Sequence[Path]) -> dict[str, Path]:
    """The files by their names; raises CallError for one that is missing or cannot be read."""
    try:
        return files_of(places)
    except (FileNotFoundError, ValueError) as error:
        raise CallError(f"held-out text: {error}") from error


def _read(files: Mapping[str, Path]) -> Iterator[Document]:
    for name, path in sorted(files.items()):
        empty = True
        try:
            for number, record in records(path):
                text = record.get("text")
                if not isinstance(text, str):
                    has = ", ".join(list(record)[:12])
                    raise ValueError(
                        f"{path}, item {number}: no string in 'text'; it has: {has or 'nothing'}"
                    )
                empty = False
                yield _document(name, number, record, text)
        except ValueError as error:
            raise CallError(f"held-out text: {error}") from error
        if empty:
            raise CallError(f"held-out text: {path} is empty: not one item in it")


def _document(name: str, number: int, record: Mapping[str, Any], text: str) -> Document:
    known = record.get("id")
    identifier = str(known) if isinstance(known, str | int) else f"{number}"
    url, source = _string(record.get("url")), _string(record.get("source"))
    group = _string(record.get("group")) or _group(record, url, identifier)
    return Document(name, identifier, text, group, source, url)


def _group(record: Mapping[str, Any], url: str | None, identifier: str) -> str:
    """As ingest has it when it sets aside: the host, else the package, else the document."""
    try:
        host = (urlsplit(url).hostname or "") if url else ""
    except ValueError:  # brackets that are no address
        host = ""
    return host.removeprefix("www.") or str(record.get("package") or identifier)


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
