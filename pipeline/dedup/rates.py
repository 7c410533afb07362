"""What each source and each host loses to copies, and what is wrong if that is much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.settings import Dedup
from tamis.pipeline.stage import Stage

HOST = r"^[A-Za-z][A-Za-z0-9+.-]{0,20}://(?:[^/?#@]*@)?(?P<host>[^/?#:]+)"
LEAST = 100
"""Documents of a source below which a share says little."""
HOSTS = 1000
"""Of a shard, those that lose the most."""
Amounts = Mapping[str, list[int]]


def rates(corpus: Corpus, stage: Stage, shard: str, place: str) -> dict[str, Any]:
    """By source, and by the hosts of a shard that lose the most: documents, and copies of them.

    A share of a host may be too high if it loses nothing in other shards.
    """
    flag, status = stage.given["duplicate"], f"{stage.name}_status"
    with (
        files.parquet_file(corpus.documents(shard)) as documents,
        files.parquet_file(corpus.signals(place, shard)) as signals,
    ):
        origin = documents.read(columns=["source", "url"], use_threads=False)
        marked = signals.read(columns=[status, flag], use_threads=False)
    seen = pc.not_equal(marked.column(status), 0)
    removed = pc.fill_null(marked.column(flag), False).cast(pa.int64())
    host = pc.struct_field(pc.extract_regex(origin.column("url"), HOST), "host")
    table = pa.table(
        {"source": origin.column("source"), "host": pc.utf8_lower(host), "removed": removed}
    ).filter(seen)
    return {"sources": _by(table, "source"), "hosts": _by(table, "host", HOSTS)}


def _by(table: pa.Table, column: str, most: int | None = None) -> dict[str, list[int]]:
    sums = table.group_by(column).aggregate([("removed", "count"), ("removed", "sum")])
    rows = sums.sort_by([("removed_sum", "descending"), (column, "ascending")]).to_pylist()
    if most is not None:
        rows = [row for row in rows[:most] if row["removed_sum"] and row[column]]
    return {row[column] or "": [row["removed_count"], row["removed_sum"]] for row in rows}


def total(records: Iterable[Mapping[str, Any]], what: str) -> dict[str, list[int]]:
    """The sums over shards, what loses most first."""
    sums: dict[str, list[int]] = {}
    for record in records:
        for name, (documents, removed) in record[what].items():
            amount = sums.setdefault(name, [0, 0])
            amount[0] += documents
            amount[1] += removed
    return dict(sorted(sums.items(), key=lambda item: (-item[1][1], item[0])))


def alarms(measure: Dedup, sources: Amounts) -> list[str]:
    """What to say of sources that lose more than their recipe allows."""
    found = []
    for source, (documents, removed) in sources.items():
        allowed = measure.allowed(source)
        if documents >= LEAST and removed > allowed * documents:
            name = f"source '{source}'" if source else "documents without a source"
            found.append(
                f"{name}: {removed:,} of {documents:,} documents go as copies "
                f"({removed / documents:.0%}, {allowed:.0%} allowed): look at some with `tamis why`, "
                "raise `similarity`, or allow it with `alarm`"
            )
    return found
