"""Matching: which documents share a band, and the groups that this joins.

A unit sorts one range of the keys of one band, over all shards: what it holds is set by the number
of ranges, not by the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tamis.pipeline.dedup import bands, books
from tamis.pipeline.dedup.join import components, representatives
from tamis.pipeline.dedup.settings import Dedup
from tamis.pipeline.dedup.signed import Signed
from tamis.pipeline.dedup.work import Work, WorkPhase, numbers
from tamis.pipeline.sift import shared_out
from tamis.pipeline.storage.location import Location

NONE = {name: np.empty(0, np.int64) for name in ("component", "row", "representative", "failed")}
NOBODY = (np.empty(0, np.int64),) * 2
SHARDS_A_RANGE = 64
"""Some four million keys of a band, 100 MB while they are sorted."""


def band_names(measure: Dedup) -> list[str]:
    """The bands of a stage: those of its signatures, and those of exact keys."""
    names = [f"{band:02d}" for band in range(measure.banding.bands)]
    others = [name for name in ("text", "url", "containment") if name in measure.methods]
    return (names if "minhash" in measure.methods else []) + others


def ranges(shards: int) -> list[tuple[int, int]]:
    """Ranges of keys, in which documents of so many shards are sorted."""
    return bands.ranges(shards, SHARDS_A_RANGE)


def match_tasks(names: Sequence[str], shards: int) -> list[list[int]]:
    """Units, a band and a range each, in tasks."""
    return shared_out(len(names) * len(ranges(shards)), shards)


@dataclass
class MatchPhase(WorkPhase):
    """Finds runs of equal keys; its units are a band and a range of its keys."""

    index: tuple[Location, ...]

    step: ClassVar[str] = "match"

    @cached_property
    def units(self) -> list[tuple[str, tuple[int, int]]]:
        measure: Any = self.work_.stage.measure
        cut = ranges(len(self.corpus.shards))
        return [(band, between) for band in band_names(measure) for between in cut]

    @cached_property
    def _signed(self) -> Signed:
        """Opened once for all units of a task: there may be thousands of files."""
        return Signed(self.corpus, self.work_.stage, self.index)

    def done(self, unit: int) -> bool:
        return self.work_.done(_edges(unit))

    def make(self, unit: int) -> None:
        """Writes the pairs of neighbours in every run of equal keys."""
        signed = self._signed
        band, (low, high) = self.units[unit]
        if band == "containment":
            pairs = books.edges(self.corpus, self.work_.stage.name, signed) if not low else NOBODY
            self.work_.write(_edges(unit), dict(zip(("left", "right"), pairs, strict=True)))
            return
        found = bands.edges(signed.files, signed.firsts[:-1], band, low, high)
        self.work_.write(
            _edges(unit),
            {"left": found.left, "right": found.right},
            runs=int(found.runs),
            longest=int(found.longest),
        )

    def edges(self) -> Iterator[tuple[Any, Any]]:
        """All pairs that were found."""
        for unit in range(len(self.units)):
            batch = self.work_.read(_edges(unit))
            yield numbers(batch, "left"), numbers(batch, "right")


def _edges(unit: int) -> str:
    return f"edges-{unit:05d}"


def join(phase: MatchPhase, scratch: Path) -> None:
    """Writes the members of all groups of two and more that bands join."""
    work = phase.work_
    signed = Signed(work.corpus, work.stage, phase.index)
    rows, component = components(phase.edges(), signed.total, scratch)
    units = range(len(phase.units))
    longest = max((work.fact(_edges(unit), "longest") or 0 for unit in units), default=0)
    failed = np.zeros(len(rows), np.uint8)
    write_members(work, signed, rows, component, failed, longest=longest)


def write_members(
    work: Work,
    signed: Signed,
    rows: Any,
    component: Any,
    failed: Any,
    name: str = "members",
    **facts: Any,
) -> None:
    """Writes groups in the order in which their members may become centres.

    failed: 1 for members that failed a later rule, who come behind the others. Members with the
    same text follow the first of them, their representative; but not where an address counts too,
    which may differ.
    """
    if not len(rows):
        work.write(name, NONE, **facts)
        return
    measure: Any = work.stage.measure
    order = np.lexsort((rows, signed.take("priority", rows), failed, rows < signed.own, component))
    rows, component, failed = rows[order], component[order], failed[order]
    first = rows
    if "url" not in measure.methods:
        first = representatives(rows, component, signed.take("text_hash", rows))
    columns = {"component": component, "row": rows, "representative": first, "failed": failed}
    work.write(name, columns, **facts)
