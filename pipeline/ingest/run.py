"""Ingest from beginning to end: plan, read, publish; or nothing, if it was done before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tamis.pipeline import engine
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.files import read_json, write_json
from tamis.pipeline.ingest.inputs import COMPRESSIONS, EXTENSIONS, Input, expand
from tamis.pipeline.ingest.installed import list_installed
from tamis.pipeline.ingest.manifest import manifest
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.phase import IngestPhase, digest_of, shard_name
from tamis.pipeline.ingest.plan import Plan, plan
from tamis.pipeline.progress import Progress


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
    inputs, made = _planned(corpus, arguments, options, gather, progress)
    progress.total = sum(source.bytes for source in inputs)
    phase = IngestPhase(corpus, inputs, made, options, strict)
    engine.run(phase, phase.pending(), workers, corpus.logs("ingest"), progress)
    corpus.publish(manifest(corpus, phase))


def _planned(
    corpus: Corpus,
    arguments: Sequence[str],
    options: IngestOptions,
    gather: bool,
    progress: Progress,
) -> tuple[list[Input], Plan]:
    """The inputs and the plan: those of an interrupted ingest of the same, else made now."""
    path = _plan_file(corpus)
    if path.exists():
        saved = read_json(path)
        differences = _differing(saved["options"], options)
        if saved["arguments"] != list(arguments):
            differences.insert(0, f"inputs were {' '.join(saved['arguments'])}")
        if differences:
            raise CallError(
                f"{corpus.root} holds an unfinished ingest of other inputs or options "
                f"({_some(differences)}): finish that one, delete the directory, or choose "
                "another -o"
            )
        return _saved_plan(corpus)
    found = expand(arguments, list_installed, corpus.root, options.format)
    if found.skipped:
        kinds = ", ".join(f"{count} {ending}" for ending, count in found.skipped.most_common(5))
        progress.say(f"passed over {found.skipped.total()} files of other kinds ({kinds})")
    if found.repeated:
        progress.say(f"{found.repeated} files were named more than once: each is read once")
    made = plan(found.inputs, options.shard_bytes, gather)
    asked = {"arguments": list(arguments), "options": options.model_dump()}
    write_json(path, {**asked, "inputs": [asdict(s) for s in found.inputs], "plan": asdict(made)})
    return found.inputs, made


def _plan_file(corpus: Corpus) -> Path:
    return corpus.root / "records" / "ingest" / "plan.json"


def _saved_plan(corpus: Corpus) -> tuple[list[Input], Plan]:
    """What was planned for a corpus: it would not be the same once a Parquet file is gone."""
    saved = read_json(_plan_file(corpus))
    return [Input(**source) for source in saved["inputs"]], Plan.load(saved["plan"])


def _check_same(corpus: Corpus, arguments: Sequence[str], options: IngestOptions) -> None:
    """Documents are written once: other inputs or options need another corpus."""
    if not arguments:
        return
    was = {source["name"]: source["bytes"] for source in corpus.manifest.inputs}
    expanded = expand(arguments, list_installed, corpus.root, options.format)
    now = {source.name: source.bytes for source in expanded.inputs}
    differences = [f"{name} is new" for name in now.keys() - was.keys()]
    differences += [f"{name} is gone" for name in was.keys() - now.keys()]
    differences += [f"{name} changed" for name in now.keys() & was.keys() if now[name] != was[name]]
    differences += _rewritten(corpus, expanded.inputs)
    differences = _differing(corpus.manifest.options, options) + sorted(differences)
    if differences:
        raise CallError(
            f"{corpus.root} holds documents of other inputs or options ({_some(differences)}): "
            "documents are written once, choose another -o"
        )


def _rewritten(corpus: Corpus, inputs: Sequence[Input]) -> list[str]:
    """Which inputs of the same size were written since, and to other bytes."""
    digests = {source["name"]: source["sha256"] for source in corpus.manifest.inputs}
    made = (corpus.root / "corpus.json").stat().st_mtime
    return [
        f"{one.name} changed"
        for one in inputs
        if one.name in digests
        and Path(one.path).stat().st_mtime > made
        and digest_of(one) != digests[one.name]
    ]


def _differing(was: dict[str, Any], options: IngestOptions) -> list[str]:
    return [
        f"{key} was {was.get(key)!r}, is {value!r}"
        for key, value in options.model_dump().items()
        if was.get(key) != value
    ]


def _some(differences: list[str]) -> str:
    return "; ".join(differences[:3]) + ("; ..." if len(differences) > 3 else "")


def shards_of_inputs(corpus: Corpus) -> dict[str, str]:
    """A file name, without ending, for every shard of a corpus whose inputs were not gathered."""
    inputs, made = _saved_plan(corpus)
    names: dict[str, str] = {}
    for place, source in enumerate(inputs):
        stem = source.name.replace("/", "-").replace("#", "-")
        for ending in (*COMPRESSIONS, *EXTENSIONS):
            stem = stem.removesuffix(ending)
        shards = [n for n, pieces in enumerate(made.shards) if pieces[0].input == place]
        for part, number in enumerate(shards):
            names[shard_name(number)] = stem if len(shards) == 1 else f"{stem}-{part:05d}"
    return names
