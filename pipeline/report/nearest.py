"""The documents nearest to a bound on either side, so that a reader can judge the bound.

Of rows at the same distance those are taken whose places come first in a fixed shuffle: the first
rows of a corpus are often neighbours on one site.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.pipeline.report.panels import sides
from tamis.pipeline.report.scan import RowGroup
from tamis.pipeline.rules import Bound, ByTable, Columns, Mask, Rule, floats, in_scope
from tamis.pipeline.schema import Status
from tamis.pipeline.stage import Stage

SAMPLES = 3  # on either side of a bound
LISTED = 6  # that a list of words rejects

Floats = npt.NDArray[np.float64]
Place = tuple[int, int, int]  # shard, row group, row in the shard


@dataclass
class Nearest:
    """The rows that come first, by distance and then in shuffled order."""

    most: int
    found: list[tuple[float, int, Place]] = field(default_factory=list)

    def offer(self, group: RowGroup, rows: npt.NDArray[np.intp], distances: Floats) -> None:
        """Takes what is nearer than what it has; rows are those of the row group."""
        if len(rows) > self.most:
            worst = np.partition(distances, self.most - 1)[self.most - 1]
            near = distances <= worst
            rows, distances = rows[near], distances[near]
        order = _shuffled(group.shard, rows + group.first)
        best = np.lexsort((order, distances))[: self.most]
        self.found += [
            (float(distances[n]), int(order[n]), (group.shard, group.group, int(rows[n])))
            for n in best
        ]
        self.found = sorted(self.found)[: self.most]

    @property
    def places(self) -> list[Place]:
        return [place for _, _, place in self.found]


@dataclass
class Samples:
    """The sample rows of one rule of one stage: those of each side of each of its bounds."""

    place: int
    stage: Stage
    rule: Rule
    nearest: dict[tuple[str, str], Nearest] = field(default_factory=dict)
    """By side and outcome: ("min", "fails")."""

    def first_pass(self, group: RowGroup) -> None:
        """Offers the rows of a row group."""
        verdict = group.decision.verdicts[self.place]
        scope = in_scope(self.stage.only, group.columns, len(verdict.entered))
        judged = verdict.entered & scope & (verdict.status != Status.ERROR)
        for key, rows, distances in self._candidates(group.columns, judged):
            most = SAMPLES if self.rule.numeric else LISTED
            self.nearest.setdefault(key, Nearest(most)).offer(group, rows, distances)

    def _candidates(
        self, columns: Columns, judged: Mask
    ) -> Iterator[tuple[tuple[str, str], npt.NDArray[np.intp], Floats]]:
        column = columns[self.rule.column]
        if not self.rule.numeric:
            known = column.is_valid().to_numpy(zero_copy_only=False)
            rows = np.flatnonzero(judged & known & self.rule.failing(columns))
            yield ("list", "fails"), rows, np.zeros(len(rows))
            return
        for side, bound in sides(self.rule):
            distances = np.abs(floats(column) - _bounds(bound, column, columns))
            fails = _alone(self.rule, side).failing(columns)
            near = judged & ~np.isnan(distances)  # neither a null nor without a bound
            for outcome, mask in (("fails", near & fails), ("passes", near & ~fails)):
                rows = np.flatnonzero(mask)
                yield (side, outcome), rows, distances[rows]


def _alone(rule: Rule, side: str) -> Rule:
    """The rule with one of its bounds."""
    return replace(rule, max=None) if side == "min" else replace(rule, min=None)


def _bounds(bound: Bound, column: pa.Array, columns: Columns) -> Floats:
    """The bound of every row, as precise as the column."""
    precise = np.float32 if pa.types.is_float32(column.type) else np.float64
    of_rows = bound.of(columns) if isinstance(bound, ByTable) else np.full(len(column), bound)
    rounded: Floats = of_rows.astype(precise).astype(np.float64)
    return rounded


def _shuffled(shard: int, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.uint64]:
    """A number for every place that looks drawn (the finalizer of SplitMix64, Steele 2014)."""
    z = rows.astype(np.uint64) + np.uint64((shard << 40) + 0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
