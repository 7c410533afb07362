"""The line edits of DCLM's dclm_baseline_refinedweb.yaml, one after the other on the whole text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

COUNTED = (
    *("likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes"),
    *("downvotes", "downloads", "views", "followers"),
)
COUNTER = re.compile(rf"\W*\d[\d,.]*[kmb]?\s+(?:{'|'.join(COUNTED)})\W*")
MAX_UPPERCASE, MAX_DIGITS, MIN_WORDS, MAX_WORDS = 0.5, 0.999999, 2, 10
# The dots are not escaped in the published pattern either: any three characters go.
SUBSTRINGS = {
    "items_in_cart": re.compile(r"\s?items in cart", re.IGNORECASE),
    "read_more": re.compile(r"\s?read more...$", re.IGNORECASE),
    "sign_in": re.compile(r"^sign-in\s?", re.IGNORECASE),
}


def edit(text: str) -> tuple[str | None, Counter[str]]:
    """The text after all edits, None if it is as it was, and lines dropped or cut by reason.

    The published code drops the page where an empty text is left.
    """
    counts: Counter[str] = Counter()
    new = without(text, "uppercase", shouts, counts).strip()
    new = without(new, "numeric", is_number, counts).strip()
    new = without(new, "counter", is_counter, counts).strip()
    new = without(new, "short", is_short, counts)
    for name, pattern in SUBSTRINGS.items():
        new = cut(new, name, pattern, counts).strip()
    return None if new == text else new, counts


def without(text: str, reason: str, bad: Callable[[str], bool], counts: Counter[str]) -> str:
    """The text without its bad lines; empty ones stay."""
    lines = text.split("\n")
    kept = [line for line in lines if not line or not bad(line)]
    counts[reason] += len(lines) - len(kept)
    return "\n".join(kept)


def shouts(line: str) -> bool:
    return sum(map(str.isupper, line)) / len(line) > MAX_UPPERCASE


def is_number(line: str) -> bool:
    return sum(map(str.isdigit, line)) / len(line) > MAX_DIGITS


def is_counter(line: str) -> bool:
    return COUNTER.fullmatch(line.lower()) is not None


def is_short(line: str) -> bool:
    return len(line.split()) < MIN_WORDS


def cut(text: str, reason: str, pattern: re.Pattern[str], counts: Counter[str]) -> str:
    """The text without the pattern in short lines; a line of which nothing is left goes."""
    kept = []
    for line in text.split("\n"):
        new = pattern.sub("", line) if len(line.split()) <= MAX_WORDS else line
        counts[reason] += new != line
        if not line or new.strip():
            kept.append(new)
    return "\n".join(kept)
