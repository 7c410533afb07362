"""RedPajama-V2's quality signals by their names, unrounded."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

from reference.dclm import repeated
from reference.views import grams, normalised, normalised_words, raw_lines, share, word_punct

END_MARKS = (".", "!", "?", "\u201d")
BULLETS = tuple("\u2022\u2023\u25b6\u25c0\u25e6\u25a0\u25a1\u25aa\u25ab\u2013")
Value = float | int | None | list[float] | list[int]


def measure(text: str, stop_words: Iterable[str] = ()) -> dict[str, Value]:
    """Every column of the set by name: a number, or a list with one of each line.

    rps_doc_stop_word_fraction is there only where stop words are given.
    """
    found = raw(text) | lines(text) | content(text) | repetition(normalised_words(text))
    if listed := set(stop_words):
        words = word_punct(text)
        stops = sum(word in listed for word in words)
        # With nothing but signs the published code says 0.0.
        found["rps_doc_stop_word_fraction"] = stops / len(words) if normalised_words(text) else 0.0
    return found


def raw(text: str) -> dict[str, Value]:
    """Signals of the text as it is."""
    words, cut = word_punct(text), raw_lines(text)
    capital = sum(map(str.isupper, words))
    lettered = sum(bool(re.search("[a-zA-Z]", word)) for word in words)
    trailing = sum(line.rstrip().endswith(("...", "…")) for line in cut)
    symbols = sum(map(text.count, ("#", "...", "…")))
    braces = text.count("{") + text.count("}")
    return {
        "rps_doc_curly_bracket": braces / len(text) if text else 0.0,
        "rps_doc_frac_all_caps_words": share(capital, len(words)),
        "rps_doc_frac_lines_end_with_ellipsis": share(trailing, len(cut)),
        "rps_doc_frac_no_alph_words": 1 - lettered / len(words) if words else None,
        "rps_doc_num_sentences": len(re.findall(r"\b[^.!?]+[.!?]*", text)),
        "rps_doc_symbol_to_word_ratio": share(symbols, len(words)),
    }


def content(text: str) -> dict[str, Value]:
    """Signals of the normalised text and of how its words are spread."""
    plain, words = normalised(text), normalised_words(text)
    counts = Counter(words).values()
    entropy = -sum(count / len(words) * math.log(count / len(words)) for count in counts)
    return {
        "rps_doc_lorem_ipsum": plain.count("lorem ipsum") / len(plain) if plain else 0.0,
        "rps_doc_mean_word_length": share(sum(map(len, words)), len(words)),
        "rps_doc_frac_unique_words": share(len(counts), len(words)),
        "rps_doc_unigram_entropy": entropy if words else None,
        "rps_doc_word_count": len(words),
    }


def repetition(words: list[str]) -> dict[str, Value]:
    """Shares of the words' characters; 0.0 where nothing comes twice."""
    chars = sum(map(len, words))
    found: dict[str, Value] = {}
    for n in (2, 3, 4):
        gram, count = next(iter(Counter(grams(words, n)).most_common(1)), ((), 0))
        top = len("".join(gram)) * count / chars if count > 1 else 0.0
        found[f"rps_doc_frac_chars_top_{n}gram"] = top
    for n in range(5, 11):
        found[f"rps_doc_frac_chars_dupe_{n}grams"] = repeated(words, n) / chars if chars else 0.0
    return found


def lines(text: str) -> dict[str, Value]:
    """Signals of each line; the shares are of the line with its newline, or of it normalised."""
    cut = raw_lines(text)
    plain = [normalised(line) for line in cut]
    return {
        "rps_lines_ending_with_terminal_punctution_mark": [
            float(line.rstrip().endswith(END_MARKS)) for line in cut
        ],
        "rps_lines_javascript_counts": [float(line.split().count("javascript")) for line in plain],
        "rps_lines_num_words": [len(line.split()) for line in plain],
        "rps_lines_numerical_chars_fraction": [
            sum(map(str.isnumeric, line)) / len(line) if line else 0.0 for line in plain
        ],
        "rps_lines_start_with_bulletpoint": [
            float(line.lstrip().startswith(BULLETS)) for line in cut
        ],
        "rps_lines_uppercase_letter_fraction": [
            sum(map(str.isupper, line)) / len(line) for line in cut
        ],
    }
