"""tamis index: what a crawl publishes, for later crawls to be held against."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import print_json, say
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.publish import append
from tamis.pipeline.engine import Local
from tamis.pipeline.errors import CallError
from tamis.pipeline.storage.location import Location


def register(app: typer.Typer) -> None:
    app.command()(index)


def index(
    corpus: o.CorpusArgument,
    folder: Annotated[
        Location,
        typer.Option(
            "--output",
            "-o",
            metavar="INDEX",
            parser=o.new_place,
            help="The index, a folder of this machine; made if there is none.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of this crawl; default: the corpus folder's."),
    ] = None,
    stage: o.DedupStageOption = None,
    json: o.JsonOption = False,
) -> None:
    """Adds the documents that a corpus keeps to an index: later crawls are held against it."""
    target = Corpus.open(corpus)
    if not isinstance(folder, Path):
        raise CallError(f"{folder}: an index is mapped into memory: name a folder of this machine")
    chosen = o.chosen_recipe(target, None, None)
    with target.lock():
        name = name or corpus.resolve().name
        done = append(target, chosen, folder, name, stage, Local(1, quiet=True))
    if json:
        print_json(asdict(done))
        return
    if not done.new:
        say(f"{folder} has '{done.name}' already: nothing to do")
    crawls = "1 crawl" if done.crawls == 1 else f"{done.crawls:,} crawls"
    print(
        f"{folder}: {done.documents:,} documents of '{done.name}'; "
        f"{done.all_documents:,} in all, of {crawls}"
    )
