"""The quantities behind datatrove's FineWebQualityFilter."""

from __future__ import annotations

from datatrove.utils.text import TERMINAL_PUNCTUATION
from reference.gopher import seen_before
from reference.views import own_words, share

SHORT = 30


def measure(text: str, words: list[str] | None = None) -> dict[str, float | None]:
    """Every column of the set by name."""
    words = own_words(text) if words is None else words
    lines = [line for line in text.split("\n") if line.strip()]
    ended = [line for line in lines if line[-1] in TERMINAL_PUNCTUATION]
    short = [line for line in lines if len(line) <= SHORT]
    again = sum(map(len, seen_before(lines)))
    newlines = text.count("\n")
    return {
        "fineweb_end_mark_lines": share(len(ended), len(lines)),
        "fineweb_short_lines": share(len(short), len(lines)),
        "fineweb_duplicate_line_chars": share(again, len(text) - newlines),
        "fineweb_newlines_per_word": share(newlines, len(words)),
    }
