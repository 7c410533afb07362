"""Carries out the lines of a roff source; what each request does stands in tables of handlers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set

from tamis.pipeline.ingest.man_page import Page
from tamis.pipeline.ingest.roff import Strings, arguments
from tamis.pipeline.ingest.roff_conditions import holds, split

Handler = Callable[["Reader", str, str, Iterator[str]], None]
"""Called with the reader, the request's name, the rest of its line, and the lines that follow."""

_COMMENT = re.compile(r'(?<!\\)\\["#].*')
_BRACE = re.compile(r"\\[{}]")
_PARAMETER = re.compile(r"\\\$([1-9*@])")

# A macro may call others this deep, and make lines at most this long: what a page defines could
# otherwise double with each level.
_DEEPEST, _LONGEST = 5, 2000


def until(remaining: Iterator[str], end: str) -> list[str]:
    """The lines before the one that is `end` (".." where it is only a dot), which is consumed."""
    end = end if len(end) > 1 else ".."
    body = []
    for line in remaining:
        if line.startswith((".", "'")) and "." + line[1:].strip().partition(" ")[0] == end:
            break
        body.append(line)
    return body


class Reader:
    """Carries out the lines of a page: prints on it, defines strings and macros, branches."""

    def __init__(self, handlers: Mapping[str, Handler], fixed: Set[str], budget: int) -> None:
        self._handlers = handlers
        self._fixed = fixed  # a page may give mdoc's names to macros of its own, but not these
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
        elif name in self._handlers:
            self._handlers[name](self, name, rest.strip(), remaining)

    def define(self, rest: str, remaining: Iterator[str]) -> None:
        """Keeps a macro, unless it only redefines one that is known here."""
        name, _, end = rest.partition(" ")
        body = until(remaining, f".{end.strip()}")
        if name and name not in self._fixed:
            self._macros[name] = [line.replace("\\\\", "\\") for line in body]

    def alias(self, new: str, old: str) -> None:
        """Gives a macro of the page's a second name."""
        if old in self._macros and new not in self._fixed:
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
        return name in self._handlers or name in self._macros

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
