"""The tables of man pages (tbl) as text: a row is a line, two spaces stand between two cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tamis.pipeline.ingest.man_reader import Reader, until
from tamis.pipeline.ingest.roff import arguments

_TAB = re.compile(r"tab ?\((.)\)", re.IGNORECASE)


_FONTS = frozenset({"B", "I", "R", "BR", "RB", "BI", "IB", "IR", "RI", "SM", "CW"})
# Cells that are rules, or that say that the one above them goes on.
_NO_TEXT = frozenset(["", "_", "=", "\\_", "\\=", "\\^"])


def table(reader: Reader, name: str, rest: str, remaining: Iterator[str]) -> None:
    """Prints a table (.TS), whose format only says where its cells come to lie."""
    reader.page.end_paragraph()
    for cells in _rows(iter(until(remaining, ".TE"))):
        texts = [reader.strings.text(cell).strip() for cell in cells if cell not in _NO_TEXT]
        if row := "  ".join(filter(None, texts)):
            reader.page.add(row)
            reader.page.end_line()
    reader.page.end_paragraph()


def _rows(lines: Iterator[str]) -> Iterator[list[str]]:
    """The rows of a table, each as its cells."""
    tab, in_format = "\t", True
    for line in lines:
        if in_format:
            if option := _TAB.search(line):
                tab = option[1]
            in_format = not line.rstrip().endswith(".")
        elif line.startswith(".T&"):
            in_format = True
        elif words := _words(line):
            yield _cells(words, tab, lines)


def _cells(line: str, tab: str, lines: Iterator[str]) -> list[str]:
    """The cells of a row; one of several lines stands between T{ and T}, and others may follow."""
    cells = line.split(tab)
    while cells[-1].strip() == "T{":
        words: list[str] = []
        cells[-1:] = [""]
        for inner in lines:
            if inner.startswith("T}"):
                cells[-1:] = [" ".join(words), *inner[2:].split(tab)[1:]]
                break
            words.append(_words(inner))
        else:
            cells[-1] = " ".join(words)
    return cells


def _words(line: str) -> str:
    """What a line within a table prints."""
    if not line.startswith((".", "'")):
        return line
    name, _, rest = line[1:].lstrip().partition(" ")
    return "".join(arguments(rest)) if name in _FONTS else ""
