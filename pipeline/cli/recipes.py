"""tamis recipes: the recipes that ship with tamis, and what is in one."""

from __future__ import annotations

from typing import Annotated

import typer

from tamis.pipeline import recipe as recipes
from tamis.pipeline.cli.tables import out, print_json, simple


def register(app: typer.Typer) -> None:
    app.command(name="recipes")(show)


def show(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|FILE", help="One recipe, to see its rules.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    """Lists the recipes that ship with tamis, or the stages and rules of one."""
    if name is not None:
        recipe = recipes.load(name)
        if json:
            print_json(dict(recipe.raw))
            return
        rows = [
            [f"{stage.name}.{rule.name}", rule.bound()]
            for stage in recipe.stages
            for rule in stage.rules
        ]
        out().print(f"{recipe.description}\n", markup=False)
        out().print(simple(f"Recipe {recipe.name}", [("rule", False), ("", False)], rows))
        return
    found = [recipes.load(known) for known in recipes.bundled()]
    if json:
        print_json([{"name": r.name, "description": r.description} for r in found])
        return
    rows = [[r.name, ", ".join(s.name for s in r.stages), r.description] for r in found]
    columns = [("recipe", False), ("stages", False), ("", False)]
    out().print(simple("Recipes", columns, rows))
