"""Documents drawn by chance: of those kept, and of those that each stage rejects.

What stands beside a bound shows whether it is well placed; these show what a corpus is like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tamis.pipeline.report.nearest import Nearest, Place
from tamis.pipeline.report.scan import RowGroup
from tamis.pipeline.report.texts import Beginning
from tamis.pipeline.rules import Mask
from tamis.pipeline.stage import Stage

KEPT, REJECTED = 6, 3
"""Documents shown: of all that are kept, and of every stage."""


class Drawn:
    """The places of the documents drawn, the first ones of a fixed shuffle."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = stages
        self.kept = Nearest(KEPT)
        self.rejected = {stage.name: Nearest(REJECTED) for stage in stages}
        self.reasons: dict[Place, list[str]] = {}

    def first_pass(self, group: RowGroup) -> None:
        """Offers the rows of a row group."""
        _offer(self.kept, group, group.decision.kept)
        for stage, verdict in zip(self.stages, group.decision.verdicts, strict=True):
            drawn = self.rejected[stage.name]
            _offer(drawn, group, verdict.rejected)
            for place in drawn.places:
                if place[:2] == (group.shard, group.group):
                    self.reasons[place] = group.decision.reasons(self.stages, place[2])

    @property
    def places(self) -> Iterator[Place]:
        """Those that were drawn in the end."""
        yield from self.kept.places
        for drawn in self.rejected.values():
            yield from drawn.places

    def content(self, documents: Mapping[Place, Beginning]) -> dict[str, Any]:
        """The entry of report.json: beginnings of texts, of rejected ones with their reasons."""
        return {
            "kept": [documents[place].facts for place in self.kept.places],
            "rejected": [
                {
                    "stage": stage,
                    "documents": [
                        documents[place].facts | {"reasons": self.reasons[place]}
                        for place in drawn.places
                    ],
                }
                for stage, drawn in self.rejected.items()
                if drawn.places
            ],
        }


def _offer(drawn: Nearest, group: RowGroup, mask: Mask) -> None:
    rows = np.flatnonzero(mask)
    drawn.offer(group, rows, np.zeros(len(rows)))
