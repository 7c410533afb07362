"""tamis report: what the sifting did, or what it was worth, as figures and as a page."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from tamis.pipeline.answer import warn_absent
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import print_json, say
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.report.build import unmeasured
from tamis.pipeline.report.experiment import FOLDER, is_experiment, publish_experiment
from tamis.pipeline.report.publish import DATA, PAGE
from tamis.pipeline.report.publish import report as publish
from tamis.pipeline.sift import Sift, command
from tamis.pipeline.storage.location import Location


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    corpus: Annotated[
        Location,
        typer.Argument(
            metavar="CORPUS|EXPERIMENT", parser=o.place, help="A directory, or a corpus's URL."
        ),
    ],
    directory: Annotated[
        Location | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            parser=o.new_place,
            help="Where to, a directory or a URL; default: its folder report.",
        ),
    ] = None,
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    json: o.JsonOption = False,
) -> None:
    """Makes a page: who left and why, every signal's histogram; what it was worth, if measured."""
    if isinstance(corpus, Path) and is_experiment(corpus):
        _of_experiment(corpus, directory, recipe, changes, json)
        return
    target = Corpus.open(corpus)
    if target.read_only and directory is None:
        raise CallError(f"{corpus} is served by HTTP, for reading only: say where to write, -o DIR")
    chosen = o.chosen_recipe(target, recipe, changes)
    out = directory or target.root / "report"
    _spare_others(directory)
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


def _spare_others(directory: Location | None) -> None:
    """Raises CallError for a directory with a page that is none of ours."""
    if directory and (directory / PAGE).is_file() and not (directory / DATA).is_file():
        raise CallError(f"{directory / PAGE} is no report of tamis's: choose another directory")


def _of_experiment(
    folder: Path,
    directory: Location | None,
    recipe: str | None,
    changes: list[str] | None,
    json: bool,
) -> None:
    """The report of an experiment, which is of its own recipe alone."""
    if recipe is not None or changes:
        raise CallError(
            f"{folder} is an experiment, whose recipe its plan holds: leave --recipe and --set "
            "out; another recipe is judged by another `tamis ablate`"
        )
    _spare_others(directory)
    content = publish_experiment(folder, quiet=json, out=directory)
    if json:
        print_json(content)
        return
    for line in content["missing"]:
        say(f"tamis: {line}")
    data, page = (directory or folder) / DATA, (directory or folder / FOLDER) / PAGE
    say(f"page: {page}; its figures: {data}")
