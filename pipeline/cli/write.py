"""tamis write: the documents that every rule let through."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tamis.pipeline import answer
from tamis.pipeline.answer import WriteJob, measure_jobs, settle_jobs
from tamis.pipeline.arms import borrow
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import ledger_table, out, print_json, say
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Engine
from tamis.pipeline.errors import CallError
from tamis.pipeline.lock import Lease
from tamis.pipeline.phase import Job, pending
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.sift import Sift
from tamis.pipeline.storage.location import Location
from tamis.pipeline.write import Format


def register(app: typer.Typer) -> None:
    app.command()(write)


def write(
    corpus: o.CorpusArgument,
    directory: Annotated[
        Location | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            parser=o.new_place,
            help="Where to, a directory or a URL; default: CORPUS/cleaned.",
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Of the shards.")] = "parquet",
    without: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE[.RULE],...",
            help="Leave stages or rules out; what that brings to life is measured. Needs -o.",
        ),
    ] = None,
    rejected: o.RejectedOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse if a stage of the recipe has no signals.")
    ] = False,
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    workers: o.WorkersOption = None,
    engine: o.EngineOption = o.EngineName.local,
    engine_settings: o.EngineSetOption = None,
    dry_run: o.DryRunOption = False,
    json: o.JsonOption = False,
) -> None:
    """Writes the kept documents with their signals, a dataset card, and the ledger."""
    target = Corpus.open(corpus)
    chosen = o.chosen_recipe(target, recipe, changes)
    left_out = without.split(",") if without else []
    if left_out and directory is None:
        raise CallError("--without is another recipe's answer: say where to write it with -o DIR")
    for name in left_out:
        chosen = chosen.without(name.strip())
    if target.read_only and directory is None:
        raise CallError(f"{corpus} is served by HTTP, for reading only: say where to write, -o DIR")
    if dry_run:
        phase, missing = answer.write_phase(Sift(target, chosen), directory, form, rejected)
        say(f"{len(pending(phase))} of {len(phase.tasks)} tasks to write into {phase.out}")
        answer.warn_absent(missing, corpus)
        return
    where = o.chosen_engine(engine, engine_settings, workers, quiet=json)
    if left_out and engine == o.EngineName.slurm:
        raise CallError("--without is measured while you wait: leave --engine slurm out")
    ledger: dict[str, Any] | None
    with target.lock() as lease:
        if left_out:
            assert directory is not None
            how = {"format": form, "rejected": rejected}
            ledger = _arm(target, chosen, where, lease, directory, **how)
        else:
            settle: list[Job] = []
            if not target.read_only:
                chosen.save(target.root / "recipe.toml")
                settle = settle_jobs(target.root, chosen)
            job = WriteJob(target.root, chosen, directory, form, rejected, strict)
            ledger = where.go([*settle, job], lease)
    if ledger is None:
        return
    if json:
        print_json(ledger)
        return
    out().print(ledger_table(ledger))


def _arm(
    corpus: Corpus, recipe: Recipe, where: Engine, lease: Lease, out: Location, **how: Any
) -> dict[str, Any]:
    """The answer of another recipe, measured in a corpus that borrows these documents."""
    with corpus.arm() as place:
        arm = borrow(corpus, place, recipe)
        measured = [*measure_jobs(arm.root, recipe), *settle_jobs(arm.root, recipe)]
        jobs = [*measured, WriteJob(arm.root, recipe, out, **how)]
        ledger: dict[str, Any] = where.go(jobs, lease)
        return ledger
