"""What a model answers to the items of a task: log-probabilities, and the figures made of them.

acc and acc_norm are as lm-evaluation-harness has them: the choice of the highest log-probability,
and of the highest per character. Tied choices share the point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tamis.model.score.bits import Unscorable, encoded
from tamis.model.score.heldout import Document
from tamis.model.score.intervals import Estimate, mean
from tamis.model.score.likelihood import Likelihoods, Line, Scorer
from tamis.model.score.tasks import Item, Kind, Task
from tamis.tokenize.vocabulary import Vocabulary

SIGMAS = 2
"""How far above chance an accuracy has to be before it says anything."""


@dataclass(frozen=True)
class Part:
    """The items of one phenomenon."""

    items: int
    accuracy: Estimate


@dataclass(frozen=True)
class Result:
    """What a task gave. Figures are means over items, which are drawn for the intervals."""

    metric: str
    items: int
    truncated: int
    """Items longer than the context: their beginnings were not seen."""
    figures: dict[str, Estimate]
    """accuracy; of cloze tasks accuracy_norm and bits_per_character (of the right ending) too, of
    last words bits."""
    chance: float
    above_chance: dict[str, bool]
    """Of each accuracy: whether it is more than two standard deviations of guessing above it."""
    parts: dict[str, Part]
    values: dict[str, list[float]]
    """Of each item, in their order: for paired differences."""


def lines_of(items: Sequence[Item], vocabulary: Vocabulary) -> list[Line]:
    """Context and choice of every choice of every item, the tokens of the choice to be scored.

    Both are encoded as one text; the choice begins with the token that has its first byte. Where
    pieces begin with a space, or have none, those before are the tokens of the context alone.
    """
    texts = [
        Document(item.place, item.place, "", "", item.context + choice)
        for item in items
        for choice in item.choices
    ]
    contexts = [len(item.context.encode()) for item in items for _ in item.choices]
    sizes = np.array([len(piece) for piece in vocabulary.pieces], np.int64)
    made = []
    for ids, before in zip(encoded(vocabulary, texts), contexts, strict=True):
        ends = np.cumsum(sizes[ids[1:]]) - vocabulary.prefix
        context = int(np.searchsorted(ends, before, side="right")) if before else 0
        made.append(Line(ids, 1 + context))
    return made


def answer(
    scorer: Scorer, vocabulary: Vocabulary, name: str, task: Task, items: Sequence[Item], seed: int
) -> Result:
    """Scores the items of a task; Unscorable, naming the item, where the model gives no number."""
    lines = lines_of(items, vocabulary)
    found = scorer.score(lines)
    starts = np.cumsum([0, *(len(item.choices) for item in items)])
    long = [len(line.tokens) - 1 > scorer.context for line in lines]
    truncated = 0
    values: dict[str, list[float]] = {}
    for item, first, stop in zip(items, starts[:-1], starts[1:], strict=True):
        mine = Likelihoods(found.nats[first:stop], found.greedy[first:stop])
        if not np.isfinite(mine.nats).all():
            raise Unscorable(f"{name}, {item.place}: the model gives no number: damaged weights?")
        truncated += any(long[first:stop])
        for key, value in _figures(task.kind, item, mine).items():
            values.setdefault(key, []).append(value)
    return _result(task, items, values, truncated, seed)


def _figures(kind: Kind, item: Item, found: Likelihoods) -> dict[str, float]:
    """What one item gives."""
    bits = found.nats[item.gold] / math.log(2)
    if kind == Kind.last_word:
        return {"bits": bits, "accuracy": float(found.greedy[0])}
    accuracy = _point(found.nats, item.gold)
    if kind == Kind.pairs:
        return {"accuracy": accuracy}
    each = found.nats / np.array(item.lengths)
    return {
        "bits_per_character": bits / item.lengths[item.gold],
        "accuracy": accuracy,
        "accuracy_norm": _point(each, item.gold),
    }


def _point(nats: np.ndarray[tuple[int], np.dtype[np.float64]], gold: int) -> float:
    """1 if the right choice is the likeliest, a share of it among tied ones, else 0."""
    best = nats == nats.min()
    return float(best[gold] / best.sum())


def _result(
    task: Task, items: Sequence[Item], values: dict[str, list[float]], truncated: int, seed: int
) -> Result:
    figures = {
        key: mean(some, seed, f"{task.version} {key}") for key, some in sorted(values.items())
    }
    chance = 0.0
    if task.kind != Kind.last_word:
        chance = sum(1 / len(item.choices) for item in items) / len(items)
    noise = SIGMAS * math.sqrt(chance * (1 - chance) / len(items))
    accuracies = {key: one.value for key, one in figures.items() if key.startswith("accuracy")}
    return Result(
        metric=task.version,
        items=len(items),
        truncated=truncated,
        figures=figures,
        chance=chance,
        above_chance={key: value > chance + noise for key, value in accuracies.items()},
        parts=_parts(task, items, values["accuracy"], seed),
        values=values,
    )


def _parts(
    task: Task, items: Sequence[Item], points: Sequence[float], seed: int
) -> dict[str, Part]:
    found: dict[str, list[float]] = {}
    for item, point in zip(items, points, strict=True):
        if item.part:
            found.setdefault(item.part, []).append(point)
    return {
        name: Part(len(some), mean(some, seed, f"{task.version} {name}"))
        for name, some in sorted(found.items())
    }
