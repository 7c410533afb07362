"""Normalising in plain Python: cc_net's steps one after another, and the form that mends them."""

from __future__ import annotations

import re
import unicodedata

from tamis.filters.ngram.normalise_tables import PUNCTUATION


def ccnet(text: str) -> str:
    """As cc_net has it, the whole text at once."""
    lower = unicodedata.normalize("NFD", text.strip().lower())
    bare = "".join(c for c in lower if unicodedata.category(c) != "Mn")
    return re.sub("[\0-\x1f\x7f-\x9f]", "", _mapped(bare))


def fixed(text: str) -> str:
    """The mended form; sentences between newlines."""
    lines = [_line(line).strip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line)


def _line(line: str) -> str:
    lower = unicodedata.normalize("NFD", line.lower())
    kept = "".join(c for c in lower if not _is_accent(c))
    spaced = re.sub(r"[\t\x1f]", " ", _mapped(kept))
    return re.sub("[\0-\x1f\x7f-\x9f]", "", spaced)


def _is_accent(char: str) -> bool:
    rank = unicodedata.combining(char)
    return unicodedata.category(char) == "Mn" and (rank >= 200 or 10 <= rank <= 36)


def _mapped(text: str) -> str:
    return "".join(PUNCTUATION.get(c, c) for c in re.sub(r"\d", "0", text))
