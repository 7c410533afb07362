"""Where the bytes of a corpus come from: by source, language and host, before and after its rules.

Exact up to MOST different values of each. Beyond, those that have been the rarest so far count
among the others, which is said: a web crawl has more hosts than a report needs to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline.dedup.rates import HOST
from tamis.pipeline.report.figures import SHORT
from tamis.pipeline.report.scan import RowGroup
from tamis.pipeline.stage import Stage

LISTED = 12
MOST = 200_000
LANGUAGE = "language"
_AMOUNTS = ("documents", "bytes", "kept_documents", "kept_bytes")


@dataclass
class Origins:
    """The documents and bytes of each value of one column."""

    by: str
    column: str
    amounts: dict[str | None, list[int]] = field(default_factory=dict)
    """By value: documents and bytes of all, documents and bytes of those kept."""
    given_up: bool = False

    def first_pass(self, group: RowGroup) -> None:
        """Adds the amounts of a row group."""
        kept, sizes = group.decision.kept, group.sizes
        columns = {
            "documents": np.ones(len(sizes), np.int64),
            "bytes": sizes,
            "kept_documents": kept,
            "kept_bytes": sizes * kept,
        }
        table = pa.table(
            {"value": self._values(group.columns[self.column])}
            | {name: pa.array(column).cast(pa.int64()) for name, column in columns.items()}
        )
        found = table.group_by("value", use_threads=False).aggregate(
            [(name, "sum") for name in _AMOUNTS]
        )
        parts = [found.column(f"{name}_sum").to_pylist() for name in _AMOUNTS]
        for value, *more in zip(found.column("value").to_pylist(), *parts, strict=True):
            so_far = self.amounts.setdefault(value, [0] * len(_AMOUNTS))
            self.amounts[value] = [a + b for a, b in zip(so_far, more, strict=True)]
        if len(self.amounts) > MOST:
            self._give_up()

    def _values(self, column: pa.Array) -> pa.Array:
        if self.by != "host":
            return column.cast(pa.string())
        return pc.utf8_lower(pc.struct_field(pc.extract_regex(column, HOST), "host"))

    def _give_up(self) -> None:
        """Forgets the values with the fewest bytes; what they held counts among the others."""
        self.given_up = True
        order = sorted(self.amounts.items(), key=lambda item: (-item[1][1], str(item[0])))
        self.amounts = dict(order[: MOST // 2])

    def content(self, all_bytes: int, kept: dict[str, int], documents: int) -> dict[str, Any]:
        """The entry of report.json; the largest first, by their share of all or of what is kept."""
        nothing = [0] * len(_AMOUNTS)
        none = self.amounts.get(None, nothing)
        named = {value: amount for value, amount in self.amounts.items() if value is not None}

        def weight(amount: Sequence[int]) -> float:
            return max(amount[1] / max(1, all_bytes), amount[3] / max(1, kept["bytes"]))

        order = sorted(named.items(), key=lambda item: (-weight(item[1]), item[0]))
        whole = [documents, all_bytes, kept["documents"], kept["bytes"]]
        listed = [amount for _, amount in order[:LISTED]]
        others = [
            total - missing - sum(amount[n] for amount in listed)
            for n, (total, missing) in enumerate(zip(whole, none, strict=True))
        ]
        return {
            "by": self.by,
            "different": None if self.given_up else len(named),
            "top": [{"value": v[:SHORT], **_named(amount)} for v, amount in order[:LISTED]],
            "others": _named(others),
            "none": _named(none),
        }


def origins(stages: Sequence[Stage]) -> list[Origins]:
    """What a corpus is counted by: languages where a stage of it measures them."""
    found = [Origins("source", "source"), Origins("host", "url")]
    if any(LANGUAGE in stage.schema.names for stage in stages):
        found.insert(1, Origins("language", LANGUAGE))
    return found


def _named(amount: Sequence[int]) -> dict[str, int]:
    return dict(zip(_AMOUNTS, amount, strict=True))
