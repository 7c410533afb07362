"""Bits per byte of every arm at every size: what each seed gave, and each draw of groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tamis.model.verdict.interval import Interval, interval, resampled
from tamis.model.verdict.plan import Statistics
from tamis.model.verdict.student import Doubles

MACRO = "macro"


@dataclass(frozen=True)
class Level:
    """The bits per byte of a domain, or of their mean."""

    per_seed: Doubles = field(repr=False)
    """(points, seeds)"""
    drawn: Doubles = field(repr=False)
    """(points, draws): of the mean of seeds; the draws of all points are the same."""

    def of(self, point: int, confidence: float) -> Interval:
        return interval(self.per_seed[point], self.drawn[point], confidence)

    def between(self, treated: int, control: int, confidence: float) -> Interval:
        """The difference of two points, paired by seed and by held-out documents."""
        return interval(
            self.per_seed[treated] - self.per_seed[control],
            self.drawn[treated] - self.drawn[control],
            confidence,
        )


def levels(
    nats: Mapping[str, Doubles],
    sizes: Mapping[str, Doubles],
    counted: Sequence[str],
    chosen: Statistics,
) -> dict[str, Level]:
    """Each domain's bits per byte, and MACRO, the plain mean of those that are counted.

    nats: of each domain (points, seeds, groups); sizes: (groups,), in bytes. Groups are drawn
    within each domain, domains apart: a host in two of them counts as two.
    """
    made = {}
    for name, every in nats.items():
        bits, size = every / math.log(2), sizes[name]
        drawn = resampled(bits.mean(axis=1), size, chosen.draws, chosen.seed, name)
        made[name] = Level(bits.sum(axis=-1) / size.sum(), drawn)
    macro = Level(
        np.mean([made[name].per_seed for name in counted], axis=0),
        np.mean([made[name].drawn for name in counted], axis=0),
    )
    return {**made, MACRO: macro}
