"""The stage that measures nothing: what a stage costs before it does any work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa


@dataclass(frozen=True)
class Noop:
    """Reads the text and gives no column."""

    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([])

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The same rows without columns."""
        return batch.select([])
