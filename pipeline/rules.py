"""Who is alive, and why not: the one module that decides.

A rule is a named bound on a signal. It fails a row with the reason `<stage>.<rule>`; a null passes
unless the rule says otherwise, and so does a value whose table has no bound for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Columns = Mapping[str, pa.Array]


@dataclass(frozen=True)
class ByTable:
    """A bound that depends on another column: by language, say."""

    by: str
    values: Mapping[str, float]
    default: float | None = None

    def of(self, columns: Columns) -> npt.NDArray[np.float64]:
        """The bound of every row, NaN where there is none."""
        keys = list(self.values)
        by = pc.cast(columns[self.by], pa.string())
        place = pc.index_in(by, value_set=pa.array(keys, pa.string()))
        bounds = np.array([*(self.values[key] for key in keys), np.nan], np.float64)
        if self.default is not None:
            bounds[-1] = self.default
        rows = pc.fill_null(place, len(keys)).to_numpy(zero_copy_only=False)
        found: npt.NDArray[np.float64] = bounds[rows]
        return found


Bound = float | ByTable


@dataclass(frozen=True)
class Rule:
    """A named bound on a signal; min and max are inclusive."""

    name: str
    column: str
    min: Bound | None = None
    max: Bound | None = None
    one_of: tuple[str, ...] | None = None
    none_of: tuple[str, ...] | None = None
    quantile: tuple[float, float] | None = None
    """Keeps values between these two quantiles of the rows alive; (0.9, 1.0) is the top tenth."""
    null: Literal["pass", "reject"] = "pass"

    @property
    def numeric(self) -> bool:
        return self.one_of is None and self.none_of is None

    @property
    def columns(self) -> set[str]:
        """The columns it reads."""
        tables = (bound for bound in (self.min, self.max) if isinstance(bound, ByTable))
        return {self.column, *(table.by for table in tables)}

    def bound(self) -> str:
        """The rule in words: `language_score >= 0.65`."""
        parts = []
        if self.quantile:
            parts.append("quantile {:g} to {:g}".format(*self.quantile))
        for sign, bound in ((">=", self.min), ("<=", self.max)):
            if isinstance(bound, ByTable):
                parts.append(f"{sign} a bound by {bound.by}")
            elif bound is not None:
                parts.append(f"{sign} {bound:g}")
        for word, values in (("in", self.one_of), ("not in", self.none_of)):
            if values is not None:
                parts.append(f"{word} {', '.join(values)}")
        if self.null == "reject":
            parts.append("not null")
        return f"{self.column} {' and '.join(parts)}"

    def for_row(self, columns: Columns) -> Rule:
        """The rule with bounds by table replaced by those of the first row."""

        def settle(bound: Bound | None) -> Bound | None:
            if not isinstance(bound, ByTable):
                return bound
            value = float(bound.of(columns)[0])
            return None if np.isnan(value) else value

        return replace(self, min=settle(self.min), max=settle(self.max))

    def resolved(self, low: float | None, high: float | None) -> Rule:
        """The rule with its quantiles replaced by the values they fell on."""
        return replace(self, quantile=None, min=low, max=high)

    def failing(self, columns: Columns) -> Mask:
        """Which rows fail; raises ValueError if its quantiles were never resolved."""
        if self.quantile is not None:
            raise ValueError(f"the quantiles of rule {self.name} are not resolved")
        column = columns[self.column]
        fails = self._out_of_bounds(column, columns) if self.numeric else self._not_listed(column)
        if self.null == "reject":
            fails |= _is_null(column)
        return fails

    def _out_of_bounds(self, column: pa.Array, columns: Columns) -> Mask:
        values = floats(column)
        # 0.65 as a float32 is less than 0.65: a bound is as precise as the column it is for.
        precision = np.float32 if pa.types.is_float32(column.type) else np.float64
        fails = np.zeros(len(values), np.bool_)
        with np.errstate(invalid="ignore"):  # NaN, a null or a missing bound, passes
            if self.min is not None:
                fails |= values < precision(_bound(self.min, columns))
            if self.max is not None:
                fails |= values > precision(_bound(self.max, columns))
        return fails

    def _not_listed(self, column: pa.Array) -> Mask:
        known = ~_is_null(column)
        fails = np.zeros(len(column), np.bool_)
        text = pc.cast(column, pa.string())
        if self.one_of is not None:
            fails |= known & ~_is_in(text, self.one_of)
        if self.none_of is not None:
            fails |= known & _is_in(text, self.none_of)
        return fails


def floats(column: pa.Array) -> npt.NDArray[np.float64]:
    """A numeric or boolean column as float64, nulls as NaN."""
    values: npt.NDArray[np.float64] = pc.fill_null(
        pc.cast(column, pa.float64(), safe=False), np.nan
    ).to_numpy(zero_copy_only=False)
    return values


def in_scope(only: Mapping[str, tuple[str, ...]], columns: Columns, rows: int) -> Mask:
    """The rows that a stage with this `only` table is for."""
    scope = np.ones(rows, np.bool_)
    for column, values in only.items():
        scope &= _is_in(pc.cast(columns[column], pa.string()), values)
    return scope


def _bound(bound: Bound, columns: Columns) -> float | npt.NDArray[np.float64]:
    return bound.of(columns) if isinstance(bound, ByTable) else bound


def _is_in(column: pa.Array, values: tuple[str, ...]) -> Mask:
    found: Mask = pc.is_in(column, value_set=pa.array(values, pa.string())).to_numpy(
        zero_copy_only=False
    )
    return found


def _is_null(column: pa.Array) -> Mask:
    null: Mask = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False)
    return null
