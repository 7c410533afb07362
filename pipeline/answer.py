"""The jobs that answer a recipe: measure its stages, write shards, their card and the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tamis.pipeline import ledger, rounds
from tamis.pipeline.card import card
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.line_jobs import CountLines, MergeLines
from tamis.pipeline.dedup.summary import in_short, summaries
from tamis.pipeline.errors import WorkError, from_os
from tamis.pipeline.files import atomic, canonical, write_json
from tamis.pipeline.ingest.run import planned_shards
from tamis.pipeline.ledger import total
from tamis.pipeline.phase import Job, Phase, Runner
from tamis.pipeline.progress import Progress
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.reference import bound, train
from tamis.pipeline.rows import RowPhase
from tamis.pipeline.sift import Sift, command, groups, missing_upstream, most_tasks
from tamis.pipeline.signals import promise
from tamis.pipeline.stage import Stage, prepare
from tamis.pipeline.storage.location import Location
from tamis.pipeline.write import MARK, Format, WritePhase, clear


@dataclass(frozen=True)
class _Job:
    root: Location
    recipe: Recipe

    @property
    def sift(self) -> Sift:
        return Sift(Corpus(self.root), self.recipe)

    def bound(self) -> int:
        return most_tasks(planned_shards(Corpus(self.root)))

    def _make_ready(self, names: Sequence[str]) -> None:
        """Trains the models that stages train themselves, and makes what their workers share."""
        corpus = Corpus(self.root)
        for name in names:
            train(corpus, self.recipe, self.recipe.stage(name), say)
        trained = bound(corpus, self.recipe)
        prepare([trained.stage(name) for name in names], say)


@dataclass(frozen=True)
class MeasureJob(_Job):
    """Measures a group of the recipe's row-by-row stages."""

    group: int = 0
    all_rows: bool = False

    @property
    def name(self) -> str:
        return "+".join(stage.name for stage in groups(self.recipe)[self.group])

    def prepare(self, runner: Runner) -> None:
        """Makes ready what workers share; what it needs was measured by the group before."""
        self._make_ready([stage.name for stage in groups(self.recipe)[self.group]])

    def phase(self) -> RowPhase:
        return self.sift.group_phase(self.group, self.all_rows)

    def settle(self, runner: Runner) -> None:
        """Notes what the quantiles fell on, and fills the buckets."""
        sift = self.sift
        measured = groups(sift.recipe)[: self.group + 1]
        sift.settle([stage for stages in measured for stage in stages], runner)


@dataclass(frozen=True)
class StageJob(_Job):
    """Measures one stage over the rows that earlier ones let through; answers with its counts."""

    stage: str
    all_rows: bool = False

    @property
    def name(self) -> str:
        return self.stage

    def prepare(self, runner: Runner) -> None:
        """Raises WorkError if an earlier stage lacks what this one needs; says who is absent."""
        _check_ready(self.sift, self.stage, runner)
        self._make_ready([self.stage])

    def phase(self) -> RowPhase:
        sift = self.sift
        stage = sift.recipe.stage(self.stage)
        return sift.phase(sift.before(stage), [stage], self.all_rows)

    def settle(self, runner: Runner) -> dict[str, Any]:
        """Counts what the rules say and writes stage.json."""
        return _counted(self.sift, self.stage, runner)


@dataclass(frozen=True)
class ReadyJob(_Job):
    """Looks whether a stage that looks at all documents can begin."""

    stage: str

    @property
    def name(self) -> str:
        return f"{self.stage}-ready"

    def prepare(self, runner: Runner) -> None:
        """Raises WorkError if an earlier stage lacks what this one needs; says who is absent."""
        _check_ready(self.sift, self.stage, runner)

    def phase(self) -> None:
        return None

    def settle(self, runner: Runner) -> None:
        """Nothing."""


@dataclass(frozen=True)
class CountJob(ReadyJob):
    """Counts what the rules of such a stage say, and writes stage.json."""

    @property
    def name(self) -> str:
        return f"{self.stage}-count"

    def prepare(self, runner: Runner) -> None:
        """Nothing."""

    def settle(self, runner: Runner) -> dict[str, Any]:  # type: ignore[override]
        """The counts."""
        return _counted(self.sift, self.stage, runner)


def _check_ready(sift: Sift, name: str, runner: Runner) -> None:
    stage = sift.recipe.stage(name)
    earlier, missing = sift.stages_before(stage)
    missing_upstream(stage, missing, sift.corpus.root)
    warn_absent(missing, sift.corpus.root)
    sift.check_measured(earlier, runner)


def _counted(sift: Sift, name: str, runner: Runner) -> dict[str, Any]:
    stage = sift.recipe.stage(name)
    before = [sift.recipe.stage(earlier.name) for earlier in sift.stages_before(stage)[0]]
    sift.settle([*before, stage], runner)
    stages = sift.present()[0]
    done = next(s for s in stages if s.name == name)
    tally = sift.tally([*stages[: stages.index(done)], done], runner)
    sift.describe([done], tally, summaries(sift.corpus, [done]))
    counts: dict[str, Any] = tally["stages"][name] if tally else {}
    return counts


@dataclass(frozen=True)
class WriteJob(_Job):
    """Writes the documents that passed, by default to the corpus's cleaned/; answers the ledger."""

    out: Location | None = None
    format: Format = "parquet"
    rejected: Location | None = None
    strict: bool = False
    """Whether a stage of the recipe without signals is an error."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Shard to file name, where they are not the same."""

    @property
    def name(self) -> str:
        return "write"

    def prepare(self, runner: Runner) -> None:
        """Checks that the answer is whole and clears what earlier ones left."""
        sift = self.sift
        check_whole(sift, runner, self.strict)
        phase = self._phase(sift)[0]
        outputs = {phase.outputs(shard.name)["kept"].name for shard in sift.corpus.shards}
        for directory in (phase.out, *([self.rejected] if self.rejected else [])):
            try:
                clear(directory, outputs, sift.corpus.documents_digest)
            except OSError as error:
                raise from_os(error, f"cannot write into {directory}") from error

    def phase(self) -> WritePhase:
        return self._phase(self.sift)[0]

    def _phase(self, sift: Sift) -> tuple[WritePhase, list[Stage]]:
        return write_phase(sift, self.out, self.format, self.rejected, self.names)

    def settle(self, runner: Runner) -> dict[str, Any]:
        """Writes the ledger, the card and tamis.json."""
        sift = self.sift
        phase, missing = self._phase(sift)
        records = {s.name: phase.written(s.name) or {} for s in sift.corpus.shards}
        tally = total(record["tally"] for record in records.values())
        content = ledger.ledger(sift.corpus, self.recipe.name, tally, missing)
        content["clusters"] = in_short(sift.corpus, phase.stages)
        if phase.out == sift.corpus.root / "cleaned":
            ledger.save(sift.corpus, content)
            sift.describe(phase.stages, tally, summaries(sift.corpus, phase.stages))
        _describe(sift, phase, records, content)
        return content


def check_whole(sift: Sift, runner: Runner, strict: bool = False) -> None:
    """Raises WorkError unless what is there says of every document whether it is kept.

    Stages without signals take no part, which is said; with strict they are an error.
    """
    if not sift.corpus.read_only:
        sift.settle(sift.recipe.stages, runner)  # rules may have changed since
    stages, missing = sift.present()
    if missing and strict:
        raise WorkError(f"{_absent(missing, sift.corpus.root)} (--strict refuses to write without)")
    warn_absent(missing, sift.corpus.root)
    check_settled(stages, sift)
    sift.check_measured(stages, runner)


def check_settled(stages: Sequence[Stage], sift: Sift) -> None:
    """Raises WorkError for clusters whose keepers the rules of later stages have not judged."""
    for stage in stages:
        if rounds.clusters(stage) and stage.view == rounds.FIRST:
            what = (
                f"the clusters of stage '{stage.name}' are not settled by these rules of later ones"
            )
            if sift.corpus.read_only:
                raise WorkError(
                    f"{what}, and {sift.corpus.root} is for reading only: copy the corpus and "
                    "write from there, or leave the rules as they are"
                )
            raise WorkError(f"{what}: run `tamis run RECIPE -o {sift.corpus.root}` first")


def measure_jobs(root: Location, recipe: Recipe, all_rows: bool = False) -> list[Job]:
    """The jobs that measure every stage of a recipe, in order, clusters not yet settled."""
    jobs: list[Job] = []
    for place, group in enumerate(groups(recipe)):
        if rounds.clusters(group[0]):
            jobs += settle_jobs(root, recipe, before=group[0].name)
            jobs += _rounds().first_round(root, recipe, group[0].name)
        else:
            jobs += _line_jobs(root, recipe, group[0])
            jobs.append(MeasureJob(root, recipe, place, all_rows))
    return jobs


def _rounds() -> Any:
    """The jobs of clusters: they load Numba, which other commands are spared."""
    from tamis.pipeline.dedup import jobs

    return jobs


def _line_jobs(root: Location, recipe: Recipe, stage: Stage) -> list[Job]:
    if stage.scope != "table":
        return []
    return [CountLines(root, recipe, stage.name), MergeLines(root, recipe, stage.name)]


def stage_jobs(root: Location, recipe: Recipe, stage: str, all_rows: bool = False) -> list[Job]:
    """The jobs that measure one stage, the last of which answers with its counts."""
    at = (root, recipe, stage)
    if not rounds.clusters(recipe.stage(stage)):
        lines = _line_jobs(root, recipe, recipe.stage(stage))
        ready = [ReadyJob(*at)] if lines else []
        return [*ready, *lines, StageJob(*at, all_rows)]
    settle = settle_jobs(root, recipe, before=stage)
    return [*settle, ReadyJob(*at), *_rounds().first_round(*at), CountJob(*at)]


def first_phase(root: Location, recipe: Recipe, stage: str, all_rows: bool) -> Phase | None:
    """The phase that measuring a stage begins with; None if it is all there."""
    jobs = stage_jobs(root, recipe, stage, all_rows)
    return next(job for job in jobs if not isinstance(job, ReadyJob)).phase()


def settle_jobs(root: Location, recipe: Recipe, before: str = "") -> list[Job]:
    """The jobs that settle the clusters of the last stage that has any; or of that before one."""
    names: list[tuple[str, ...]] = []
    for group in reversed(groups(recipe)):
        if before in [stage.name for stage in group]:
            before, names = "", []
        elif not before and rounds.clusters(group[0]):
            jobs: list[Job] = _rounds().second_round(root, recipe, group[0].name, names)
            return jobs
        elif not before:
            names.insert(0, tuple(stage.name for stage in group))
    return []


def write_phase(
    sift: Sift,
    out: Location | None = None,
    form: Format = "parquet",
    rejected: Location | None = None,
    names: Mapping[str, str] | None = None,
) -> tuple[WritePhase, list[Stage]]:
    """The phase that writes a recipe's answer, and the stages that take no part in it."""
    stages, missing = sift.present()
    key = promise(stages, sift.fingerprints)
    out = out or sift.corpus.root / "cleaned"
    phase = WritePhase(sift.corpus, stages, key, sift.tasks, out, form, rejected, names or {})
    return phase, missing


def _describe(
    sift: Sift, phase: WritePhase, records: dict[str, dict[str, Any]], content: dict[str, Any]
) -> None:
    """The card, and tamis.json: what the shards are and how they came to be."""
    shards = {
        phase.outputs(shard)["kept"].name: record["files"]["kept"]
        for shard, record in records.items()
    }
    documents = sift.corpus.documents_digest
    mark = {
        "documents": documents,
        "recipe": orjson.loads(canonical(sift.recipe.raw)),
        "fingerprints": {stage.name: sift.fingerprints[stage.name] for stage in phase.stages},
        "versions": sift.corpus.manifest.versions,
        "shards": shards,
        "ledger": content,
    }
    write_json(phase.out / MARK, mark)
    if phase.rejected is not None:
        rejected = {"documents": documents, "rejected_from": phase.out.name, "ledger": content}
        write_json(phase.rejected / MARK, rejected)
    languages = Counter[str]()
    for record in records.values():
        languages.update(record.get("languages", {}))
    text = card(sift.recipe, phase.stages, content, languages, phase.format)
    with atomic(phase.out / "README.md") as draft:
        draft.path.write_text(text, encoding="utf-8")


def _absent(missing: list[Stage], corpus: Location) -> str:
    first = command(missing[0])
    names = ", ".join(stage.name for stage in missing)
    return f"without signals, taking no part: {names}; measure with `tamis {first} {corpus}`"


def warn_absent(missing: list[Stage], corpus: Location) -> None:
    """Says which stages of the recipe take no part."""
    if missing:
        say(_absent(missing, corpus))


def say(message: str) -> None:
    """A line on stderr."""
    Progress("tamis", 0).say(message)
