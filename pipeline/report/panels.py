"""What a report draws of each stage: its signals, and what else its rules read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tamis.pipeline.report.look import number
from tamis.pipeline.rules import Bound, ByTable, Rule
from tamis.pipeline.schema import DOCUMENTS, INGEST
from tamis.pipeline.stage import Stage

FEW = 8  # bounds of a table that are drawn each by itself
NEVER = {"text", "meta"}  # read for no histogram


@dataclass(frozen=True)
class Panel:
    """One signal of one stage."""

    stage: Stage
    column: str
    type: pa.DataType

    @property
    def is_number(self) -> bool:
        return bool(pa.types.is_floating(self.type) or pa.types.is_integer(self.type))

    @property
    def is_whole(self) -> bool:
        return bool(pa.types.is_integer(self.type))

    @property
    def is_single(self) -> bool:
        return bool(pa.types.is_float32(self.type))

    @property
    def is_drawn(self) -> bool:
        """Numbers have a histogram, words and truths a list; lists and times have neither."""
        words = pa.types.is_string(self.type) or pa.types.is_large_string(self.type)
        return bool(self.is_number or words or pa.types.is_boolean(self.type))

    @property
    def rules(self) -> list[Rule]:
        """The rules of its stage that bound it."""
        return [rule for rule in self.stage.rules if rule.column == self.column]


def panels(stages: Sequence[Stage]) -> list[Panel]:
    """The panels of all stages, in order: signals, then foreign columns that rules read."""
    types = {field.name: field.type for field in (*DOCUMENTS, *INGEST)}
    found: list[Panel] = []
    for stage in stages:
        types |= {field.name: field.type for field in stage.schema}
        own = [name for name in stage.given.values() if name not in NEVER]
        foreign = [rule.column for rule in stage.rules if rule.column not in (*own, *NEVER)]
        found += [Panel(stage, name, types[name]) for name in dict.fromkeys([*own, *foreign])]
    return found


def sides(rule: Rule) -> list[tuple[str, Bound]]:
    """The numeric bounds of a rule: ("min", bound), ("max", bound)."""
    both = (("min", rule.min), ("max", rule.max))
    return [(side, bound) for side, bound in both if bound is not None]


def drawn_bounds(panel: Panel, written: Stage) -> list[dict[str, Any]]:
    """The lines of a histogram: rule, side, where it stands, and its label.

    written is the stage as the recipe has it, with quantiles that panel's has resolved. Of a table
    with more than a few values there is one entry, `from` the lowest bound `to` the highest.
    """
    lines: list[dict[str, Any]] = []
    quantiles = {rule.name: rule.quantile for rule in written.rules}
    for rule in panel.rules:
        for side, bound in sides(rule):
            line = {"rule": f"{panel.stage.name}.{rule.name}", "side": side}
            if isinstance(bound, ByTable):
                lines += [line | one for one in _of_table(side, bound)]
            elif math.isfinite(bound):
                share = quantiles[rule.name]
                of = f", quantile {share[side == 'max']:g}" if share else ""
                lines.append(line | {"at": bound, "label": f"{side} {number(bound)}{of}"})
    return lines


def _of_table(side: str, bound: ByTable) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    values = list(bound.values.items())
    if len(values) <= FEW:
        lines += [{"at": at, "label": f"{side} {number(at)} {key}"} for key, at in values]
    else:
        low, high = min(bound.values.values()), max(bound.values.values())
        label = f"{side} {number(low)} to {number(high)} by {bound.by} ({len(values)})"
        lines.append({"from": low, "to": high, "label": label})
    if bound.default is not None:
        lines.append({"at": bound.default, "label": f"{side} {number(bound.default)} others"})
    return lines
