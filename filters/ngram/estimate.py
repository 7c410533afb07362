"""Language models from text: interpolated modified Kneser-Ney estimation in bounded memory.

Probabilities are those of KenLM's lmplz without pruning, but for one n-gram of each order: the last
ones enter lmplz's counts of counts with their real counts, here with the adjusted ones as all do.

Source: Heafield, Pouzyrevsky, Clark and Koehn, Scalable Modified Kneser-Ney Language Model
Estimation, 2013.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tamis.filters.ngram.counting import Counted, count
from tamis.filters.ngram.discounts import FALLBACK, Discounts, discounts
from tamis.filters.ngram.levels import BEGIN, END, HIGHEST_ORDER, UNKNOWN, Level
from tamis.filters.ngram.records import empty
from tamis.filters.ngram.sorting import block_size, read, write
from tamis.filters.ngram.weighing import (
    gammas_path,
    interpolate,
    logarithms,
    probabilities_path,
    weigh,
)


class Estimate:
    """An estimated model, which stays in files of the scratch folder: implements `Levels`.

    counts: how many n-grams there are of every order; bits: how many a word has in a key.
    discounts: of every order; fell_back: the orders with fixed ones, and why.
    """

    def __init__(
        self,
        counted: Counted,
        bits: int,
        taken: list[Discounts],
        fell_back: list[tuple[int, str]],
        block: int,
        scratch: Path,
    ) -> None:
        self.counts, self.bits = tuple(counted.counts[1:]), bits
        self.discounts, self.fell_back = taken, fell_back
        self._block, self._scratch = block, scratch

    def blocks(self, order: int) -> Iterator[Level]:
        """The n-grams of an order, a block at a time; together they are in suffix order."""
        top, block = np.uint64((order - 1) * self.bits), self._block
        gammas = np.empty(0, np.float32)
        with ExitStack() as files:
            weights = None
            if order < len(self.counts):
                weights = files.enter_context(gammas_path(self._scratch, order).open("rb"))
            for records in read(probabilities_path(self._scratch, order), block):
                if weights:
                    more = np.fromfile(weights, np.float32, len(records) - len(gammas))
                    gammas = np.concatenate((gammas, more))
                prob, backoff = np.empty((2, len(records)), np.float32)
                doubles = records.view(np.float64)
                used = logarithms(records, doubles, gammas, top, prob, backoff)
                gammas = gammas[used:]
                yield Level(records[:, :2].copy(), prob, backoff)


def estimate(
    blocks: Iterable[npt.NDArray[np.uint32]],
    words: Callable[[], int],
    order: int,
    memory: int,
    scratch: Path,
    fallback: bool = True,
) -> Estimate:
    """Estimates a model from text.

    blocks: the words of the text by number, END behind every sentence, no sentence empty.
    words: how many there are, the three special ones too; asked when the blocks are at their end.
    order: 2 to HIGHEST_ORDER. memory: bytes for all arrays, beside some 100 for each word.
    scratch: an empty folder; the model stays there. fallback: whether an order whose counts give no
    discounts takes fixed ones.

    ValueError: there is no text, a word has a number that cannot be or never occurs, keys are too
    long for this order and so many words, or an order has no discounts. OSError: the disk is full.
    """
    if not 2 <= order <= HIGHEST_ORDER:
        raise ValueError(f"the order must be 2 to {HIGHEST_ORDER}, not {order}")
    text = scratch / "text"
    largest = _spill(blocks, text)
    vocabulary = int(words())
    bits = _bits(vocabulary, order)
    if largest >= vocabulary:
        raise ValueError(f"there are {vocabulary} words, but the text has number {largest}")
    counted = count(text, vocabulary, order, bits, memory, scratch)
    taken, fell_back = _discounts(counted, order, fallback)
    _unigrams(counted.unigrams, taken[0], scratch)
    for k in range(2, order + 1):
        weighed = weigh(k, bits, taken[k - 1], memory, scratch).merged()
        interpolate(weighed, k, bits, block_size(memory), scratch)
        del weighed  # what it was sorted in, as the next order needs the memory
    return Estimate(counted, bits, taken, fell_back, block_size(memory), scratch)


def _spill(blocks: Iterable[npt.NDArray[np.uint32]], text: Path) -> int:
    """Writes all words to a file, and gives the largest of their numbers."""
    largest, last = 0, END
    with text.open("wb") as file:
        for ids in blocks:
            if not len(ids):
                continue
            if ids.min() < END:
                raise ValueError(f"the text has the word number {ids.min()}, which none can be")
            largest, last = max(largest, int(ids.max())), int(ids[-1])
            file.write(np.ascontiguousarray(ids, np.uint32).data)
    if not largest:
        raise ValueError("there is no text to estimate a language model from")
    if last != END:
        raise ValueError("the text ends within a sentence")
    return largest


def _bits(words: int, order: int) -> int:
    bits = max(1, (words - 1).bit_length())
    if order * bits > 128:
        raise ValueError(
            f"{order}-grams of {words} words do not fit into 128 bits: "
            f"take order {128 // bits} or fewer than {1 << 128 // order} words"
        )
    return bits


def _discounts(
    counted: Counted, order: int, fallback: bool
) -> tuple[list[Discounts], list[tuple[int, str]]]:
    taken: list[Discounts] = []
    fell_back: list[tuple[int, str]] = []
    for k in range(1, order + 1):
        found = discounts(counted.of_counts[k].tolist())
        if isinstance(found, str):
            if not fallback:
                raise ValueError(
                    f"no discounts for n-grams of order {k}: {found}; "
                    "take more text, or allow fixed discounts"
                )
            fell_back.append((k, found))
            found = FALLBACK
        taken.append(found)
    return taken, fell_back


def _unigrams(counts: npt.NDArray[np.int64], taken: Discounts, scratch: Path) -> None:
    """Writes the probabilities of words; <unk>, never seen, gets what all but <s> get."""
    words, total = len(counts), int(counts.sum())
    if not counts[END + 1 :].all():
        missing = END + 1 + int(np.argmin(counts[END + 1 :]))
        raise ValueError(f"word number {missing} of {words} does not occur in the text")
    amounts = np.array([0.0, *taken])[np.minimum(counts, 3)]
    rest = amounts.sum() / total
    records = empty(words)
    records[:, 0], records[:, 1] = 0, np.arange(words)
    probabilities = records.view(np.float64)[:, 2]
    probabilities[:] = (counts - amounts) / total + rest / (words - 1)
    probabilities[UNKNOWN], probabilities[BEGIN] = rest / (words - 1), 1.0
    with probabilities_path(scratch, 1).open("wb") as file:
        write(file, records)
