"""The quantities behind datatrove's GopherQualityFilter and GopherRepetitionFilter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from datatrove.utils.text import PUNCTUATION_SET
from reference.views import grams, merged_lines, own_words, paragraphs, share

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
Value = float | int | None


def measure(
    text: str, words: list[str] | None = None, stop_words: Iterable[str] = STOP_WORDS
) -> dict[str, Value]:
    """Every column of the set by name."""
    words = own_words(text) if words is None else words
    return quality(text, words, stop_words) | repetition(text, words)


def quality(text: str, words: list[str], stop_words: Iterable[str]) -> dict[str, Value]:
    """GopherQualityFilter's."""
    solid = [word for word in words if set(word) - PUNCTUATION_SET]
    lines = text.splitlines()
    bullets = [line for line in lines if line.lstrip().startswith(("•", "-"))]
    trailing = [line for line in lines if line.rstrip().endswith(("...", "…"))]
    alphabetic = [word for word in words if any(map(str.isalpha, word))]
    return {
        "gopher_words": len(solid),
        "gopher_mean_word_length": share(sum(map(len, solid)), len(solid)),
        "gopher_hash_ratio": share(text.count("#"), len(words)),
        "gopher_ellipsis_ratio": share(text.count("...") + text.count("…"), len(words)),
        "gopher_bullet_lines": share(len(bullets), len(lines)),
        "gopher_ellipsis_lines": share(len(trailing), len(lines)),
        "gopher_alpha_words": share(len(alphabetic), len(words)),
        "gopher_stop_words": len(set(words) & set(stop_words)),
    }


def repetition(text: str, words: list[str]) -> dict[str, Value]:
    """GopherRepetitionFilter's."""
    found: dict[str, Value] = {}
    for name, pieces in (("line", merged_lines(text)), ("paragraph", paragraphs(text))):
        again = seen_before(pieces)
        found[f"gopher_duplicate_{name}s"] = share(len(again), len(pieces)) if text else None
        found[f"gopher_duplicate_{name}_chars"] = share(sum(map(len, again)), len(text))
    for n in (2, 3, 4):
        found[f"gopher_top_{n}gram"] = share(top(words, n), len(text))
    for n in range(5, 11):
        found[f"gopher_duplicate_{n}gram"] = share(repeated(words, n), len(text))
    return found


def seen_before(pieces: Sequence[str]) -> list[str]:
    """The pieces that an earlier piece equals."""
    seen: set[str] = set()
    again = []
    for piece in pieces:
        if piece in seen:
            again.append(piece)
        seen.add(piece)
    return again


def top(words: list[str], n: int) -> int:
    """Characters of all copies of the most frequent n words, the first of several such."""
    counts = Counter(grams(words, n)).most_common(1)
    return sum(len(" ".join(gram)) * count for gram, count in counts)


def repeated(words: list[str], n: int) -> int:
    """Characters of the n words seen before, going on behind them each time."""
    seen, chars, i = set(), 0, 0
    while i + n <= len(words):
        gram = tuple(words[i : i + n])
        if gram in seen:
            chars += len("".join(gram))
            i += n
        else:
            seen.add(gram)
            i += 1
    return chars
