"""Ingest from beginning to end: plan, read, publish; or nothing, if it was done before."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from tamis.pipeline import engine
from tamis.pipeline.corpus import Corpus, Manifest, Shard
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.files import read_json, write_json
from tamis.pipeline.ingest.inputs import COMPRESSIONS, EXTENSIONS, Input, expand
from tamis.pipeline.ingest.installed import list_installed
from tamis.pipeline.ingest.options import SIDES, IngestOptions
from tamis.pipeline.ingest.phase import IngestPhase, shard_name
from tamis.pipeline.ingest.plan import plan
from tamis.pipeline.progress import Progress

LIBRARIES = ("datatrove", "fasttext-numpy2-wheel", "numpy", "orjson", "pyarrow", "tamis")


def ingest(
    corpus: Corpus,
    arguments: Sequence[str],
    options: IngestOptions,
    workers: int,
    strict: bool = False,
    quiet: bool = False,
    gather: bool = True,
) -> None:
    """Writes the documents of a corpus; goes on where an interrupted ingest stopped.

    gather puts small inputs together into shards; without it each input has shards of its own.
    Raises CallError if the corpus holds documents of other inputs or options, WorkError if nothing
    could be read, or at the first unreadable record with strict.
    """
    progress = Progress("ingest", 0, quiet)
    if corpus.exists():
        _check_same(corpus, arguments, options)
        progress.say("nothing to do, the documents are there")
        return
    inputs = _planned(corpus, arguments, options, progress)
    progress.total = sum(source.bytes for source in inputs)
    phase = IngestPhase(corpus, inputs, plan(inputs, options.shard_bytes, gather), options, strict)
    engine.run(phase, phase.pending(), workers, corpus.logs("ingest"), progress)
    corpus.publish(_manifest(corpus, phase))


def _planned(
    corpus: Corpus, arguments: Sequence[str], options: IngestOptions, progress: Progress
) -> list[Input]:
    """The inputs, as an interrupted ingest of the same arguments saw them or as they are now."""
    path = corpus.root / "records" / "ingest" / "plan.json"
    asked = {"arguments": list(arguments), "options": options.model_dump()}
    if path.exists():
        saved = read_json(path)
        if saved["asked"] != asked:
            raise CallError(
                f"{corpus.root} holds an unfinished ingest of other inputs or options "
                f"({' '.join(saved['asked']['arguments'])}): finish that one, delete the "
                "directory, or choose another -o"
            )
        return [Input(**source) for source in saved["inputs"]]
    found = expand(arguments, list_installed)
    if found.skipped:
        kinds = ", ".join(f"{count} {ending}" for ending, count in found.skipped.most_common(5))
        progress.say(f"passed over {found.skipped.total()} files of other kinds ({kinds})")
    if found.repeated:
        progress.say(f"{found.repeated} files were named more than once: each is read once")
    write_json(path, {"asked": asked, "inputs": [asdict(source) for source in found.inputs]})
    return found.inputs


def _check_same(corpus: Corpus, arguments: Sequence[str], options: IngestOptions) -> None:
    """Documents are written once: other inputs or options need another corpus."""
    if not arguments:
        return
    manifest = corpus.manifest
    was = {source["name"]: source["bytes"] for source in manifest.inputs}
    now = {source.name: source.bytes for source in expand(arguments, list_installed).inputs}
    differences = [f"{name} is new" for name in now.keys() - was.keys()]
    differences += [f"{name} is gone" for name in was.keys() - now.keys()]
    differences += [f"{name} changed" for name in now.keys() & was.keys() if now[name] != was[name]]
    old = manifest.options
    differences += [
        f"{key} was {old.get(key)!r}, is {value!r}"
        for key, value in options.model_dump().items()
        if old.get(key) != value
    ]
    if differences:
        raise CallError(
            f"{corpus.root} holds documents of other inputs or options "
            f"({'; '.join(sorted(differences)[:3])}{'; ...' if len(differences) > 3 else ''}): "
            "documents are written once, choose another -o"
        )


def _manifest(corpus: Corpus, phase: IngestPhase) -> Manifest:
    """What was read and what it became, out of the records that the tasks left."""
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
    if not shards and not any(counts["set_aside"].values()):
        raise _nothing_read(corpus, counts)
    inputs: list[dict[str, Any]] = [
        {"name": s.name, "path": s.path, "bytes": s.bytes, "sha256": digests.get(str(place))}
        for place, s in enumerate(phase.inputs)
    ]
    versions = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
    return Manifest(inputs, shards, phase.options.model_dump(), counts, versions)


def shards_of_inputs(corpus: Corpus) -> dict[str, str]:
    """A file name, without ending, for every shard of a corpus whose inputs were not gathered."""
    inputs = [Input(**s) for s in read_json(corpus.root / "records/ingest/plan.json")["inputs"]]
    made = plan(inputs, corpus.manifest.options["shard_bytes"], gather=False)
    names: dict[str, str] = {}
    for place, source in enumerate(inputs):
        stem = source.name.replace("/", "-").replace("#", "-")
        for ending in (*COMPRESSIONS, *EXTENSIONS):
            stem = stem.removesuffix(ending)
        shards = [n for n, pieces in enumerate(made.shards) if pieces[0].input == place]
        for part, number in enumerate(shards):
            names[shard_name(number)] = stem if len(shards) == 1 else f"{stem}-{part:05d}"
    return names


def _counts(corpus: Corpus, options: IngestOptions, records: dict[str, Any]) -> dict[str, Any]:
    errors: Counter[str] = Counter()
    for path in _files(corpus.root / "errors", records, "errors"):
        query = "SELECT reason, sum(records) FROM read_parquet(?) GROUP BY reason"
        errors.update(dict(duckdb.execute(query, [str(path)]).fetchall()))
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
        "errors": {reason: int(count) for reason, count in sorted(errors.items())},
        "set_aside": aside,
        "repeated_ids": _repeated_ids(_files(corpus.root / "documents", records, "documents")),
    }


def _files(directory: Path, records: dict[str, Any], kind: str) -> list[Path]:
    return [directory / f"{name}.parquet" for name, r in records.items() if kind in r["files"]]


def _repeated_ids(paths: list[Path]) -> int:
    """How many rows repeat the id of an earlier one; on disk, past half a gigabyte of ids."""
    if not paths:
        return 0
    with duckdb.connect(config={"memory_limit": "512MB", "threads": 2}) as database:
        found = database.execute(
            "SELECT count(*) - count(DISTINCT id) FROM read_parquet(?)", [[str(p) for p in paths]]
        ).fetchone()
    return int(found[0]) if found else 0


def _nothing_read(corpus: Corpus, counts: dict[str, Any]) -> WorkError:
    """The error for inputs without a single document, with an example of what was wrong."""
    detail = "they are empty"
    for path in sorted((corpus.root / "errors").glob("*.parquet"))[:1]:
        first = duckdb.execute(
            "SELECT input, place, reason, detail FROM read_parquet(?) LIMIT 1", [str(path)]
        ).fetchone()
        detail = "{}, {}: {}: {}".format(*first) if first else detail
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts["errors"].items())
    for path in [*(corpus.root / "errors").glob("*"), *(corpus.root / "records/ingest").glob("*")]:
        path.unlink()  # what is written is of no use; the next call begins afresh
    return WorkError(f"no document could be read ({reasons or 'no records'}): {detail}")
