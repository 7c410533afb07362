"""tamis status: what is done, stale or missing, and how to go on."""

from __future__ import annotations

from dataclasses import asdict

import typer

from tamis.pipeline.chain import chain_lines
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import out, print_json, simple
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.status import Line
from tamis.pipeline.status import status as look


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(
    corpus: o.CorpusArgument,
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    json: o.JsonOption = False,
) -> None:
    """Shows what is done, what is stale and why, what is missing, and the command to go on with."""
    chain = [Line(name, state, detail) for name, state, detail in chain_lines(corpus)]
    target = Corpus(corpus)
    if target.exists() or not chain:
        target = Corpus.open(corpus)
        chain += look(target, o.chosen_recipe(target, recipe, changes))
    lines = chain
    if json:
        print_json([asdict(line) for line in lines])
        return
    columns = [("", False), ("state", False), ("", False), ("go on with", False)]
    rows = [[line.name, line.state, line.detail, line.next] for line in lines]
    out().print(simple(f"Corpus {corpus}", columns, rows))
