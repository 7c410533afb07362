"""On which line of a TOML text a key stands: tomllib does not say, and users want to know."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\"'-]+)\s*=")
_TEXT = re.compile(r"\"{3}|'{3}")
_INLINE = re.compile(r"[{,]\s*([A-Za-z0-9_\"'-]+)\s*=")


def find(text: str, location: tuple[object, ...]) -> int | None:
    """The line, from 1, of the longest beginning of a key path that the text spells out."""
    lines = _lines(text)
    for length in range(len(location), 0, -1):
        if (line := lines.get(location[:length])) is not None:
            return line
    return None


def _lines(text: str) -> dict[tuple[object, ...], int]:
    lines: dict[tuple[object, ...], int] = {}
    entries: dict[str, int] = {}
    table: tuple[object, ...] = ()
    quoted = False  # inside a string of several lines
    for number, line in enumerate(text.split("\n"), 1):
        inside, quoted = quoted, quoted ^ bool(len(_TEXT.findall(line)) % 2)
        if inside:
            continue
        if header := _HEADER.match(line):
            name, *rest = _split(header[2])
            if header[1] == "[[" and not rest:
                entries[name] = entries.get(name, -1) + 1
            table = (name, entries[name], *rest) if name in entries else (name, *rest)
            lines.setdefault(table, number)
            lines.setdefault(table[:1], number)
        elif key := _KEY.match(line):
            path = (*table, *_split(key[1]))
            lines.setdefault(path, number)
            for inner in _INLINE.finditer(line, key.end()):
                lines.setdefault((*path, inner[1].strip("\"'")), number)
    return lines


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
