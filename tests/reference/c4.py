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
    """The published code's; FineWeb has need_end_mark=False and min_words=3."""

    min_words: int = 5
    max_word_length: int = 1000
    """0 for no limit."""
    need_end_mark: bool = True
    end_marks: tuple[str, ...] = (".", "?", "!", '"')
    keep_ellipsis: bool = False
    remove_citations: bool = True
    drop_javascript: bool = True
    drop_policy: bool = True


def edit(
    text: str, sentences: Callable[[str], Sequence[object]], options: Options | None = None
) -> tuple[str | None, Counter[str]]:
    """The text of the lines kept, None if that is the text as it was, and what was found.

    Counted are lines, by the rule that removes them, and "sentences" of the "kept" ones. The
    published code drops the page at a line with "lorem_ipsum" or "curly_bracket".
    """
    counts: Counter[str] = Counter()
    kept = []
    for line in map(str.strip, text.splitlines()):
        counts["lines"] += 1
        clean, reason = judge(line, options or Options(), counts)
        counts[reason] += 1
        if reason == "kept":
            counts["sentences"] += len(sentences(clean))
            kept.append(clean)
    lengths = sorted(map(len, text.split("\n")), reverse=True)
    counts["third_longest"] = [*lengths, 0, 0][2]
    new = "\n".join(kept).strip()
    return None if new == text else new, counts


def judge(line: str, options: Options, counts: Counter[str]) -> tuple[str, str]:
    """A stripped line without its citations, and the first rule that removes it or "kept"."""
    if options.max_word_length and any(map(options.max_word_length.__lt__, map(len, line.split()))):
        return line, "long_word"
    if options.remove_citations:
        line, found = CITATION.subn("", line)
        counts["citations"] += found
    if options.need_end_mark and not ends_well(line, options):
        return line, "no_end_mark"
    if len(line.split()) < options.min_words:
        return line, "few_words"
    lower = line.lower()
    counts["lorem_ipsum"] += "lorem ipsum" in lower
    if options.drop_javascript and "javascript" in lower:
        return line, "javascript"
    counts["curly_bracket"] += "{" in line
    if options.drop_policy and any(policy in lower for policy in POLICIES):
        return line, "policy"
    return line, "kept"


def ends_well(line: str, options: Options) -> bool:
    return line.endswith(options.end_marks) and (options.keep_ellipsis or line[-3:] != "...")
