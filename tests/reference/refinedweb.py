"""The line edits of DCLM's dclm_baseline_refinedweb.yaml, one after the other on the whole text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

COUNTED = (
    *("likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes"),
    *("downvotes", "downloads", "views", "followers"),
)
COUNTER = re.compile(rf"\W*\d[\d,.]*[kmb]?\s+(?:{'|'.join(COUNTED)})\W*")
# The dots are not escaped in the published pattern either: any three characters go.
SUBSTRINGS = (
    re.compile(r"\s?items in cart", re.IGNORECASE),
    re.compile(r"\s?read more...$", re.IGNORECASE),
    re.compile(r"^sign-in\s?", re.IGNORECASE),
)


@dataclass(frozen=True)
class Options:
    """The published ones."""

    max_newlines: int = 2
    max_uppercase: float = 0.5
    max_numeric: float = 0.999999
    drop_counters: bool = True
    min_words: int = 2
    max_phrase_words: int = 10


def edit(text: str, options: Options | None = None) -> tuple[str | None, Counter[str]]:
    """The text after all edits, None if it is as it was, and lines dropped or cut by reason.

    "words" are those of the text, "left" those of the edited one. The published code drops the page
    where an empty text is left.
    """
    o = options or Options()
    counts: Counter[str] = Counter()
    new = shortened(text, o.max_newlines) if o.max_newlines else text
    counts.update(lines=new.count("\n") + 1, words=words(new))

    def shouts(line: str) -> bool:
        return sum(map(str.isupper, line)) / len(line) > o.max_uppercase

    def is_number(line: str) -> bool:
        return sum(map(str.isdigit, line)) / len(line) > o.max_numeric

    def is_short(line: str) -> bool:
        return len(line.split()) < o.min_words

    new = without(new, "uppercase", shouts, counts).strip()
    new = without(new, "numeric", is_number, counts).strip()
    if o.drop_counters:
        new = without(new, "counter", is_counter, counts).strip()
    new = without(new, "few_words", is_short, counts)
    for pattern in SUBSTRINGS if o.max_phrase_words >= 0 else ():
        new = cut(new, pattern, o.max_phrase_words, counts).strip()
    counts["left"] = words(new)
    return None if new == text else new, counts


def shortened(text: str, newlines: int) -> str:
    return re.sub(rf"\n{{{newlines + 1},}}", "\n" * newlines, text)


def words(text: str) -> int:
    """The words that fastText's tokenizer gives of which the first character is alphanumeric."""
    return sum(word[:1].isalnum() for word in re.split("[ \n\r\t\v\f\0]", text))


def without(text: str, reason: str, bad: Callable[[str], bool], counts: Counter[str]) -> str:
    """The text without its bad lines; empty ones stay."""
    lines = text.split("\n")
    kept = [line for line in lines if not line or not bad(line)]
    counts[reason] += len(lines) - len(kept)
    return "\n".join(kept)


def is_counter(line: str) -> bool:
    return COUNTER.fullmatch(line.lower()) is not None


def cut(text: str, pattern: re.Pattern[str], most: int, counts: Counter[str]) -> str:
    """The text without the pattern in short lines; a line of which nothing is left goes."""
    kept = []
    for line in text.split("\n"):
        new, found = pattern.subn("", line) if len(line.split()) <= most else (line, 0)
        counts["phrases"] += found
        if not line or new.strip():
            kept.append(new)
        else:
            counts["phrase"] += 1
    return "\n".join(kept)
