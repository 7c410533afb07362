"""tamis apply: plain shards in, plain shards out, by way of a temporary corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tamis.pipeline import recipe as recipes
from tamis.pipeline.answer import WriteJob, measure_jobs, settle_jobs
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import ledger_table, out, print_json
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Local, cores
from tamis.pipeline.errors import CallError, from_os
from tamis.pipeline.files import remove_below
from tamis.pipeline.ingest.run import IngestJob, shards_of_inputs
from tamis.pipeline.storage.location import Location
from tamis.pipeline.storage.scratch import scratch_of
from tamis.pipeline.write import Format, claim


def register(app: typer.Typer) -> None:
    app.command()(apply)


def apply(
    stages: Annotated[
        str, typer.Argument(metavar="STAGE[,STAGE...]", help="Stages of the recipe.")
    ],
    shards: Annotated[list[str], typer.Argument(metavar="SHARD", help="Files to sift.")],
    directory: Annotated[
        Location,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            parser=o.new_place,
            help="Where the sifted files go: a directory or a URL.",
        ),
    ],
    rejected: o.RejectedOption = None,
    form: Annotated[Format, typer.Option("--format", help="Of the files written.")] = "parquet",
    text_key: Annotated[str | None, typer.Option(help="Field of the text; may be dotted.")] = None,
    id_key: Annotated[str | None, typer.Option(help="Field of the id.")] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME|FILE", help="Where the stages are described.")
    ] = "quickstart",
    changes: o.SetOption = None,
    strict: o.StrictOption = False,
    workers: o.WorkersOption = None,
    json: o.JsonOption = False,
) -> None:
    """Sifts files by some stages: one file out for every file in, and nothing else is kept."""
    chosen = recipes.load(recipe, changes or []).only([name.strip() for name in stages.split(",")])
    given: dict[str, Any] = {"text_key": text_key, "id_key": id_key, "set_aside": {}}
    options = o.ingest_options(chosen.ingest, given)
    if rejected is not None and rejected.resolve() == directory.resolve():
        raise CallError("--rejected and --output are the same directory")
    engine = Local(cores(workers), quiet=json)
    here = isinstance(directory, Path)
    root = directory / ".corpus" if here else scratch_of(f"{directory} apply")
    corpus = Corpus(root)
    try:
        claim(directory)
        remove_below(root)  # what an interrupted call left
    except OSError as error:
        raise from_os(error, f"cannot write into {directory}") from error
    try:
        with corpus.lock():
            engine.go([IngestJob(corpus.root, tuple(shards), options, None, strict, gather=False)])
            names = shards_of_inputs(corpus)
            write = WriteJob(corpus.root, chosen, directory, form, rejected, names=names)
            jobs = [*measure_jobs(corpus.root, chosen), *settle_jobs(corpus.root, chosen)]
            ledger = engine.go([*jobs, write])
    finally:
        remove_below(root)
    if json:
        print_json(ledger)
    else:
        out().print(ledger_table(ledger))
