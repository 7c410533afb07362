"""Small random models and their ARPA files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from reference.backoff import Grams

from tamis.filters.ngram.levels import Level

SPECIAL = ["<unk>", "<s>", "</s>"]


def words_of(size: int) -> list[str]:
    """Words by number, some of them long or not ASCII."""
    made = ["a", "über", "日本語", "x" * 40, "don't", "."]
    return SPECIAL + (made + [f"w{n}" for n in range(size)])[:size]


def random_model(seed: int, size: int, order: int, grams: int, *, closed: bool) -> Grams:
    """A model of some words and about so many of the longest n-grams.

    Everything that an n-gram begins with is one; if closed, also everything that it ends with, else
    some of that. If not, no weight is above 0: KenLM takes the sign of a sum above 0 for a mark.
    """
    chance = random.Random(seed)
    found: Grams = {(word,): (0.0, 0.0) for word in range(size + 3)}
    for _ in range(grams):
        inner = [chance.randrange(3, size + 3) if size else 0 for _ in range(order)]
        if chance.random() < 0.3:
            inner[0] = 1
        if chance.random() < 0.3:
            inner[-1] = 2
        if chance.random() < 0.1:
            inner[order // 2] = 0
        inner = inner[: chance.randint(2, order)]
        for start in range(len(inner)):
            for stop in range(start + 1, len(inner) + 1):
                found[tuple(inner[start:stop])] = (0.0, 0.0)
    if not any(len(gram) == order for gram in found):
        found |= {(0,) * length: (0.0, 0.0) for length in range(1, order + 1)}
    if not closed:
        contexts = {gram[:-1] for gram in found}
        ends = [gram for gram in sorted(found) if 1 < len(gram) < order and gram not in contexts]
        for gram in ends[:: chance.randint(2, 4)]:
            del found[gram]
    shuffled = sorted(found)
    chance.shuffle(shuffled)
    return {gram: _numbers(chance, gram, order, closed) for gram in sorted(shuffled, key=len)}


def _numbers(
    chance: random.Random, gram: tuple[int, ...], order: int, closed: bool
) -> tuple[float, float]:
    prob = chance.choice([-chance.random() * 5, -0.25, -1e-7, -99.0])
    weight = chance.choice([0.0, -chance.random(), chance.random() / 10 * closed])
    if len(gram) == order or gram[-1] == 2:
        weight = 0.0
    if gram == (1,):
        prob = 0.0
    return float(np.float32(prob)), float(np.float32(weight))


def counts_of(grams: Grams) -> list[int]:
    """How many there are of every length."""
    return np.bincount([len(gram) for gram in grams])[1:].tolist()


def unigrams_by_number(grams: Grams) -> list[tuple[int, ...]]:
    """All n-grams, shorter ones first, the unigrams in order."""
    unigrams = sorted(gram for gram in grams if len(gram) == 1)
    return unigrams + [gram for gram in grams if len(gram) > 1]


def arpa(grams: Grams, words: list[str]) -> str:
    """The file, with as many digits as 32-bit floats have."""
    counts = counts_of(grams)
    lines = ["\\data\\", *(f"ngram {n}={count}" for n, count in enumerate(counts, 1))]
    length = 0
    for gram in unigrams_by_number(grams):
        if len(gram) > length:
            length = len(gram)
            lines += ["", f"\\{length}-grams:"]
        prob, weight = (str(np.float32(number)) for number in grams[gram])
        text = " ".join(words[word] for word in gram)
        lines.append(f"{prob}\t{text}" + (f"\t{weight}" if length < len(counts) else ""))
    return "\n".join([*lines, "", "\\end\\", ""])


class ListedLevels:
    """The n-grams of a dictionary as levels, so many at a time."""

    def __init__(self, grams: Grams, block: int = 7) -> None:
        self.grams, self.block = grams, block
        self.counts = tuple(counts_of(grams))
        self.bits = (self.counts[0] - 1).bit_length()

    def blocks(self, order: int) -> Iterator[Level]:
        chosen = [gram for gram in unigrams_by_number(self.grams) if len(gram) == order]
        for start in range(0, len(chosen), self.block):
            some = chosen[start : start + self.block]
            keys = [sum(word << self.bits * k for k, word in enumerate(gram)) for gram in some]
            numbers = np.array([self.grams[gram] for gram in some], np.float32)
            halves = np.array([[key >> 64, key & (2**64 - 1)] for key in keys], np.uint64)
            yield Level(halves, numbers[:, 0].copy(), numbers[:, 1].copy())


def sentences(seed: int, size: int, number: int) -> list[list[int]]:
    """Random sentences, empty ones among them, and some words that there are not."""
    chance = random.Random(seed)
    return [
        [chance.randrange(0, size + 4) if size else 0 for _ in range(chance.choice([0, 1, 3, 9]))]
        for _ in range(number)
    ]


def packed(lines: list[list[int]]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The words of sentences one after another, and where each ends."""
    ids = np.array([word for line in lines for word in line], np.uint32)
    return ids, np.cumsum([len(line) for line in lines], dtype=np.int64)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
