"""A man page's roff source to one document of readable text.

No typesetting: a paragraph is a line, a heading is a line, and what only says how things look on
paper is dropped. Reads the man and mdoc macros, and runs the simple macros a page defines itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tamis.pipeline.ingest.inputs import Unreadable
from tamis.pipeline.ingest.man_page import Page
from tamis.pipeline.ingest.man_requests import HANDLERS as REQUESTS
from tamis.pipeline.ingest.man_requests import until
from tamis.pipeline.ingest.man_tables import table
from tamis.pipeline.ingest.mdoc_requests import HANDLERS as MDOC
from tamis.pipeline.ingest.roff import Strings, arguments
from tamis.pipeline.ingest.roff_conditions import holds, split

HANDLERS = {**REQUESTS, **MDOC, "TS": table}
# A page may give mdoc's names to macros of its own, but not redefine roff's and man's.
_FIXED = REQUESTS.keys() | {"TS"}

_CODING = re.compile(rb"coding:[ \t]*([\w.-]{1,40})")
_CHARSETS = ("iso", "latin", "koi8", "cp", "windows", "euc", "gb", "big5", "shift", "utf-8", "tis")
_CONTROL = {code: None for code in range(32) if code not in (9, 10)} | {127: None}
_COMMENT = re.compile(r'(?<!\\)\\["#].*')
_BRACE = re.compile(r"\\[{}]")
_PARAMETER = re.compile(r"\\\$([1-9*@])")

# A macro may call others this deep, and make lines at most this long: what a page defines could
# otherwise double with each level.
_DEEPEST, _LONGEST = 5, 2000


def documents(data: bytes) -> list[tuple[str, dict[str, object]]]:
    """The text of a man page; none where it only redirects to another page (.so) or says nothing.

    Raises:
        Unreadable: not text.
    """
    if b"\0" in data:
        raise Unreadable("invalid_man", "contains NUL bytes: not the source of a man page")
    lines = _lines(_decode(data).translate(_CONTROL))
    reader = Reader(budget=2 * len(lines) + 1000)
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


class Reader:
    """Carries out the lines of a page: prints on it, defines strings and macros, branches."""

    def __init__(self, budget: int) -> None:
        self.page = Page()
        self.meta: dict[str, object] = {}
        self.strings = Strings()
        self.link = ""  # the address that ends at .UE
        self.subject = ""  # mdoc: what the page is about
        self.lists: list[tuple[str, int]] = []  # mdoc: each open list's kind and items so far
        self.listed = -1  # mdoc: how many Fa since Fo, or references since Rs; -1 outside
        self.outcomes: list[bool] = []  # of every .ie that still waits for its .el
        self._macros: dict[str, list[str]] = {}
        self._registers = {".g": 1}  # what a page tests before it uses GNU's extensions
        self._budget = budget  # how many lines macros may still add
        self._depth = 0

    def run(self, lines: list[str]) -> None:
        """Carries out lines, some of which consume those that follow them."""
        remaining = iter(lines)
        for line in remaining:
            self.line(line, remaining)

    def line(self, line: str, remaining: Iterator[str]) -> None:
        """Carries out a request or prints a line of text."""
        if not line.startswith((".", "'")):
            if line.strip():
                self.page.write(self.strings.text(line))
            else:
                self.page.end_paragraph()
            return
        request = _COMMENT.sub("", line[1:]).lstrip(" \t").replace("\t", " ", 1)
        name, _, rest = request.partition(" ")
        if brace := _BRACE.search(name):  # without a space before it
            name, rest = name[: brace.start()], f"{name[brace.start() :]} {rest}"
        if name in self._macros:
            self._call(self._macros[name], arguments(rest))
        elif name in HANDLERS:
            HANDLERS[name](self, name, rest.strip(), remaining)

    def define(self, rest: str, remaining: Iterator[str]) -> None:
        """Keeps a macro, unless it only redefines one that is known here."""
        name, _, end = rest.partition(" ")
        body = until(remaining, f".{end.strip()}")
        if name and name not in _FIXED:
            self._macros[name] = [line.replace("\\\\", "\\") for line in body]

    def alias(self, new: str, old: str) -> None:
        """Gives a macro of the page's a second name."""
        if old in self._macros and new not in _FIXED:
            self._macros[new] = self._macros[old]

    def _call(self, body: list[str], words: list[str]) -> None:
        """Carries out a macro that the page has defined."""
        if self._depth >= _DEEPEST or self._budget < len(body):
            return
        self._budget -= len(body)
        self._depth += 1
        outer = self._registers.get(".$", 0)
        self._registers[".$"] = len(words)
        values = {str(place): word for place, word in enumerate(words, 1)}
        values |= {"*": " ".join(words), "@": " ".join(f'"{word}"' for word in words)}
        self.run([_PARAMETER.sub(lambda m: values.get(m[1], ""), x)[:_LONGEST] for x in body])
        self._registers[".$"] = outer
        self._depth -= 1

    def condition(self, rest: str, remaining: Iterator[str]) -> bool:
        """Carries out or skips what follows a condition; returns how it came out."""
        test, body = split(rest)
        outcome = holds(test, self.strings, self._knows, self._registers)
        self.branch(body, outcome, remaining)
        return outcome

    def _knows(self, name: str) -> bool:
        return name in HANDLERS or name in self._macros

    def branch(self, body: str, taken: bool, remaining: Iterator[str]) -> None:
        """Carries out a request, or the block in braces that begins with it, or skips it."""
        if taken:
            # The block's other lines come by themselves; its closing brace prints nothing.
            if body := body.lstrip().removeprefix("\\{").lstrip():
                self.line(body, remaining)
            return
        depth = body.count("\\{") - body.count("\\}")
        while depth > 0 and (line := next(remaining, None)) is not None:
            depth += line.count("\\{") - line.count("\\}")
