"""The quantities behind the filters of DCLM's baselines/mappers/filters/content_filters.py."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from reference.gopher import STOP_WORDS
from reference.views import grams, share, standard_words, stripped

SYMBOLS = ("#", "...", ". . .", "…")
BULLETS = ("●", "•", "*", "-")
ELLIPSES = ("...", ". . .", "…")
Value = float | int | None


def measure(
    text: str, words: list[str] | None = None, stop_words: Iterable[str] = STOP_WORDS
) -> dict[str, Value]:
    """Every column of the set by name; words are for n-grams, signs among them or not."""
    words = standard_words(text) if words is None else words
    solid = [word for word in words if word[0].isalnum()]
    return quality(text, set(stop_words)) | pieces(text) | repetition(solid)


def quality(text: str, stop_words: set[str]) -> dict[str, Value]:
    """What is asked of words, signs and line ends."""
    split, lines = text.split(), stripped(text.split("\n"))
    # The published recipe leaves the word count to fastText, which knows ASCII's spaces and NUL.
    counted = [word for word in re.split("[ \n\r\t\v\f\0]+", text) if word[:1].isalnum()]
    no_letters = [word for word in split if not any(map(str.isalpha, word))]
    return {
        "dclm_words": len(counted),
        "dclm_mean_word_length": share(sum(map(len, split)), len(split)),
        "dclm_symbol_ratio": share(sum(map(text.count, SYMBOLS)), len(split)),
        "dclm_bullet_lines": share(sum(line.startswith(BULLETS) for line in lines), len(lines)),
        "dclm_ellipsis_lines": share(sum(line.endswith(ELLIPSES) for line in lines), len(lines)),
        "dclm_non_alpha_words": share(len(no_letters), len(split)),
        "dclm_stop_words": sum(word.lower() in stop_words for word in split),
    }


def pieces(text: str) -> dict[str, Value]:
    """How many lines and paragraphs there are more than once; every copy counts."""
    found: dict[str, Value] = {}
    for name, separator in (("line", "\n"), ("paragraph", "\n\n")):
        parts = stripped(text.split(separator))
        copies = [part for part, count in Counter(parts).items() for _ in range(count) if count > 1]
        found[f"dclm_duplicate_{name}s"] = share(len(copies), len(parts))
        found[f"dclm_duplicate_{name}_chars"] = share(sum(map(len, copies)), sum(map(len, parts)))
    return found


def repetition(words: list[str]) -> dict[str, Value]:
    """How many of the words' characters are in n words that come more than once."""
    chars = sum(map(len, words))
    found: dict[str, Value] = {f"dclm_top_{n}gram": share(top(words, n), chars) for n in (2, 3, 4)}
    for n in range(5, 11):
        found[f"dclm_duplicate_{n}gram"] = share(repeated(words, n), chars)
    return found


def top(words: list[str], n: int) -> int:
    """Characters of all copies of the most frequent n words, the longest of several such."""
    counts = Counter(grams(words, n))
    most = max(counts.values(), default=1)
    longest = max((len("".join(gram)) for gram in counts if counts[gram] == most), default=0)
    return most * longest if most > 1 else 0


def repeated(words: list[str], n: int) -> int:
    """Characters of the words that are in any n words seen more than once."""
    counts = Counter(grams(words, n))
    covered = {
        i + k for i, gram in enumerate(grams(words, n)) if counts[gram] > 1 for k in range(n)
    }
    return sum(len(words[i]) for i in covered)
