"""A man page's roff source to one document of readable text.

No typesetting: a paragraph is a line, a heading is a line, and what only says how things look on
paper is dropped. Reads the man and mdoc macros, and runs the simple macros a page defines itself.
"""

from __future__ import annotations

import re

from tamis.pipeline.ingest.inputs import Unreadable
from tamis.pipeline.ingest.man_reader import Reader
from tamis.pipeline.ingest.man_requests import HANDLERS as REQUESTS
from tamis.pipeline.ingest.man_tables import table
from tamis.pipeline.ingest.mdoc_requests import HANDLERS as MDOC

HANDLERS = {**REQUESTS, **MDOC, "TS": table}

_CODING = re.compile(rb"coding:[ \t]*([\w.-]{1,40})")
_CHARSETS = ("iso", "latin", "koi8", "cp", "windows", "euc", "gb", "big5", "shift", "utf-8", "tis")
_CONTROL = {code: None for code in range(32) if code not in (9, 10)} | {127: None}


def documents(data: bytes) -> list[tuple[str, dict[str, object]]]:
    """The text of a man page; none where it only redirects to another page (.so) or says nothing.

    Raises:
        Unreadable: not text.
    """
    if b"\0" in data:
        raise Unreadable("invalid_man", "contains NUL bytes: not the source of a man page")
    lines = _lines(_decode(data).translate(_CONTROL))
    reader = Reader(HANDLERS, REQUESTS.keys() | {"TS"}, budget=2 * len(lines) + 1000)
    try:
        reader.run(lines)
    except RecursionError as error:  # a condition in a condition in a condition...
        raise Unreadable("invalid_man", "requests nested too deeply") from error
    text = reader.page.text()
    return [(text, reader.meta)] if text else []


def _decode(data: bytes) -> str:
    """UTF-8 where it is that, else what a comment in the first two lines says, else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _CODING.search(b"\n".join(data.split(b"\n", 2)[:2]))
    charset = declared[1].decode("ascii", "replace").lower() if declared else ""
    # Not just any codec of Python's: some give no text, or take quadratic time (punycode).
    if charset.startswith(_CHARSETS):
        try:
            return data.decode(charset)
        except (UnicodeError, LookupError):
            pass
    return data.decode("latin-1")


def _lines(text: str) -> list[str]:
    """The input lines, those that end in a backslash joined with the next."""
    lines: list[str] = []
    pending: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.endswith("\\") and (len(line) - len(line.rstrip("\\"))) % 2:
            pending.append(line[:-1])
        else:
            lines.append("".join([*pending, line]) if pending else line)
            pending.clear()
    return [*lines, "".join(pending)] if pending else lines
