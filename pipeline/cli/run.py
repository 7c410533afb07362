"""tamis run: everything, in order, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tamis.pipeline import recipe as recipes
from tamis.pipeline.answer import WriteJob, measure_jobs, settle_jobs
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.ingest import show_plan
from tamis.pipeline.cli.tables import ledger_table, out, print_json, say
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.ingest.run import IngestJob
from tamis.pipeline.write import Format


def register(app: typer.Typer) -> None:
    app.command()(run)


def run(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name, or a .toml.")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help="What to ingest; nothing for an old corpus."),
    ] = None,
    corpus: o.NewCorpusOption = Path("corpus"),
    form: Annotated[Format, typer.Option("--format", help="Of the cleaned shards.")] = "parquet",
    strict: o.StrictOption = False,
    changes: o.SetOption = None,
    workers: o.WorkersOption = None,
    engine: o.EngineOption = o.EngineName.local,
    engine_settings: o.EngineSetOption = None,
    all_rows: o.AllRowsOption = False,
    dry_run: o.DryRunOption = False,
    json: o.JsonOption = False,
) -> None:
    """Ingests, measures every stage of the recipe, writes the cleaned shards and the ledger."""
    chosen = recipes.load(recipe, changes or [])
    target = Corpus(corpus)
    if not inputs and not target.exists():
        raise CallError(f"{corpus} holds no documents yet: name inputs, such as installed:")
    if dry_run:
        show_plan(inputs or [], chosen.ingest)
        say("then: " + ", ".join(["ingest", *(s.name for s in chosen.stages), "write"]))
        return
    where = o.chosen_engine(engine, engine_settings, workers, quiet=json)
    jobs = [
        IngestJob(target.root, tuple(inputs or []), chosen.ingest, chosen, strict),
        *measure_jobs(target.root, chosen, all_rows),
        *settle_jobs(target.root, chosen),
        WriteJob(target.root, chosen, format=form),
    ]
    with target.lock() as lease:
        ledger = where.go(jobs, lease)
    if ledger is None:
        return
    if json:
        print_json(ledger)
        return
    out().print(ledger_table(ledger))
    say(f"kept documents: {corpus}/cleaned; why one was not: tamis why {corpus} ID")
