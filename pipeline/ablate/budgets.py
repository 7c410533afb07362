"""The two budgets of an experiment: T, and which pieces of its documents an arm is drawn from.

Equal tokens: every arm draws from all that it keeps, and nothing is read twice. Equal pool: what
raw's draw of P tokens takes is the pool of a seed. Every other arm has those of its pieces that are
in it, and where they are fewer than T tokens, it reads them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np

from tamis.pipeline.ablate.arms import FULL, RANDOM, RAW, Arm
from tamis.pipeline.ablate.candidates import (
    Candidates,
    Longs,
    Numbers,
    Sources,
    at_random,
    in_pieces,
)
from tamis.pipeline.ablate.draws import PIECE, Encoded, draw
from tamis.pipeline.ablate.plan import Training, whole
from tamis.pipeline.errors import CallError
from tamis.tokenize.vocabulary import Vocabulary

Say = Callable[[str], None]
Budget = Literal["tokens", "pool"]
BUDGETS: tuple[Budget, ...] = ("tokens", "pool")
EPOCHS = 4
"""Times that an arm is read at most: up to there tokens that are read again are worth nearly what
new ones are, beyond it ever less (Muennighoff et al., 2023, arXiv 2305.16264)."""
ALL = 1 << 62
"""More tokens than there are."""


class Stock(NamedTuple):
    """What an arm keeps."""

    sources: Sources
    found: Candidates


@dataclass(frozen=True)
class Supply:
    """What all arms keep, to be drawn from."""

    stocks: Mapping[str, Stock]
    vocabulary: Vocabulary
    balanced: bool
    pools: Mapping[int, Numbers] = field(default_factory=dict)
    """By seed, the ids of the pieces that all arms start from; nothing where tokens are equal."""

    def pieces(self, arm: str, seed: int) -> Candidates:
        """What an arm can be drawn from with a seed."""
        if not self.pools or arm == RAW:
            return in_pieces(self.stocks[arm].found, PIECE)
        if arm != RANDOM:
            return within(in_pieces(self.stocks[arm].found, PIECE), self.pools[seed])
        # Of the pool, not of all documents: balanced by source it may keep another share of it.
        raw = within(in_pieces(self.stocks[RAW].found, PIECE), self.pools[seed])
        return at_random(raw, int(self.pieces(FULL, seed).sizes.sum()))

    def draw(self, arm: str, seed: int, tokens: int) -> Encoded:
        """Pieces of an arm, which has some, until they have so many tokens, or all of them."""
        of, pieces = self.stocks[arm].sources, self.pieces(arm, seed)
        return draw(of, pieces, seed, tokens, self.vocabulary, self.balanced)

    def has(self, arm: str, seed: int) -> int:
        """Tokens that an arm has with a seed, each of them once."""
        pieces = self.pieces(arm, seed)
        if not len(pieces.ids):
            return 0
        of = self.stocks[arm].sources
        return draw(of, pieces, seed, ALL, self.vocabulary, self.balanced).tokens


@dataclass(frozen=True)
class Granted:
    """A budget: how many tokens, and of what."""

    training: Training
    supply: Supply
    unique: Mapping[str, Mapping[int, int]]
    """By arm and seed, tokens that the pool has of it; nothing where tokens are equal."""


def within(pieces: Candidates, pool: Numbers) -> Candidates:
    """Those of an arm's pieces that are in a pool."""
    return pieces.take(np.isin(pieces.ids, pool))


def equal_tokens(
    supply: Supply, arms: Sequence[Arm], seed: int, training: Training, exact: bool, say: Say
) -> Granted:
    """As many tokens as the smallest arm has, of raw half of them, and no more than were asked for.

    Raises CallError where that is fewer than four batches, or exact and fewer than were asked for.
    """
    wanted = whole(training.tokens, training.batch_tokens)
    least, short = wanted, ""
    for arm in arms:
        need = max(training.sizes(arm)) / training.tokens
        drawn = supply.draw(arm.name, seed, round(need * training.tokens) + 1)
        there = whole(int((drawn.tokens - 1) / need), training.batch_tokens)
        if there < least:
            least, short = there, arm.name
    if least < wanted and (exact or least <= 0):
        twice = " (raw is trained on twice as many)" if short == RAW else ""
        raise CallError(
            f"arm '{short}' has unique tokens for --tokens {least:,} only, not {wanted:,}{twice}: "
            "ask for that, or give a larger corpus"
        )
    if least < wanted:
        say(f"arm '{short}' has no more: every run takes {least:,} tokens, not {wanted:,}")
    return Granted(replace(training, tokens=least), supply, {})


class Raw(NamedTuple):
    """What a seed draws of raw: ids of pieces, and where each of them ends, in tokens."""

    ids: Numbers
    ends: Longs


def equal_pool(
    supply: Supply,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    training: Training,
    exact: bool,
    say: Say,
) -> Granted:
    """The pool of each seed, and as many tokens as `longest` gives.

    Raises CallError where that is fewer than four batches, and where raw has not the pool that was
    asked for.
    """
    batch = training.batch_tokens
    wanted = whole(training.tokens, batch)
    raw = {seed: _raw(supply.draw(RAW, seed, 2 * wanted + 1)) for seed in seeds}
    have = min(int(one.ends[-1]) for one in raw.values())
    size = _pool_size(have, wanted, batch, exact)
    if size < wanted:
        say(f"raw has no more: the pool has {size:,} tokens, not {wanted:,}")
    stops = {seed: int(np.searchsorted(one.ends, size + 1)) for seed, one in raw.items()}
    supply = replace(
        supply, pools={seed: raw[seed].ids[: stop + 1] for seed, stop in stops.items()}
    )
    unique = {RAW: {seed: int(raw[seed].ends[stop]) for seed, stop in stops.items()}}
    for arm in (one.name for one in arms if one.kind != "raw"):
        unique[arm] = {seed: supply.has(arm, seed) for seed in seeds}
    least, short = longest(unique, size, have, batch)
    there = f"arm '{short}' has {min(unique[short].values()):,} unique tokens of a pool of {size:,}"
    if least <= 0:
        raise CallError(
            f"{there}: {EPOCHS} times as many are not four batches of {batch:,}: ask for a larger "
            "pool (--tokens), a smaller --batch-tokens, or loosen its rules"
        )
    if least < size:
        why = f"{there}, to be read {EPOCHS} times at most"
        if short == RAW:
            why = f"raw has {have:,} tokens, and is trained on twice as many as the others"
        say(f"{why}: every run takes {least:,} tokens, not {size:,}")
    return Granted(replace(training, tokens=least, pool_tokens=size), supply, unique)


def _raw(drawn: Encoded) -> Raw:
    return Raw(drawn.of.ids, drawn.ends)


def _pool_size(have: int, wanted: int, batch: int, exact: bool) -> int:
    """P: the tokens that were asked for; if that is allowed, half of raw where raw has fewer."""
    half = whole((have - 1) // 2, batch)
    if half <= 0:
        raise CallError(
            f"raw has {have:,} tokens and needs eight batches of {batch:,}: give a larger corpus, "
            "or a smaller --batch-tokens"
        )
    if exact and have <= wanted:
        raise CallError(
            f"raw has {have:,} tokens, too few for a pool of --tokens {wanted:,}: ask for {half:,} "
            "(raw is trained on twice as many), or give a larger corpus"
        )
    return wanted if exact else min(wanted, half)


def longest(
    unique: Mapping[str, Mapping[int, int]], pool: int, raw: int, batch: int
) -> tuple[int, str]:
    """T, and the arm that decides it, raw if none does: no more than the pool, nor than the
    smallest arm has four times, nor than half of what raw has, which is read once, to 2 T.

    unique: tokens of the pool by arm and seed. pool, raw: tokens of the pool, and of raw in all.
    One token more than T is needed each time, to be predicted.
    """
    limits = [(pool, RAW), (whole((raw - 1) // 2, batch), RAW)]
    for arm, tokens in unique.items():
        if arm != RAW:
            limits.append((whole(EPOCHS * min(tokens.values()) - 1, batch), arm))
    return min(limits, key=lambda one: one[0])
