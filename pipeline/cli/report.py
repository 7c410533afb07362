"""tamis report: what the sifting did, as figures and as a page."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from tamis.pipeline.answer import warn_absent
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import print_json, say
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.report.build import unmeasured
from tamis.pipeline.report.publish import DATA, PAGE
from tamis.pipeline.report.publish import report as publish
from tamis.pipeline.sift import Sift, command
from tamis.pipeline.storage.location import Location


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    corpus: o.CorpusArgument,
    directory: Annotated[
        Location | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            parser=o.new_place,
            help="Where to, a directory or a URL; default: CORPUS/report.",
        ),
    ] = None,
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    json: o.JsonOption = False,
) -> None:
    """Makes a page: who left and why, every signal's histogram, documents beside every bound."""
    target = Corpus.open(corpus)
    if target.read_only and directory is None:
        raise CallError(f"{corpus} is served by HTTP, for reading only: say where to write, -o DIR")
    chosen = o.chosen_recipe(target, recipe, changes)
    out = directory or target.root / "report"
    if directory is not None and (out / PAGE).is_file() and not (out / DATA).is_file():
        raise CallError(f"{out / PAGE} is no report of tamis's: choose another directory")
    with target.lock() if directory is None else nullcontext():
        warn_absent(Sift(target, chosen).present()[1], corpus)
        content = publish(target, chosen, out, quiet=json)
    for name, left in unmeasured(content):
        say(
            f"tamis: stage '{name}' has not measured {left:,} documents that reach it by these "
            f"rules: `tamis {command(chosen.stage(name))} {corpus}` does"
        )
    if json:
        print_json(content)
        return
    say(f"page: {out / PAGE}; its figures: {out / DATA}")
