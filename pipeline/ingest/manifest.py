"""What an ingest read and what it became, put together from the records that its tasks left."""

from __future__ import annotations

import platform
import tempfile
from collections import Counter
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from tamis.pipeline.corpus import Corpus, Manifest, Shard
from tamis.pipeline.errors import WorkError
from tamis.pipeline.files import parquet_file
from tamis.pipeline.ingest.options import SIDES, IngestOptions
from tamis.pipeline.ingest.phase import IngestPhase, shard_name
from tamis.pipeline.ingest.shard_writer import MOST_REASONS
from tamis.pipeline.schema import DOCUMENTS
from tamis.pipeline.storage.location import Location

LIBRARIES = (
    "datatrove",
    "fasttext-numpy2-wheel",
    "fastwarc",
    "numpy",
    "orjson",
    "pyarrow",
    "resiliparse",
    "tamis",
)


def manifest(corpus: Corpus, phase: IngestPhase) -> Manifest:
    """What corpus.json will say; raises WorkError if there is not a single document."""
    numbers = range(len(phase.plan.shards))
    records = {shard_name(n): corpus.record("ingest", shard_name(n)) or {} for n in numbers}
    digests: dict[str, str | None] = {}
    for unit in range(len(phase.tasks)):
        for name in phase.names(unit):
            digests |= (corpus.record("ingest", name) or {}).get("digests", {})
    shards = [
        Shard(name, r["rows"], file["bytes"], r["text_bytes"], file["sha256"])
        for name, r in records.items()
        if (file := r["files"].get("documents"))
    ]
    counts = _counts(corpus, phase.options, records)
    if not shards and not any(side["documents"] for side in counts["set_aside"].values()):
        raise _nothing_read(corpus, phase, counts, records)
    inputs: list[dict[str, Any]] = [
        {"name": s.name, "path": s.path, "bytes": s.bytes, "sha256": digests.get(str(place))}
        | ({"tag": s.tag} if s.url else {})
        for place, s in enumerate(phase.inputs)
    ]
    versions = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
    return Manifest(inputs, shards, phase.options.model_dump(), counts, versions)


def _counts(corpus: Corpus, options: IngestOptions, records: dict[str, Any]) -> dict[str, Any]:
    errors: Counter[str] = Counter()
    passed_over: Counter[str] = Counter()
    for record in records.values():
        errors.update(record["errors"])
        passed_over.update(record.get("passed_over", {}))
    aside = {
        side: {
            "documents": sum(r["set_aside"][side][0] for r in records.values()),
            "bytes": sum(r["set_aside"][side][1] for r in records.values()),
        }
        for side in SIDES
        if side in options.set_aside
    }
    documents = sum(r["rows"] for r in records.values())
    lost = sum(errors.values())
    return {
        "records": documents + lost + sum(side["documents"] for side in aside.values()),
        "documents": documents,
        "bytes": sum(r["text_bytes"] for r in records.values()),
        "errors": dict(sorted(errors.items())),
        "passed_over": _fewer(passed_over),
        "set_aside": aside,
        "repeated_ids": _repeated_ids(_files(corpus.root / "documents", records, "documents")),
    }


def _fewer(counts: Counter[str]) -> dict[str, int]:
    """The counts of the commonest reasons, the others of each kind together."""
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    fewer = Counter(dict(most[:MOST_REASONS]))
    for reason, records in most[MOST_REASONS:]:
        fewer[f"{reason.partition(' ')[0]} other"] += records
    return dict(sorted(fewer.items()))


def _files(directory: Location, records: dict[str, Any], kind: str) -> list[Location]:
    return [directory / f"{name}.parquet" for name, r in records.items() if kind in r["files"]]


def _repeated_ids(paths: list[Location]) -> int:
    """How many rows repeat the id of an earlier one; on disk, past half a gigabyte of ids."""
    if not paths:
        return 0
    import duckdb  # 0.1 s that every command and every worker would pay for at the top

    schema = pa.schema([DOCUMENTS.field("id")])
    batches = (b for path in paths for b in parquet_file(path).iter_batches(columns=["id"]))
    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
        config: dict[str, Any] = {"memory_limit": "512MB", "threads": 2, "temp_directory": scratch}
        database = duckdb.connect(config=config)
        database.register("documents", pa.RecordBatchReader.from_batches(schema, batches))
        query = "SELECT sum(times - 1) FROM (SELECT count(*) AS times FROM documents GROUP BY id)"
        found = database.execute(query).fetchone()
        database.close()
    return int(found[0]) if found else 0


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())


def _nothing_read(
    corpus: Corpus, phase: IngestPhase, counts: dict[str, Any], records: dict[str, Any]
) -> WorkError:
    """The error for inputs without a single document, with an example of what was wrong."""
    detail = "they are empty"
    errors = _files(corpus.root / "errors", records, "errors")
    for path in errors[:1]:
        first = next(parquet_file(path).iter_batches(1)).to_pylist()[0]
        detail = "{input}, {place}: {reason}: {detail}".format(**first)
    passed = counts["passed_over"]
    if passed and not counts["errors"]:
        detail = f"of what they hold nothing is a document ({_listed(passed)})"
    reasons = _listed(counts["errors"])
    corpus.plan_file.unlink()  # what is written is of no use; the next call begins afresh
    for path in errors:
        path.unlink()
    for name in (name for unit in range(len(phase.tasks)) for name in phase.names(unit)):
        corpus.retract("ingest", name)
    return WorkError(f"no document could be read ({reasons or 'no records'}): {detail}")
