"""Batches of tokens for a trainer: a pure function of seed, step, rank and world.

Documents are packed first and mixed then: each component's documents in their order are one
sequence, cut into windows, and windows are drawn from components. So weights are shares of tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.tokenize.errors import Mismatch, TokensError
from tamis.tokenize.interleaving import Interleaving, largest_remainder
from tamis.tokenize.permutation import keys, permuted
from tamis.tokenize.tokens import Tokens
from tamis.tokenize.windows import Stream

Longs = npt.NDArray[np.int64]
PERIOD = 1 << 20
"""Windows within which weights are kept to the window."""


@dataclass(frozen=True)
class Component:
    """Tokens that take part in a mixture."""

    tokens: Tokens
    weight: float | None = None
    """Its share of tokens, beside those of the others; for all components or none."""
    epochs: float | None = None
    """How often it is read; for all components or none. Neither: one epoch."""
    sources: frozenset[str] | None = None
    """Only these sources of it; None for all."""
    name: str = ""
    """Default: the folder's name, and the sources if not all."""

    @property
    def label(self) -> str:
        chosen = "" if self.sources is None else f":{'+'.join(sorted(self.sources))}"
        return self.name or f"{self.tokens.folder.resolve().name}{chosen}"


def by_source(tokens: Tokens, weights: Mapping[str, float]) -> list[Component]:
    """A component of each source of a folder, with these weights."""
    return [
        Component(tokens, weight, sources=frozenset([source]), name=source)
        for source, weight in weights.items()
    ]


@dataclass(frozen=True)
class Batch:
    """What a rank trains on in a step."""

    tokens: Longs
    """(rows, length + 1): inputs are all but the last of a row, targets all but the first.

    int64, as embeddings and losses of torch take them: narrower would be copied there.
    """
    positions: npt.NDArray[np.int32]
    """(rows, length + 1): of each token in its document, counted from the window's first token."""
    components: Longs
    """(rows,): which component each window is of."""


class Mixture:
    """Windows of components in an endless order; `batch` gives those of a step and rank."""

    def __init__(
        self,
        components: Sequence[Component],
        length: int,
        batch: int,
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        """length: tokens of a window, which has one more for the last target; batch: windows of a
        step, on all ranks together; shuffle: whether the windows of a component come in an order
        that differs from epoch to epoch, rather than in that of the documents.

        Raises TokensError for components that cannot be mixed, Mismatch where they are of two
        vocabularies.
        """
        if length < 1 or batch < 1:
            raise TokensError("a batch has one window at least, and a window one token")
        self.components, self.length, self.size = tuple(components), length, batch
        self.seed, self.shuffle = seed, shuffle
        self.names = tuple(one.label for one in components)
        _check(self.components, self.names)
        self._streams = [Stream(one.tokens, one.sources) for one in components]
        self.windows = tuple(self._windows(place) for place in range(len(self.components)))
        counts = self._counts()
        first = int.from_bytes(keys("order", seed).tobytes()[:8], "little") % sum(counts)
        self._order = Interleaving(counts, first)

    def _windows(self, place: int) -> int:
        """Windows of a component: the tail that fills none is left out."""
        stream = self._streams[place]
        if (windows := (stream.length - 1) // self.length) < 1:
            raise TokensError(
                f"{self.names[place]} has {stream.length:,} tokens, too few for a window of "
                f"{self.length:,} and a target: take shorter windows, or leave it out"
            )
        return windows

    def _counts(self) -> tuple[int, ...]:
        """Windows of each component in a period of the order."""
        weights = [one.weight for one in self.components if one.weight is not None]
        if weights:
            counts = largest_remainder(weights, PERIOD)
        else:
            epochs = [1.0 if one.epochs is None else one.epochs for one in self.components]
            counts = tuple(round(n * e) for n, e in zip(self.windows, epochs, strict=True))
        if 0 in counts:
            name = self.names[counts.index(0)]
            why = f"less than one in {PERIOD:,}" if weights else "less than a window"
            raise TokensError(f"the share of {name} is {why}: leave it out, or give it more")
        return counts

    @property
    def steps(self) -> int | None:
        """Whole batches in a run of the epochs asked for; None where there are weights."""
        weighted = self.components[0].weight is not None
        return None if weighted else self._order.period // self.size

    @property
    def left_out(self) -> dict[str, int]:
        """Tokens of each component that fill no window."""
        pairs = zip(self._streams, self.windows, strict=True)
        left = [stream.length - windows * self.length - 1 for stream, windows in pairs]
        return dict(zip(self.names, left, strict=True))

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The windows of a step that a rank is to train on.

        Those of all ranks, one after the other, are the same whatever world is. Raises TokensError
        if world does not divide the batch, Corrupt for a token beyond the vocabulary.
        """
        if world < 1 or self.size % world:
            raise TokensError(f"{world} ranks cannot share a batch of {self.size} evenly")
        if step < 0 or not 0 <= rank < world:
            raise TokensError(f"no step {step} of rank {rank}: ranks are 0 to {world - 1}")
        rows = self.size // world
        which, numbers = self._order.items(step * self.size + rank * rows, rows)
        tokens = np.empty((rows, self.length + 1), np.int64)
        positions = np.empty(tokens.shape, np.int32)
        for place in np.unique(which).tolist():
            own = np.flatnonzero(which == place)
            starts = self._places(place, numbers[own]) * self.length
            self._streams[place].fill(starts, own, tokens, positions)
        return Batch(tokens, positions, which)

    def _places(self, place: int, numbers: Longs) -> Longs:
        """Which windows of a component's documents are the ones of these numbers in its order."""
        epochs, places = np.divmod(numbers, self.windows[place])
        if self.shuffle:
            for epoch in np.unique(epochs).tolist():
                own = np.flatnonzero(epochs == epoch)
                key = keys("windows", self.seed, place, epoch)
                places[own] = permuted(places[own], self.windows[place], key)
        return places

    def seen(self, step: int) -> dict[str, Any]:
        """What the steps before this one read: of each component and source, for a log.

        A component's `windows`, their `share` of all, and its `epochs`. A source's epochs are those
        of the components that it is in, by its tokens in each: exact for whole epochs.
        """
        counts = self._order.before(step * self.size)
        total = max(1, sum(counts))
        rows = zip(self.names, counts, self.windows, strict=True)
        components = {
            name: {"windows": count, "share": count / total, "epochs": count / windows}
            for name, count, windows in rows
        }
        return {"components": components, "sources": self._sources(counts)}

    def _sources(self, counts: Sequence[int]) -> dict[str, float]:
        """Epochs of each source; the tokens of one in two components are counted once."""
        read: dict[str, float] = {}
        there: dict[str, dict[str, int]] = {}
        for one, count, windows in zip(self.components, counts, self.windows, strict=True):
            for name, facts in one.tokens.facts["sources"].items():
                if one.sources is None or name in one.sources:
                    read[name] = read.get(name, 0.0) + count / windows * facts["tokens"]
                    there.setdefault(name, {})[one.tokens.digest] = facts["tokens"]
        return {name: read[name] / max(1, sum(there[name].values())) for name in sorted(read)}

    @cached_property
    def state(self) -> dict[str, Any]:
        """Everything that batches depend on, for a checkpoint: with another they would differ."""
        return {
            "format": 1,
            "vocabulary": self.components[0].tokens.facts["vocabulary"]["sha256"],
            "length": self.length,
            "batch": self.size,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "components": [
                {
                    "tokens": one.tokens.digest,
                    "sources": None if one.sources is None else sorted(one.sources),
                    "count": count,
                }
                for one, count in zip(self.components, self._order.counts, strict=True)
            ],
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the state."""
        return hashlib.sha256(json.dumps(self.state, sort_keys=True).encode()).hexdigest()


def _check(components: Sequence[Component], names: Sequence[str]) -> None:
    """Raises TokensError for components that cannot be mixed."""
    if not components:
        raise TokensError("a mixture has one component at least")
    weights, epochs = ([getattr(one, key) for one in components] for key in ("weight", "epochs"))
    if len({one is None for one in weights}) > 1 or (any(weights) and any(epochs)):
        raise TokensError("give every component a weight, or none of them: epochs are another way")
    for name, given in zip([*names, *names], [*weights, *epochs], strict=True):
        if given is not None and not (isfinite(given) and given > 0):
            raise TokensError(f"{name}: {given} is no weight nor number of epochs: it must be > 0")
    kinds = [(one.tokens.digest, one.sources) for one in components]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise TokensError(f"two components are called {name}: give them names")
        if kinds[place] in kinds[:place]:
            other = names[kinds.index(kinds[place])]
            raise TokensError(f"{name} is {other} once more: give one of them more weight")
    for one in components[1:]:
        if (theirs := one.tokens.facts["vocabulary"]["sha256"]) != (
            own := components[0].tokens.facts["vocabulary"]["sha256"]
        ):
            raise Mismatch(
                f"{one.tokens.folder} was made with vocabulary {theirs}, and "
                f"{components[0].tokens.folder} with {own}: tokenize one of them again"
            )
