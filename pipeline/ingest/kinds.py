"""What a file's name says about it: which source it belongs to, or that it is no prose."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

COMPRESSIONS = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst"}

# Folders whose files nobody wrote to be read: fixtures, caches, and other people's site-packages.
_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "test", "tests", "testdata", "test_data", "idle_test", "fixtures"}
    | {"node_modules", "site-packages", "dist-packages", "lib-dynload"}
)
# .txt files kept in these are word lists and tables far more often than they are prose.
_DATA_FOLDERS = frozenset({"data", "dataset", "datasets", "assets", "vocab", "corpora"})

_PROSE = frozenset({".txt", ".md", ".rst", ".markdown"})
_TEXT_ENDINGS = frozenset({".debian", ".old", ".amd64", ".apache", ".bsd", ".gpl", ".mit"})
_LICENCE = frozenset({"copying", "copyright", "notice", "notices"})
_CHANGELOG = frozenset({"changes", "changelog", "news", "history", "release", "whatsnew"})
_READABLE = frozenset(
    {"readme", "faq", "todo", "bugs", "install", "hacking", "intro", "notes", "usage", "security"}
)
# Lists of people are names and addresses, not prose.
_PEOPLE = frozenset({"authors", "thanks", "credits", "contributors", "maintainers"})
_NO_PROSE = re.compile(
    r"cmakelists|requirements|constraints|vendor\.txt|words?\b|wordlist|words_|vocab|symbols"
    r"|entities|leap-seconds|tlds|grammar|dictionary|test-|trustlist|keyserver|versions"
)
_CHANGES = re.compile(r"changelog|releasenotes|(?:^|/)relnotes/", re.IGNORECASE)
_FIRST_WORD = re.compile(r"\d*([A-Za-z]+)")


def is_skipped(folder: str) -> bool:
    """Whether nothing in a folder of this name was written to be read."""
    return folder in _SKIPPED_FOLDERS or folder.startswith(".")


def uncompressed(name: str) -> tuple[str, str]:
    """The name without its compression's ending, and the compression."""
    stem, dot, ending = name.rpartition(".")
    compression = COMPRESSIONS.get(dot + ending, "")
    return (stem, compression) if compression else (name, "")


def kind(path: PurePosixPath) -> str | None:
    """The source of a text file by its uncompressed name: licence, changelog, docs or none."""
    name, suffix = path.name, path.suffix
    lower = name.lower()
    named = suffix.lower() in _PROSE | _TEXT_ENDINGS or not suffix[1:].islower()
    if not named or _NO_PROSE.search(lower):
        return None
    match = _FIRST_WORD.match(lower)
    word = match[1] if match else ""
    if word in _LICENCE or "license" in lower or "licence" in lower:
        return "licence"
    if word in _CHANGELOG or _CHANGES.search(str(path)):
        return "changelog"
    if word in _PEOPLE:
        return None
    if suffix.lower() in _PROSE:
        return None if _DATA_FOLDERS.intersection(path.parts[:-1]) else "docs"
    # README.Debian, 00QUICKSTART and todo, but not install-sh.
    readable = word in _READABLE and (lower == word or not name.islower())
    return "docs" if readable or "readme" in lower or (not suffix and name.isupper()) else None
