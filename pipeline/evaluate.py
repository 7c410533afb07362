"""One stage over one shard: old signals and the rows asked for in, new signals out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.pipeline import files
from tamis.pipeline.errors import TamisError, WorkError
from tamis.pipeline.guard import Guard, Portion
from tamis.pipeline.rules import Mask, in_scope
from tamis.pipeline.schema import Status
from tamis.pipeline.signals import one_chunk, overlay
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location

KILLED = "killed its worker twice"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")  # memory addresses in messages differ from run to run

Columns = dict[str, pa.Array]


class Evaluation:
    """A stage's pass over the row groups of a shard."""

    def __init__(
        self, stage: Stage, place: int, old: Location | None, new: Path, stack: ExitStack
    ) -> None:
        self.stage, self.place = stage, place
        self.status, self.error = stage.schema.names[:2]
        self.old = stack.enter_context(files.parquet_file(old)) if old else None
        self.writer = stack.enter_context(files.parquet_writer(new, stage.schema))
        self.ready = False

    def row_group(
        self, columns: Columns, asked: Mask, at: tuple[int, int, int], guard: Guard
    ) -> Columns:
        """The columns with this stage's beside them, which are also written.

        at is (unit, row group, first row). Rows already evaluated are taken over as they are.
        """
        unit, _, first = at
        scope = in_scope(self.stage.only, columns, len(asked))
        if self.old is None and asked.all() and scope.all() and len(asked):
            measured = self._measure(columns, np.arange(len(asked)), unit, first, guard)
            signals = dict(zip(self.stage.schema.names, measured, strict=True))
        else:
            signals = self._complete(columns, asked, scope, at, guard)
        table = pa.Table.from_arrays(list(signals.values()), schema=self.stage.schema)
        self.writer.write_table(table, row_group_size=max(1, len(asked)))
        if "text" in signals and "text" in columns:
            signals["text"] = overlay(columns["text"], signals["text"])
        return {**columns, **signals}

    def decided(self, group: int, names: set[str]) -> Columns:
        """Some columns of a row group as they were measured before; none if it never was."""
        if self.old is None:
            return {}
        mine = sorted(names & {*self.stage.schema.names})
        table = self.old.read_row_group(group, columns=mine, use_threads=False)
        return {name: one_chunk(table.column(name)) for name in mine}

    def keep(self, group: int) -> None:
        """Takes a row group over as it was."""
        assert self.old is not None
        table = self.old.read_row_group(group, use_threads=False)
        self.writer.write_table(table, row_group_size=max(1, table.num_rows))

    def _complete(
        self, columns: Columns, asked: Mask, scope: Mask, at: tuple[int, int, int], guard: Guard
    ) -> Columns:
        """What is known, with what is asked for and was not."""
        unit, group, first = at
        signals = self._known(group, len(asked))
        asked = asked & (signals[self.status].to_numpy() == Status.NOT_EVALUATED)
        todo = np.flatnonzero(asked & scope)
        if len(todo):
            signals = _scatter(signals, self._measure(columns, todo, unit, first, guard), todo)
        if (outside := asked & ~scope).any():
            status = signals[self.status].to_numpy().copy()
            status[outside] = Status.NOT_APPLICABLE
            signals[self.status] = pa.array(status)
        return signals

    def _known(self, group: int, rows: int) -> Columns:
        schema = self.stage.schema
        if self.old is not None:
            table = self.old.read_row_group(group, use_threads=False)
            return {name: one_chunk(table.column(name)) for name in schema.names}
        blank = {field.name: pa.nulls(rows, field.type) for field in schema}
        return blank | {self.status: pa.array(np.zeros(rows, np.uint8))}

    def _measure(
        self, columns: Columns, todo: npt.NDArray[np.int64], unit: int, first: int, guard: Guard
    ) -> list[pa.Array]:
        """Status, error and signals of the rows todo, in the portions that the guard allows."""
        needs = list(self.stage.measure.needs)
        rows = len(columns[next(iter(columns))])
        batch = pa.record_batch([columns[name] for name in needs], names=needs)
        if len(todo) < rows:
            batch = batch.take(pa.array(todo))
        self._check_ready(batch)
        parts = []
        for portion in self._portions(todo, unit, first, rows, guard):
            if portion.condemned:
                parts.append(self._failed(KILLED))
                continue
            held = int(todo[portion.start]) + first, int(todo[portion.stop - 1]) + first + 1
            with guard.holding(unit, self.place, *held):
                parts.append(
                    self._attempt(batch.slice(portion.start, portion.stop - portion.start))
                )
        return [pa.concat_arrays(list(column)) for column in zip(*parts, strict=True)]

    def _portions(
        self, todo: npt.NDArray[np.int64], unit: int, first: int, rows: int, guard: Guard
    ) -> Iterator[Portion]:
        """The guard's portions of the row group, as positions in todo."""
        for portion in guard.portions(unit, self.place, first, first + rows):
            ends = [portion.start - first, portion.stop - first]
            start, stop = (int(end) for end in np.searchsorted(todo, ends))
            if start < stop:
                yield Portion(start, stop, portion.condemned)

    def _check_ready(self, batch: pa.RecordBatch) -> None:
        """A measure that fails on no rows at all is broken itself: a model that cannot be read."""
        if not self.ready:
            try:
                self._call(batch.slice(0, 0))
            except TamisError:
                raise
            except Exception as error:
                raise WorkError(
                    f"stage '{self.stage.name}' cannot start: {_said(error)}"
                ) from error
            self.ready = True

    def _attempt(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """Measures rows at once; if that raises, one by one, so that only the culprits fail."""
        try:
            return self._call(batch)
        except TamisError:
            raise
        except Exception as error:
            if batch.num_rows == 1:
                return self._failed(_said(error))
            rows = [self._attempt(batch.slice(row, 1)) for row in range(batch.num_rows)]
            if all(row[0][0].as_py() == Status.ERROR for row in rows):
                raise WorkError(
                    f"stage '{self.stage.name}' failed on every one of {len(rows)} rows: "
                    f"{_said(error)}"
                ) from error
            return [pa.concat_arrays(list(column)) for column in zip(*rows, strict=True)]

    def _call(self, batch: pa.RecordBatch) -> list[pa.Array]:
        gives, rows = self.stage.measure.gives, batch.num_rows
        answer: Any = self.stage.measure.measure(batch)
        if not isinstance(answer, pa.RecordBatch) or answer.schema.names != gives.names:
            raise WorkError(f"stage '{self.stage.name}' must answer with {gives.names}")
        if answer.num_rows != rows and gives.names:
            raise WorkError(
                f"stage '{self.stage.name}' answered {rows} rows with {answer.num_rows}"
            )
        columns = [answer.column(f.name).cast(f.type) for f in gives]
        applies = np.ones(rows, np.bool_)
        judged = [column for column, f in zip(columns, gives, strict=True) if f.name != "text"]
        if judged:
            applies = np.logical_or.reduce(
                [column.is_valid().to_numpy(zero_copy_only=False) for column in judged]
            )
        status = np.where(applies, Status.EVALUATED, Status.NOT_APPLICABLE).astype(np.uint8)
        return [pa.array(status), pa.nulls(rows, pa.string()), *columns]

    def _failed(self, message: str) -> list[pa.Array]:
        """A row that could not be evaluated."""
        nothing = [pa.nulls(1, field.type) for field in self.stage.measure.gives]
        return [pa.array([Status.ERROR], pa.uint8()), pa.array([message], pa.string()), *nothing]


def _scatter(known: Columns, measured: list[pa.Array], rows: npt.NDArray[np.int64]) -> Columns:
    """The known columns with the measured values at these rows."""
    total = len(next(iter(known.values())))
    take = np.arange(total)
    take[rows] = total + np.arange(len(rows))
    indices = pa.array(take)
    return {
        name: pa.concat_arrays([old, new]).take(indices)
        for (name, old), new in zip(known.items(), measured, strict=True)
    }


def _said(error: Exception) -> str:
    return _ADDRESS.sub("0x", f"{type(error).__name__}: {error}")[:500]
