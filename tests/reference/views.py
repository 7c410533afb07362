"""The other ways in which published filters cut a text into words, lines and paragraphs."""

from __future__ import annotations

import re
import string
import unicodedata

from reference.words import words

DELETE_PUNCTUATION = str.maketrans("", "", string.punctuation)


def own_words(text: str) -> list[str]:
    """W: the words of tamis."""
    return [text[start:end] for start, end in words(text)]


def standard_words(text: str) -> list[str]:
    """The words of UAX #29, addresses in their parts; U are those that start alphanumeric."""
    return [text[start:end] for start, end in words(text, addresses=False)]


def word_punct(text: str) -> list[str]:
    """R: runs of word characters and runs of other signs, as NLTK's WordPunctTokenizer."""
    return re.findall(r"\w+|[^\w\s]+", text)


def normalised(text: str) -> str:
    """What RedPajama-V2 makes of a text before it takes words or lines from it."""
    text = text.translate(DELETE_PUNCTUATION).lower().strip()
    return unicodedata.normalize("NFD", re.sub(r"\s+", " ", text))


def normalised_words(text: str) -> list[str]:
    """N."""
    return normalised(text).split()


def merged_lines(text: str) -> list[str]:
    """G: lines between runs of newlines."""
    return re.split("\n+", text)


def paragraphs(text: str) -> list[str]:
    """P: what runs of two newlines or more separate, ends of the text stripped."""
    return re.split(r"\n{2,}", text.strip())


def stripped(pieces: list[str]) -> list[str]:
    """DCLM's lines and paragraphs: stripped, without the empty ones."""
    return [found for piece in pieces if (found := piece.strip())]


def raw_lines(text: str) -> list[str]:
    """RedPajama-V2's lines, with their newline."""
    return re.findall(r"[^\n]*\n|[^\n]+$", text)


def grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    """Every n words that follow each other."""
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def share(part: float, whole: float) -> float | None:
    """A ratio, None of nothing."""
    return part / whole if whole else None
