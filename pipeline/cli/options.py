"""Arguments and options that several commands share, and what they are turned into."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from tamis.pipeline import recipe as recipes
from tamis.pipeline.cli.tables import say
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Engine, Local, cores
from tamis.pipeline.errors import CallError, nearest
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.on_ray import Ray
from tamis.pipeline.on_slurm import Slurm
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.storage.location import Location, Remote, location


def place(name: object) -> Location:
    """The place that an argument names; a default is a place already."""
    return location(str(name))


def new_place(name: object) -> Location:
    """The place that an argument names for writing; raises CallError where that cannot be."""
    found = place(name)
    if isinstance(found, Remote) and not found.writable:
        raise CallError(f"{found}: HTTP is for reading only: choose a place that can be written")
    return found


CorpusArgument = Annotated[
    Location,
    typer.Argument(metavar="CORPUS", parser=place, help="The corpus: a directory or a URL."),
]
NewCorpusOption = Annotated[
    Location,
    typer.Option(
        "--output",
        "-o",
        metavar="CORPUS",
        parser=new_place,
        help="The corpus to make: a directory or a URL.",
    ),
]
RejectedOption = Annotated[
    Location | None,
    typer.Option(
        metavar="DIR", parser=new_place, help="Write what was rejected too, with reasons."
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe", metavar="NAME|FILE", help="The recipe to answer; default: the corpus's own."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="STAGE.KEY=VALUE", help="Change one value of the recipe."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Processes; default: the cores this process may use."),
]
AllRowsOption = Annotated[
    bool, typer.Option("--all-rows", help="Measure rejected rows too, to know all their reasons.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Stop at the first record that cannot be read.")
]
DedupStageOption = Annotated[
    str | None,
    typer.Option(
        "--stage", metavar="NAME", help="The stage that finds duplicates, if there are several."
    ),
]


DEFAULT = "quickstart"


class EngineName(StrEnum):
    """Where tasks run."""

    local = "local"
    slurm = "slurm"
    ray = "ray"


ENGINES: dict[EngineName, type[Local | Slurm | Ray]] = {
    EngineName.local: Local,
    EngineName.slurm: Slurm,
    EngineName.ray: Ray,
}
EngineOption = Annotated[
    EngineName, typer.Option("--engine", help="Where tasks run; see docs/clusters.md.")
]
EngineSetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--engine-set", metavar="KEY=VALUE", help="An option of the engine, partition=cpu say."
    ),
]


def chosen_engine(
    name: EngineName, settings: list[str] | None, workers: int | None, quiet: bool
) -> Engine:
    """The engine with its options; raises CallError for one that it does not have."""
    if name == EngineName.local:
        workers = cores(workers)
    kind = ENGINES[name]
    known = {f.name for f in dataclasses.fields(kind)} - {"workers", "quiet"}
    given: dict[str, Any] = {}
    for entry in settings or []:
        key, _, value = entry.partition("=")
        if key not in known:
            raise CallError(
                f"--engine-set {key}: engine '{name}' has no such option. {nearest(key, known)}"
            )
        given[key] = value
    try:
        made: Engine = TypeAdapter(kind).validate_python(
            {"workers": workers, "quiet": quiet, **given}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise CallError(f"--engine-set {first['loc'][0]}: {first['msg'].lower()}") from None
    return made


def named_recipe(corpus: Corpus, name: str | None, changes: list[str] | None) -> Recipe | None:
    """The recipe named, else the corpus's own, with the changes made; None if there is neither."""
    own = corpus.root / "recipe.toml"
    if name is None and not own.is_file():
        if changes:
            raise CallError("--set changes a recipe: name one with --recipe")
        return None
    return recipes.load(name or str(own.absolute()), changes or [])


def chosen_recipe(corpus: Corpus, name: str | None, changes: list[str] | None) -> Recipe:
    """The recipe named, else the corpus's own, else quickstart, which is said."""
    if name is None and not (corpus.root / "recipe.toml").is_file():
        say(f"tamis: {corpus.root} has no recipe yet: taking {DEFAULT} (see --recipe)")
        name = DEFAULT
    return recipes.load(name or str((corpus.root / "recipe.toml").absolute()), changes or [])


def ingest_options(base: IngestOptions, given: dict[str, Any]) -> IngestOptions:
    """The recipe's options of ingest, with those of the command line over them."""
    try:
        return IngestOptions(
            **base.model_dump() | {k: v for k, v in given.items() if v is not None}
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise CallError(f"{option}: {first['msg'].removeprefix('Value error, ')}") from None


def shares(values: list[str] | None) -> dict[str, float] | None:
    """`heldout=0.02,reference=0.05` as a table; raises CallError for anything else."""
    if values is None:
        return None
    table = {}
    for entry in (part for value in values for part in value.split(",")):
        side, _, share = entry.partition("=")
        try:
            table[side.strip()] = float(share)
        except ValueError:
            raise CallError(
                f"--set-aside {entry}: write SIDE=SHARE, such as heldout=0.02"
            ) from None
    return table
