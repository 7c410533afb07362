"""Where sentences are, by the rules that filters/kernels/sentences.py states."""

from __future__ import annotations

import re
import unicodedata

from tamis.filters.kernels.sentences import ABBREVIATIONS, CLOSING, OPENING
from tamis.filters.kernels.symbols import TERMINAL

MARK = "[" + re.escape("".join(sorted(TERMINAL)) + "…") + "]+"
MARKS = re.compile(f"({MARK})([{re.escape(CLOSING)}]*)")
WORD = re.compile(r"[^\W_.]*(?:\.[^\W_.]*)*\Z")


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and stop of each."""
    spans = []
    start = 0
    for match in MARKS.finditer(text):
        if ends(text, match):
            spans.append((start, match.end()))
            start = match.end()
    spans.append((start, len(text)))
    return [span for begin, stop in spans if (span := stripped(text, begin, stop))]


def stripped(text: str, start: int, stop: int) -> tuple[int, int] | None:
    piece = text[start:stop]
    if not piece.strip():
        return None
    start += len(piece) - len(piece.lstrip())
    return start, start + len(piece.strip())


def ends(text: str, match: re.Match[str]) -> bool:
    """Whether marks and what closes behind them end a sentence."""
    before, marks, after = text[: match.start()], match[1], text[match.end() :]
    if not after:
        return True
    if marks[-1] == "．" and not match[2]:
        return not (before[-1:].isdigit() and after[0].isdigit())
    if marks[-1] not in ".?!…":
        return True
    if not after[0].isspace():
        return False
    if marks[-1] in "?!":
        return True
    if marks == "." and abbreviates(before):
        return False
    following = after.lstrip().lstrip(OPENING)[:1]
    return not (following.islower() or unicodedata.category(following or " ") == "Lt")


def abbreviates(before: str) -> bool:
    """Whether a text ends in an initial or an abbreviation."""
    word = re.search(WORD, before[-9:])[0]  # type: ignore[index]
    if not 1 <= len(word) <= 8:
        return False
    initial = word[-1].isalpha() and word[-2:-1] in ("", ".")
    return initial or word.lower() in ABBREVIATIONS.split()
