"""The stage commands: each measures one stage over the rows that are alive before it."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from typing import Annotated, Any

import typer

from tamis.pipeline.answer import first_phase, stage_jobs
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import out, print_json, say, simple
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Engine
from tamis.pipeline.phase import pending
from tamis.pipeline.recipe import Recipe

STAGES = {
    "language": "Identifies the language of every document that is alive.",
    "dedup": "Finds documents that are copies of others, near or exact, and keeps one of each.",
    "decontaminate": "Finds documents that share word sequences with texts that are kept apart.",
    "heuristics": "Measures what the published heuristics look at: words, lines, repeats.",
}


def register(app: typer.Typer) -> None:
    for name, what in STAGES.items():
        app.command(name, help=what)(_command(name))
    app.command()(perplexity)
    app.command()(stage)


def _command(name: str) -> Callable[..., None]:
    def command(
        corpus: o.CorpusArgument,
        recipe: o.RecipeOption = None,
        changes: o.SetOption = None,
        workers: o.WorkersOption = None,
        engine: o.EngineOption = o.EngineName.local,
        engine_settings: o.EngineSetOption = None,
        all_rows: o.AllRowsOption = False,
        dry_run: o.DryRunOption = False,
        json: o.JsonOption = False,
    ) -> None:
        where = o.chosen_engine(engine, engine_settings, workers, quiet=json)
        _measure(name, corpus, recipe, changes, where, all_rows, dry_run, json)

    return command


def perplexity(
    corpus: o.CorpusArgument,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|corpus:reference",
            help="Good text to train the models from, in place of the recipe's.",
        ),
    ] = None,
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    workers: o.WorkersOption = None,
    engine: o.EngineOption = o.EngineName.local,
    engine_settings: o.EngineSetOption = None,
    all_rows: o.AllRowsOption = False,
    dry_run: o.DryRunOption = False,
    json: o.JsonOption = False,
) -> None:
    """Scores every document that is alive by an n-gram model of good text in its language."""
    where = o.chosen_engine(engine, engine_settings, workers, quiet=json)
    if reference:
        changes = [*(changes or []), f"perplexity.reference={dumps(reference)}"]
    _measure("perplexity", corpus, recipe, changes, where, all_rows, dry_run, json)


def stage(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A stage of the recipe.")],
    corpus: o.CorpusArgument,
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    workers: o.WorkersOption = None,
    engine: o.EngineOption = o.EngineName.local,
    engine_settings: o.EngineSetOption = None,
    all_rows: o.AllRowsOption = False,
    dry_run: o.DryRunOption = False,
    json: o.JsonOption = False,
) -> None:
    """Measures any stage by its name in the recipe: a renamed one, or one of your own."""
    where = o.chosen_engine(engine, engine_settings, workers, quiet=json)
    _measure(name, corpus, recipe, changes, where, all_rows, dry_run, json)


def _measure(
    name: str,
    root: o.CorpusArgument,
    recipe: str | None,
    changes: list[str] | None,
    where: Engine,
    all_rows: bool,
    dry_run: bool,
    json: bool,
) -> None:
    corpus = Corpus.open(root)
    chosen = o.chosen_recipe(corpus, recipe, changes)
    chosen.stage(name)
    if dry_run:
        phase = first_phase(corpus.root, chosen, name, all_rows)
        shards = sum(len(phase.tasks[rank]) for rank in pending(phase)) if phase else 0
        say(f"{name}: {shards} of {len(corpus.shards)} shards would be measured")
        if preview := getattr(chosen.stage(name).measure, "preview", ""):
            out().print(preview, markup=False, highlight=False)
        return
    with corpus.lock() as lease:
        chosen.save(corpus.root / "recipe.toml")
        counts = where.go(stage_jobs(corpus.root, chosen, name, all_rows), lease)
    if counts is None:
        return
    if json:
        print_json(counts)
    elif counts:
        _show(chosen, name, counts)


def _show(recipe: Recipe, name: str, counts: dict[str, Any]) -> None:
    keys = ("entered", "evaluated", "not_applicable", "rejected")
    rows = [[key.replace("_", " "), *counts[key], ""] for key in keys]
    bounds = {rule.name: rule.bound() for rule in recipe.stage(name).rules}
    for rule, count in counts["rules"].items():
        if rule != "error" or count["failed"][0]:
            rows.append([f"  {name}.{rule}", *count["failed"], bounds.get(rule, "")])
    shown = [[n, f"{documents:,}", f"{size / 1e6:,.2f}", b] for n, documents, size, b in rows]
    columns = [("", False), ("documents", True), ("MB", True), ("bound", False)]
    out().print(simple(f"Stage {name}", columns, shown))
