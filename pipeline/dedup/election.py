"""Electing: each group that bands join is cut into clusters around the documents that are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from tamis.pipeline.dedup.elect import (
    METHODS,
    Bounds,
    Members,
    Stars,
    matching_band,
    stars_in_parts,
)
from tamis.pipeline.dedup.gather import Sets
from tamis.pipeline.dedup.settings import Dedup
from tamis.pipeline.dedup.signed import Signed
from tamis.pipeline.dedup.work import Work, WorkPhase, numbers, stars_name
from tamis.pipeline.storage.location import Location

TEXT = METHODS.index("text")


@dataclass
class ElectPhase(WorkPhase):
    """Cuts groups into clusters; its units are equal shares of all their members."""

    index: tuple[Location, ...]

    step: ClassVar[str] = "elect"

    @property
    def units(self) -> int:
        return sum(map(len, self.tasks))

    def done(self, unit: int) -> bool:
        return self.work_.done(stars_name(unit))

    def make(self, unit: int) -> None:
        """Writes what became of the members of some groups, in the order of rows."""
        batch = self.work_.read("members")
        start, stop = (_boundary(batch, self.units, place) for place in (unit, unit + 1))
        signed = Signed(self.corpus, self.work_.stage, self.index)
        found, facts = _elected(self.work_, signed, batch.slice(start, stop - start))
        self.work_.write(stars_name(unit), found, **facts)


def _boundary(batch: Any, units: int, unit: int) -> int:
    """Where the share of a unit begins: never within a group."""
    if unit == units or not batch.num_rows:
        return int(batch.num_rows)
    component = numbers(batch, "component")
    return int(np.searchsorted(component, component[batch.num_rows * unit // units]))


def _elected(work: Work, signed: Signed, batch: Any) -> tuple[dict[str, Any], dict[str, int]]:
    """The columns of the answer, one row for every member of the corpus, and what was counted."""
    measure: Any = work.stage.measure
    rows, component = numbers(batch, "row"), numbers(batch, "component")
    follows = numbers(batch, "representative")
    alone = np.flatnonzero(rows == follows)  # identical texts are compared once
    found, uncompared = _clusters(measure, work, signed, rows[alone], component[alone])
    order = np.argsort(rows[alone])
    of = order[np.searchsorted(rows[alone], follows, sorter=order)]
    centre = rows[alone][found.centre[of]]
    same_text = (rows != follows) & (centre == follows)
    first = rows[np.searchsorted(component, component)]
    columns = {
        "row": rows,
        "centre": centre,
        "size": _sizes(centre),
        "similarity": np.where(same_text, np.float32(1), found.similarity[of]),
        "by": np.where(same_text, TEXT, found.by[of]).astype(np.uint8),
        "chained": (centre != first) & (centre < signed.own),
    }
    mine = np.flatnonzero(rows < signed.own)
    mine = mine[np.argsort(rows[mine])]
    columns = {name: values[mine] for name, values in columns.items()}
    columns["band"] = _bands(measure, signed, columns["row"], columns["centre"])
    columns["cluster"] = signed.numbers(columns["centre"])
    removed = columns["row"] != columns["centre"]
    ids = np.full(len(mine), None, object)
    ids[removed] = signed.ids(columns["centre"][removed])
    columns["of"] = pa.array(ids, pa.string())
    return columns, {"uncompared": uncompared}


def _clusters(
    measure: Dedup, work: Work, signed: Signed, rows: Any, component: Any
) -> tuple[Stars, int]:
    """Members cut into clusters. Those of an index, whose texts are not here, come first and take
    what is similar by the signatures; the others are compared as the stage asks.
    """
    starts = np.concatenate([_changes(component), [len(rows)]])
    fixed = (rows >= signed.own).astype(np.int64)
    pinned = np.add.reduceat(fixed, starts[:-1]) if len(rows) else fixed
    exact = measure.verify == "exact" and bool({"minhash", "containment"} & {*measure.methods})
    bounds = Bounds(
        measure.similarity if "minhash" in measure.methods else 0.0,
        measure.contained if "containment" in measure.methods else 0.0,
        measure.centres,
        measure.long,
    )
    how = _Compared(measure, work, signed)
    if not exact:
        found = stars_in_parts(starts, pinned, how.of(rows, exact=False), bounds)
        return found, int(found.uncompared.sum())
    taken = _taken(how, rows, starts, pinned, bounds)
    left = np.flatnonzero(taken.centre == np.arange(len(rows)))
    left = left[rows[left] < signed.own]
    starts = np.concatenate([_changes(component[left]), [len(left)]])
    nobody = np.zeros(len(starts) - 1, np.int64)
    found = stars_in_parts(starts, nobody, how.of(rows[left], exact=True), bounds)
    taken.centre[left] = left[found.centre]
    taken.similarity[left], taken.by[left] = found.similarity, found.by
    return taken, int(found.uncompared.sum())


def _taken(how: _Compared, rows: Any, starts: Any, pinned: Any, bounds: Bounds) -> Stars:
    """What joins pinned rows; everybody else is a centre."""
    count = len(rows)
    nothing = Stars(
        np.arange(count),
        np.ones(count, np.float32),
        np.zeros(count, np.uint8),
        np.empty(0, np.int64),
        np.empty(0, np.int64),
    )
    if not pinned.any():
        return nothing
    few = replace(bounds, centres=1)
    found = stars_in_parts(starts, pinned, how.of(rows, exact=False), few)
    held = rows[found.centre] >= how.signed.own
    nothing.centre[held] = found.centre[held]
    nothing.similarity[held], nothing.by[held] = found.similarity[held], found.by[held]
    return nothing


@dataclass
class _Compared:
    """What members are compared by."""

    measure: Dedup
    work: Work
    signed: Signed

    def of(self, rows: Any, exact: bool) -> Callable[[Any], Members]:
        """What loads that of some of these rows."""
        return lambda places: self._members(rows[places], exact)

    def _members(self, rows: Any, exact: bool) -> Members:
        texts = urls = np.zeros((len(rows), 2), np.uint64)
        if {*self.measure.methods} != {"url"}:
            texts = self._pairs("text_hash", rows)
        if "url" in self.measure.methods:
            urls = self._pairs("url_hash", rows)
        nothing = np.zeros(1, np.int64)
        common: dict[str, Any] = {
            "starts": nothing,
            "pinned": nothing[:0],
            "texts": texts,
            "urls": urls,
        }
        common["signatures"] = self.signed.take("signature", rows)
        if exact:
            return Members(**common, sets=Sets(self.work, self.signed).take(rows))
        return Members(**common, shingles=self.signed.take("shingles", rows))

    def _pairs(self, column: str, rows: Any) -> Any:
        hashes = np.ascontiguousarray(self.signed.take(column, rows), np.uint8)
        return hashes.reshape(-1).view(np.uint64).reshape(-1, 2)


def _bands(measure: Dedup, signed: Signed, rows: Any, centres: Any) -> Any:
    """The first band that a row and its centre have in common, -1 for none."""
    found = np.full(len(rows), -1, np.int16)
    there = np.flatnonzero(rows != centres)
    if "minhash" not in measure.methods or not len(there):
        return found
    both = np.concatenate([rows[there], centres[there]])
    signatures = signed.take("signature", both)
    signatures = signatures if len(signatures) else np.empty((0, 1), np.uint32)
    pair = np.arange(len(there))
    banding = measure.banding
    some = (signed.take("shingles", both) > 0).reshape(2, -1).all(axis=0)
    band = matching_band(signatures, pair, pair + len(there), banding.bands, banding.rows)
    found[there] = np.where(some, band, -1)
    return found


def _sizes(centre: Any) -> Any:
    """How many rows have the same centre, for every row."""
    _, place, counts = np.unique(centre, return_inverse=True, return_counts=True)
    return counts[place].astype(np.int32)


def _changes(values: Any) -> Any:
    """Where a sorted sequence changes, its beginning included."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])[: len(values)])
