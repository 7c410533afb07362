"""C4's line rules, as clean_page of TensorFlow Datasets' c4_utils applies them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
POLICIES = (
    *("terms of use", "privacy policy", "cookie policy"),
    *("uses cookies", "use of cookies", "use cookies"),
)


@dataclass(frozen=True)
class Options:
    """The published code's; FineWeb has end_marks=() and min_words=3."""

    end_marks: tuple[str, ...] = (".", "?", "!", '"')
    """None at all: a line may end in anything."""
    min_words: int = 5
    max_word_length: int = 1000
    citations_are_words: bool = False
    """datatrove counts words before it takes citations out, the published code after."""


def edit(
    text: str, sentences: Callable[[str], Sequence[object]], options: Options | None = None
) -> tuple[str | None, Counter[str]]:
    """The text of the lines kept, None if that is the text as it was, and what was found.

    Counted are the lines by what `judge` says of them, and the "sentences" of those that stay:
    "kept" ones, and ones with "lorem_ipsum" or "curly_bracket", for either of which the published
    code drops the page, as it does for fewer than three sentences.
    """
    counts: Counter[str] = Counter()
    kept = []
    for line in map(str.strip, text.splitlines()):
        clean, reason = judge(line, options or Options())
        counts[reason] += 1
        if reason in ("kept", "lorem_ipsum", "curly_bracket"):
            counts["sentences"] += len(sentences(clean))
            kept.append(clean)
    new = "\n".join(kept).strip()
    return None if new == text else new, counts


def judge(line: str, options: Options) -> tuple[str, str]:
    """A stripped line without its citations, and the first rule that it meets."""
    words = line.split()
    if any(len(word) > options.max_word_length for word in words):
        return line, "too_long_word"
    line = CITATION.sub("", line)
    if options.end_marks and (not line.endswith(options.end_marks) or line.endswith("...")):
        return line, "no_end_mark"
    if len(words if options.citations_are_words else line.split()) < options.min_words:
        return line, "too_few_words"
    lower = line.lower()
    if "lorem ipsum" in lower:
        return line, "lorem_ipsum"
    if "javascript" in lower:
        return line, "javascript"
    if "{" in line:
        return line, "curly_bracket"
    if any(policy in lower for policy in POLICIES):
        return line, "policy"
    return line, "kept"
