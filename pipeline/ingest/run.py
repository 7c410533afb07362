"""Ingest from beginning to end: plan, read, publish; or nothing, if it was done before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tamis.filters.sources.web.second import MissingExtractor, require_trafilatura
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.files import read_json, write_json
from tamis.pipeline.ingest import hub
from tamis.pipeline.ingest.inputs import COMPRESSIONS, EXTENSIONS, Input, expand
from tamis.pipeline.ingest.installed import list_installed
from tamis.pipeline.ingest.manifest import manifest
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.phase import IngestPhase, digest_of, shard_name
from tamis.pipeline.ingest.plan import Plan, plan
from tamis.pipeline.ingest.urls import Named, secrets
from tamis.pipeline.phase import Runner
from tamis.pipeline.progress import Progress
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.storage.location import Location, remote
from tamis.pipeline.storage.web import public


@dataclass(frozen=True)
class IngestJob:
    """Writes the documents of a corpus; goes on where an interrupted ingest stopped."""

    root: Location
    arguments: tuple[str, ...]
    options: IngestOptions
    recipe: Recipe | None = None
    """The recipe that the corpus answers from then on."""
    strict: bool = False
    """Whether the first record that cannot be read ends the work."""
    gather: bool = True
    """Whether small inputs are put together into shards; without it each has shards of its own."""
    name: str = "ingest"

    def bound(self) -> int:
        phase = self.phase()
        return len(phase.tasks) if phase else 1

    def prepare(self, runner: Runner) -> None:
        """Plans what is read.

        Raises CallError if the corpus holds documents of other inputs or options.
        """
        corpus = Corpus(self.root)
        progress = Progress("ingest", 0)
        if self.options.extractor == "trafilatura":
            try:
                require_trafilatura()
            except MissingExtractor as error:
                raise CallError(f"--extractor trafilatura: {error}") from None
        if corpus.exists():
            _check_same(corpus, self.arguments, self.options)
            progress.say("nothing to do, the documents are there")
        else:
            _plan(corpus, self.arguments, self.options, self.gather, progress)

    def phase(self) -> IngestPhase | None:
        """Reads what was planned; None if the documents are there."""
        corpus = Corpus(self.root)
        if corpus.exists():
            return None
        inputs, made = _saved_plan(corpus)
        return IngestPhase(corpus, secrets(self.arguments, inputs), made, self.options, self.strict)

    def settle(self, runner: Runner) -> None:
        """Publishes the corpus, and its recipe; raises WorkError if nothing could be read."""
        phase = self.phase()
        if phase is not None:
            phase.corpus.publish(manifest(phase.corpus, phase))
        if self.recipe is not None:
            self.recipe.save(self.root / "recipe.toml")


def planned_shards(corpus: Corpus) -> int:
    """How many shards a corpus has, or will have at most when its ingest is done."""
    return len(corpus.shards) if corpus.exists() else len(_saved_plan(corpus)[1].shards)


def _plan(
    corpus: Corpus,
    arguments: Sequence[str],
    options: IngestOptions,
    gather: bool,
    progress: Progress,
) -> None:
    """Saves what is to be read: an interrupted ingest of the same is left as it was planned."""
    path, shown = corpus.plan_file, [public(argument) for argument in arguments]
    if path.exists():
        saved = read_json(path)
        differences = _differing(saved["options"], options)
        if saved["arguments"] != shown:
            differences.insert(0, f"inputs were {' '.join(saved['arguments'])}")
        if differences:
            raise CallError(
                f"{corpus.root} holds an unfinished ingest of other inputs or options "
                f"({_some(differences)}): finish that one, delete the directory, or choose "
                "another -o"
            )
        return
    found = expand(arguments, list_installed, corpus.root, Named(options))
    if found.skipped:
        kinds = ", ".join(f"{count} {ending}" for ending, count in found.skipped.most_common(5))
        progress.say(f"passed over {found.skipped.total()} files of other kinds ({kinds})")
    if found.repeated:
        progress.say(f"{found.repeated} files were named more than once: each is read once")
    made = plan(found.inputs, options.shard_bytes, gather)
    asked = {"arguments": shown, "options": options.model_dump()}
    saved = [asdict(replace(source, secret="")) for source in found.inputs]
    write_json(path, {**asked, "inputs": saved, "plan": asdict(made)})


def _saved_plan(corpus: Corpus) -> tuple[list[Input], Plan]:
    """What was planned for a corpus: it would not be the same once a Parquet file is gone."""
    saved = read_json(corpus.plan_file)
    return [Input(**source) for source in saved["inputs"]], Plan.load(saved["plan"])


def _check_same(corpus: Corpus, arguments: Sequence[str], options: IngestOptions) -> None:
    """Documents are written once: other inputs or options need another corpus."""
    if not arguments:
        return
    was = {source["name"]: source["bytes"] for source in corpus.manifest.inputs}
    # A branch that moved since is no difference: what was read is what it was then.
    known: dict[str, Input] = {}
    if corpus.plan_file.exists():
        known = hub.pinned(read_json(corpus.plan_file)["arguments"], _saved_plan(corpus)[0])
    named = Named(options, lambda url: known.get(url) or hub.list_dataset(url))
    expanded = expand(arguments, list_installed, corpus.root, named)
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
    known = {source["name"]: source for source in corpus.manifest.inputs}
    return [
        f"{one.name} changed"
        for one in inputs
        if (was := known.get(one.name))
        and one.format != "hub"
        and _may_differ(corpus, one, was)
        and digest_of(one) != was["sha256"]
    ]


def _may_differ(corpus: Corpus, one: Input, was: dict[str, Any]) -> bool:
    """Whether an input is worth being read again: it was written after the corpus was made.

    A server's file is by its tag; one that has no tag is taken for the same.
    """
    if one.url:
        return bool(one.tag != was.get("tag", one.tag))
    made = corpus.root / "corpus.json"
    written = made.stat().st_mtime if isinstance(made, Path) else remote(made).written()
    return Path(one.path).stat().st_mtime > written


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
