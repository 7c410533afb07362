"""What is counted for each panel: the distribution of numbers, the commonest of words.

Two passes: the first sketches the numbers and counts the words, the second counts the numbers in
the bins that the sketch led to. Rows are those that the stage evaluated of those it was asked for;
what --all-rows or another recipe measured besides is left out.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline.report.axis import Axis, choose
from tamis.pipeline.report.panels import Panel
from tamis.pipeline.report.scan import RowGroup
from tamis.pipeline.report.sketch import Sketch
from tamis.pipeline.rules import Mask, floats
from tamis.pipeline.schema import Status

TOP = 12  # words listed
SHORT = 200  # characters of a word, an id or another value that is shown
MOST_WORDS = 10_000  # different ones counted; a column with more holds names, not kinds
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)


@dataclass
class Numbers:
    """A signal that is a number."""

    panel: Panel
    place: int
    """Of its stage among the stages."""
    lines: list[dict[str, Any]]
    sketch: Sketch = field(default_factory=Sketch)
    values: int = 0
    nulls: int = 0
    axis: Axis | None = None
    counts: npt.NDArray[np.int64] | None = None
    failing: npt.NDArray[np.int64] | None = None
    zeros: int = 0

    def first_pass(self, group: RowGroup) -> None:
        """Sketches the values."""
        values = floats(group.columns[self.panel.column])[_evaluated(self.place, group)]
        known = int((~np.isnan(values)).sum())
        self.values += known
        self.nulls += len(values) - known
        self.sketch.add(values)

    def choose_axis(self) -> None:
        """Chooses the bins, between the passes."""
        at = [line[key] for line in self.lines for key in ("at", "from", "to") if key in line]
        self.axis = choose(self.sketch, at, self.panel.is_whole)
        if self.axis:
            self.counts = np.zeros(len(self.axis.edges) + 1, np.int64)
            self.failing = np.zeros_like(self.counts)

    def second_pass(self, group: RowGroup) -> None:
        """Counts the values in the bins, one below and one above them."""
        if self.axis is None or self.counts is None or self.failing is None:
            return
        rows = _evaluated(self.place, group)
        values = floats(group.columns[self.panel.column])
        known = rows & ~np.isnan(values)
        # 0.65 as a float32 is less than 0.65 and belongs into the bin that begins there.
        precise = np.float32 if self.panel.is_single else np.float64
        edges = self.axis.edges.astype(precise).astype(np.float64)
        bins = np.searchsorted(edges, values[known], side="right")
        self.counts += np.bincount(bins, minlength=len(self.counts))
        self.zeros += int((values[known] == 0).sum())
        if self.panel.rules:
            failing = _failing(self.panel, self.place, group)[known]
            self.failing += np.bincount(bins[failing], minlength=len(self.counts))

    def content(self) -> dict[str, Any]:
        """The entry of report.json."""
        entry: dict[str, Any] = {
            "column": self.panel.column,
            "form": "numbers",
            "type": str(self.panel.type),
            "values": self.values,
            "nulls": self.nulls,
            "bounds": self.lines,
        }
        if self.axis is None or self.counts is None or self.failing is None:
            return entry
        return entry | {
            "least": self.sketch.low,
            "greatest": self.sketch.high,
            "quantiles_about": {f"{q:g}": self.sketch.quantile(q) for q in QUANTILES},
            "scale": "logarithmic" if self.axis.log else "linear",
            "edges": self.axis.edges.tolist(),
            "counts": self.counts[1:-1].tolist(),
            "failing": self.failing[1:-1].tolist(),
            "below": _end(self.counts, self.failing, 0),
            "above": _end(self.counts, self.failing, -1),
            "zeros": self.zeros,
        }


@dataclass
class Words:
    """A signal that is a word, such as a language, or true or false."""

    panel: Panel
    place: int
    counts: Counter[str] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    values: int = 0
    nulls: int = 0
    many: bool = False

    def first_pass(self, group: RowGroup) -> None:
        """Counts the values."""
        rows = _evaluated(self.place, group)
        column = group.columns[self.panel.column]
        found = column.filter(pa.array(rows)).drop_null()
        self.values += len(found)
        self.nulls += int(rows.sum()) - len(found)
        if not self.many:
            self.counts.update(_counted(found))
            self.many = len(self.counts) > MOST_WORDS
        if self.panel.rules and not self.many:
            rows &= _failing(self.panel, self.place, group)
            self.failing.update(_counted(column.filter(pa.array(rows)).drop_null()))

    def content(self) -> dict[str, Any]:
        """The entry of report.json."""
        most = (
            [] if self.many else sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        )
        return {
            "column": self.panel.column,
            "form": "words",
            "type": str(self.panel.type),
            "values": self.values,
            "nulls": self.nulls,
            "different": None if self.many else len(self.counts),
            "top": [
                {"value": word[:SHORT], "documents": count, "failing": self.failing[word]}
                for word, count in most[:TOP]
            ],
            "others": {
                "documents": sum(count for _, count in most[TOP:]),
                "failing": sum(self.failing[word] for word, _ in most[TOP:]),
            },
        }


def plain(value: Any) -> Any:
    """A value as JSON can hold it: infinities as words, times as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _end(counts: npt.NDArray[np.int64], failing: npt.NDArray[np.int64], at: int) -> dict[str, int]:
    return {"documents": int(counts[at]), "failing": int(failing[at])}


def _evaluated(place: int, group: RowGroup) -> Mask:
    evaluated: Mask = group.decision.verdicts[place].status == Status.EVALUATED
    return evaluated


def _failing(panel: Panel, place: int, group: RowGroup) -> Mask:
    """The rows that the rules on a panel's column reject."""
    failed = group.decision.verdicts[place].failed
    rejected: Mask = np.logical_or.reduce([failed[rule.name] for rule in panel.rules])
    return rejected


def _counted(column: pa.Array) -> dict[str, int]:
    counts = pc.value_counts(pc.cast(column, pa.string()))
    return {str(value): count.as_py() for value, count in zip(*counts.flatten(), strict=True)}
