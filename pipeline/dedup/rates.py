"""What was found in a shard: what each source and host loses to copies, how large clusters are."""

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
SAMPLES, MOST_LARGE = 5, 100
MARKS = ("duplicate", "duplicate_cluster", "cluster_size", "duplicate_chained")
Amounts = Mapping[str, list[int]]


def tallied(corpus: Corpus, stage: Stage, shard: str, place: str) -> dict[str, Any]:
    """What a record says of a shard.

    sources, hosts: documents, and copies of them; of hosts those that lose the most, whose share
    may be too high if they lose nothing in other shards. sizes: clusters by size, each counted
    where its keeper is. chained: documents that left a group, unlike its keeper. published: copies
    of documents of an index. large: clusters of more documents than the stage allows, with the
    first members of this shard.
    """
    measure: Any = stage.measure
    names = {name: stage.given[name] for name in MARKS}
    status = f"{stage.name}_status"
    with (
        files.parquet_file(corpus.documents(shard)) as documents,
        files.parquet_file(corpus.signals(place, shard)) as signals,
    ):
        origin = documents.read(columns=["id", "source", "url"], use_threads=False)
        marked = signals.read(columns=[status, *names.values()], use_threads=False)
    host = pc.struct_field(pc.extract_regex(origin.column("url"), HOST), "host")
    columns = {name: marked.column(column) for name, column in names.items()}
    columns |= {
        "id": origin.column("id"),
        "source": origin.column("source"),
        "host": pc.utf8_lower(host),
        "removed": pc.fill_null(columns["duplicate"], False).cast(pa.int64()),
    }
    table = pa.table(columns).filter(pc.not_equal(marked.column(status), 0))
    return {
        "sources": _by(table, "source"),
        "hosts": _by(table, "host", HOSTS),
        "sizes": _sizes(table),
        "chained": pc.sum(table.column("duplicate_chained")).as_py() or 0,
        "published": pc.sum(pc.less(table.column("duplicate_cluster"), 0)).as_py() or 0,
        "large": _large(table, measure.large),
    }


def _sizes(table: pa.Table) -> dict[str, int]:
    keepers = table.filter(pc.equal(table.column("removed"), 0)).column("cluster_size").drop_null()
    counts = pc.value_counts(keepers)
    pairs = zip(*(part.to_pylist() for part in counts.flatten()), strict=True)
    return {str(size): count for size, count in sorted(pairs) if size > 1}


def _large(table: pa.Table, above: int) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    of_large = table.filter(pc.fill_null(pc.greater(table.column("cluster_size"), above), False))
    for row in of_large.select(["duplicate_cluster", "cluster_size", "id"]).to_pylist():
        about = {"documents": row["cluster_size"], "samples": []}
        samples = found.setdefault(str(row["duplicate_cluster"]), about)["samples"]
        if len(samples) < SAMPLES:
            samples.append(row["id"])
    return found


def large_clusters(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The clusters that are larger than the stage allows, the largest first."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        for cluster, about in record["large"].items():
            known = found.setdefault(cluster, {**about, "samples": []})
            known["samples"] = [*known["samples"], *about["samples"]][:SAMPLES]
    ordered = sorted(found.values(), key=lambda about: (-about["documents"], about["samples"]))
    return ordered[:MOST_LARGE]


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
                f"({removed / documents:.0%}, {allowed:.0%} allowed): look at some with "
                "`tamis why`, raise `similarity`, or allow it with `alarm`"
            )
    return found
