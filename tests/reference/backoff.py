"""Probabilities of sentences by a model with backing off, n-gram by n-gram from a dictionary."""

from __future__ import annotations

Grams = dict[tuple[int, ...], tuple[float, float]]
"""log10 of an n-gram's probability and of its weight."""


def of_word(grams: Grams, before: tuple[int, ...], word: int) -> tuple[float, int]:
    """log10 of the probability of a word after others, and the length of the n-gram found."""
    if (*before, word) in grams:
        return grams[(*before, word)][0], len(before) + 1
    weight = grams.get(before, (0.0, 0.0))[1]
    shorter, length = of_word(grams, before[1:], word)
    return weight + shorter, length


def of_sentence(
    grams: Grams, order: int, words: list[int], begin: int = 1, end: int = 2
) -> list[tuple[float, int]]:
    """That of every word and of the end, after the begin; words without a unigram are 0."""
    known = [word if (word,) in grams else 0 for word in words]
    line = [begin, *known, end]
    return [
        of_word(grams, tuple(line[max(0, place - order + 1) : place]), line[place])
        for place in range(1, len(line))
    ]
