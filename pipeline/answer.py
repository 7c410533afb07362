"""A recipe's answer: cleaned shards, their card, the ledger."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from tamis.pipeline import engine, ledger
from tamis.pipeline.card import card
from tamis.pipeline.errors import WorkError, from_os
from tamis.pipeline.files import atomic, canonical, write_json
from tamis.pipeline.ledger import total
from tamis.pipeline.progress import Progress
from tamis.pipeline.sift import Sift, command, missing_upstream
from tamis.pipeline.signals import promise
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage import Location
from tamis.pipeline.write import MARK, Format, WritePhase, clear


def write(
    sift: Sift,
    out: Location | None = None,
    form: Format = "parquet",
    rejected: Location | None = None,
    strict: bool = False,
    names: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Writes the documents that passed, by default to the corpus's cleaned/; returns the ledger.

    With strict, raises WorkError if a stage of the recipe has no signals.
    """
    corpus = sift.corpus
    phase, missing = write_phase(sift, out, form, rejected, names)
    if missing and strict:
        raise WorkError(f"{_absent(missing, corpus.root)} (--strict refuses to write without)")
    warn_absent(missing, corpus.root)
    sift.check_measured(phase.stages)
    out, stages = phase.out, phase.stages
    shards = [shard.name for shard in corpus.shards]
    for directory in (out, *([rejected] if rejected else [])):
        try:
            names_out = {phase.outputs(shard)["kept"].name for shard in shards}
            clear(directory, names_out, corpus.documents_digest)
        except OSError as error:
            raise from_os(error, f"cannot write into {directory}") from error
    pending = phase.pending()
    if pending:
        progress = Progress("write", sift.text_bytes(pending), sift.quiet)
        engine.run(phase, pending, sift.workers, corpus.logs("write"), progress)
    records = {shard: phase.written(shard) or {} for shard in shards}
    tally = total(record["tally"] for record in records.values())
    content = ledger.ledger(corpus, sift.recipe.name, tally, missing)
    if out == corpus.root / "cleaned":
        ledger.save(corpus, content)
        sift.describe(stages, tally)
    _describe(sift, phase, stages, records, content)
    return content


def write_phase(
    sift: Sift,
    out: Location | None = None,
    form: Format = "parquet",
    rejected: Location | None = None,
    names: dict[str, str] | None = None,
) -> tuple[WritePhase, list[Stage]]:
    """The phase that writes a recipe's answer, and the stages that take no part in it."""
    stages, missing = sift.present()
    key = promise(stages, sift.fingerprints)
    out = out or sift.corpus.root / "cleaned"
    phase = WritePhase(sift.corpus, stages, key, sift.tasks, out, form, rejected, names or {})
    return phase, missing


def _describe(
    sift: Sift,
    phase: WritePhase,
    stages: list[Stage],
    records: dict[str, dict[str, Any]],
    content: dict[str, Any],
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
        "fingerprints": {stage.name: sift.fingerprints[stage.name] for stage in stages},
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
    text = card(sift.recipe, stages, content, languages, phase.format)
    with atomic(phase.out / "README.md") as draft:
        draft.path.write_text(text, encoding="utf-8")


def _absent(missing: list[Stage], corpus: Location) -> str:
    first = command(missing[0])
    names = ", ".join(stage.name for stage in missing)
    return f"without signals, taking no part: {names}; measure with `tamis {first} {corpus}`"


def warn_absent(missing: list[Stage], corpus: Location) -> None:
    """Says which stages of the recipe take no part."""
    if missing:
        Progress("tamis", 0).say(_absent(missing, corpus))


def measure_all(sift: Sift, all_rows: bool = False) -> None:
    """Measures every stage of the recipe, in order."""
    for phase in sift.phases(all_rows):
        sift.measure(phase)


def measure_one(sift: Sift, name: str, all_rows: bool = False) -> dict[str, Any]:
    """Measures one stage over the rows that earlier ones let through; returns its counts."""
    stage = sift.recipe.stage(name)
    earlier, missing = sift.stages_before(stage)
    missing_upstream(stage, missing, sift.corpus.root)
    warn_absent(missing, sift.corpus.root)
    sift.check_measured(earlier)
    sift.measure(sift.phase(earlier, [stage], all_rows))
    stages, _ = sift.stages_before(stage)
    done = next(s for s in sift.present()[0] if s.name == name)
    tally = sift.tally([*stages, done])
    sift.describe([done], tally)
    counts: dict[str, Any] = tally["stages"][name] if tally else {}
    return counts
