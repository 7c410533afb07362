"""Conditions of roff's .if and .ie: where they end, and whether they hold in nroff."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tamis.pipeline.ingest.roff import Strings


def holds(
    line: str, strings: Strings, knows: Callable[[str], bool], registers: Mapping[str, int]
) -> bool:
    """Whether a condition holds in nroff: n, t, !c, d name, 'a'b', and simple numbers."""
    negated = line.startswith("!")
    line = line.removeprefix("!")
    return _holds(line, strings, knows, registers) != negated


def split(line: str) -> tuple[str, str]:
    """The condition at the start of an .if, and what is to be done."""
    line = line.lstrip()
    start = 1 if line.startswith("!") else 0
    kind = line[start : start + 1]
    if kind and not kind.isalnum() and kind not in "\\(+-.":  # 'one'other'
        middle = line.find(kind, start + 1)
        end = line.find(kind, middle + 1) if middle > 0 else -1
        end = end + 1 if end > 0 else len(line)
    elif kind in ("d", "r", "c", "m", "F", "S") and line[start + 1 : start + 2] in (" ", "'"):
        name_end = line.find(" ", start + 2)
        end = name_end if name_end > 0 else len(line)
    elif kind and kind in "ntoev" and not line[start + 1 : start + 2].isalnum():
        end = start + 1
    elif kind == "(":
        end = _closing(line, start)
    else:
        space, brace = line.find(" "), line.find("\\{")
        end = min((place for place in (space, brace) if place >= 0), default=len(line))
    return line[:end], line[end:].lstrip()


def _closing(line: str, start: int) -> int:
    """Where the expression in parentheses that starts here ends, on these 200 characters."""
    depth = 0
    for place in range(start, min(len(line), start + 200)):
        # A register's name is written \n(xx: that parenthesis is never closed.
        if line[place] == "(" and line[max(place - 2, 0) : place] != "\\n":
            depth += 1
        depth -= line[place] == ")"
        if depth == 0:
            return place + 1
    return len(line)


def _holds(
    line: str, strings: Strings, knows: Callable[[str], bool], registers: Mapping[str, int]
) -> bool:
    kind = line[:1]
    if not kind.isalnum() and kind not in ("\\", "(", "+", "-", "."):
        left, middle, right = line[1:].rstrip(kind or None).partition(kind or " ")
        return bool(middle) and strings.text(left) == strings.text(right)
    if kind == "d":
        return line[1:].strip() in strings or knows(line[1:].strip())
    if kind.isalpha():
        return line.strip() == "n"
    return _number(line, registers)


_REGISTER = re.compile(r"\\+n[-+]?(?:\((..)|\[([^\]]{0,80})\]|(.))")
_COMPARISON = re.compile(r"\(*(-?\d{1,9})[a-z]?(?:(==?|[<>]=?)(-?\d{1,9}))?")


def _number(line: str, registers: Mapping[str, int]) -> bool:
    """Whether a number or the comparison of two is true; only the first comparison is read."""
    plain = _REGISTER.sub(lambda m: str(registers.get(next(filter(None, m.groups()), ""), 0)), line)
    match = _COMPARISON.match(plain)
    if not match:
        return False
    left, right = int(match[1]), int(match[3] or 0)
    return {
        None: left > 0,
        "=": left == right,
        "==": left == right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[match[2]]
