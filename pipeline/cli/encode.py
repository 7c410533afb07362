"""tamis tokenize: the documents that every rule let through, as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from tamis.pipeline import answer
from tamis.pipeline.answer import measure_jobs, settle_jobs
from tamis.pipeline.arms import borrow
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.ingest import show_plan
from tamis.pipeline.cli.inputs import amount, corpus_of, files_of
from tamis.pipeline.cli.tables import out, print_json, say, simple
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Engine
from tamis.pipeline.errors import CallError
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.phase import Job
from tamis.pipeline.recipe import Recipe, nothing
from tamis.pipeline.sift import Sift
from tamis.pipeline.storage.location import Location

SHARD_TOKENS = "100M"


def register(app: typer.Typer) -> None:
    app.command()(tokenize)


def tokenize(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS|INPUT...",
            help="A corpus; or files and directories of documents, every one of which is kept.",
        ),
    ],
    directory: Annotated[
        Location,
        typer.Option(
            "--output", "-o", metavar="TOKENS", parser=o.place, help="The folder to make."
        ),
    ],
    vocabulary: Annotated[
        Location | None,
        typer.Option(
            metavar="DIR",
            parser=o.place,
            help="A folder with a tokenizer.model, or such a file; default: the corpus's own, "
            "which is trained if there is none.",
        ),
    ] = None,
    shuffle: Annotated[
        bool, typer.Option("--shuffle/--no-shuffle", help="Whether documents are shuffled.")
    ] = True,
    seed: Annotated[
        int | None, typer.Option(help="Of the shuffle.", show_default="0", min=0)
    ] = None,
    shard_tokens: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="About how many tokens a shuffled shard holds.",
            show_default=SHARD_TOKENS,
        ),
    ] = None,
    bos: Annotated[
        bool, typer.Option("--bos/--no-bos", help="Whether every document begins with BOS.")
    ] = True,
    eos: Annotated[
        bool, typer.Option("--eos/--no-eos", help="Whether every document ends with EOS.")
    ] = True,
    without: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE[.RULE],...",
            help="Leave stages or rules out; what that brings to life is measured.",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse stages of the recipe without signals, and records that cannot be read.",
        ),
    ] = False,
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    source: Annotated[
        str | None, typer.Option(help="The source of every document of plain inputs.")
    ] = None,
    source_key: Annotated[str | None, typer.Option(help="Their field of the source.")] = None,
    text_key: Annotated[
        str | None, typer.Option(help="Their field of the text; may be dotted.")
    ] = None,
    id_key: Annotated[str | None, typer.Option(help="Their field of the id.")] = None,
    max_document_bytes: Annotated[
        int | None, typer.Option(help="Longer records of them cannot be read.")
    ] = None,
    workers: o.WorkersOption = None,
    engine: o.EngineOption = o.EngineName.local,
    engine_settings: o.EngineSetOption = None,
    dry_run: o.DryRunOption = False,
    json: o.JsonOption = False,
) -> None:
    """Encodes the kept documents of a corpus, shuffled, into shards that trainers read."""
    read = {
        "source": source,
        "source_key": source_key,
        "text_key": text_key,
        "id_key": id_key,
        "max_document_bytes": max_document_bytes,
    }
    decided = {"recipe": recipe, "set": changes, "without": without}
    settings = _settings(bos, eos, shuffle, seed, shard_tokens)
    target = corpus_of(inputs)
    _refuse(read if target else decided, "plain inputs" if target else "a corpus")
    asked = Asked(_folder(directory), settings, vocabulary, strict, dry_run)
    where = o.chosen_engine(engine, engine_settings, workers, quiet=json)
    if target is None:
        manifest = _plain(inputs, o.ingest_options(IngestOptions(), read), asked, where)
    else:
        left_out = [name.strip() for name in without.split(",")] if without else []
        if left_out and engine == o.EngineName.slurm:
            raise CallError("--without is measured while you wait: leave --engine slurm out")
        chosen = o.chosen_recipe(target, recipe, changes)
        manifest = _sifted(target, chosen, left_out, asked, where)
    if manifest is not None:
        show(manifest, json)


@dataclass(frozen=True)
class Asked:
    """What was asked for, whatever the documents."""

    out: Path
    settings: Any
    vocabulary: Location | None
    strict: bool
    dry_run: bool

    def jobs(self, root: Location, recipe: Recipe) -> list[Job]:
        from tamis.pipeline.tokens.jobs import token_jobs

        return token_jobs(root, recipe, self.out, self.settings, self.vocabulary, self.strict)


def _sifted(
    corpus: Corpus, recipe: Recipe, left_out: Sequence[str], asked: Asked, where: Engine
) -> dict[str, Any] | None:
    """Tokens of what a recipe keeps of a corpus."""
    from tamis.pipeline.tokens.jobs import own_vocabulary
    from tamis.pipeline.tokens.place import Place

    for name in left_out:
        recipe = recipe.without(name)
    vocabulary = asked.vocabulary or own_vocabulary(corpus)
    if vocabulary is None and (left_out or corpus.read_only):
        raise CallError(
            f"{corpus.root} has no vocabulary yet: name one with --vocabulary DIR; train one with "
            f"`tamis vocabulary train {corpus.root} -o DIR`"
        )
    place = Place(asked.out)
    place.check()
    if asked.dry_run:
        missing = Sift(corpus, recipe).present()[1]
        say(f"{len(corpus.shards)} shards to tokenize into {asked.out}")
        answer.warn_absent(missing, corpus.root)
        return None
    with ExitStack() as stack:
        lease = stack.enter_context(corpus.lock())
        stack.enter_context(place.corpus.lock())
        place.claim()
        root, before = corpus.root, list[Job]()
        if left_out:
            root = borrow(corpus, stack.enter_context(corpus.arm()), recipe).root
            asked = Asked(asked.out, asked.settings, vocabulary, asked.strict, False)
            before = [*measure_jobs(root, recipe), *settle_jobs(root, recipe)]
        elif not corpus.read_only:
            recipe.save(corpus.root / "recipe.toml")
            before = settle_jobs(corpus.root, recipe)
        manifest: dict[str, Any] | None = where.go([*before, *asked.jobs(root, recipe)], lease)
    return manifest


def _plain(
    inputs: Sequence[str], options: IngestOptions, asked: Asked, where: Engine
) -> dict[str, Any] | None:
    """Tokens of all documents of some inputs, by way of a temporary corpus."""
    from tamis.pipeline.tokens.jobs import InputsJob
    from tamis.pipeline.tokens.place import Place

    if asked.vocabulary is None:
        raise CallError(
            "inputs that are no corpus have no vocabulary: name one with --vocabulary DIR, or "
            "train one on them, `tamis vocabulary train INPUT... -o DIR`"
        )
    named = [one for argument in inputs for one in files_of(argument, asked.out)]
    if asked.dry_run:
        show_plan(named, options)
        say(f"then: tokenize into {asked.out}")
        return None
    place = Place(asked.out)
    place.check()
    with place.corpus.lock() as lease:
        place.claim()
        read = InputsJob(place.inputs, tuple(named), options, None, asked.strict)
        manifest: dict[str, Any] | None = where.go(
            [read, *asked.jobs(place.inputs, nothing())], lease
        )
    return manifest


def _folder(place: Location) -> Path:
    if not isinstance(place, Path):
        raise CallError(
            f"{place}: tokens are mapped into memory by who reads them: make them in a folder of "
            "this machine and copy that"
        )
    if place.exists() and not place.is_dir():
        raise CallError(f"{place} is not a folder: choose another -o")
    return place


def _refuse(given: dict[str, Any], whose: str) -> None:
    """Raises CallError for an option that says nothing here."""
    for name, value in given.items():
        if value is not None:
            raise CallError(f"--{name.replace('_', '-')} is an option of {whose}: leave it out")


def _settings(
    bos: bool, eos: bool, shuffle: bool, seed: int | None, shard_tokens: str | None
) -> Any:
    from tamis.pipeline.tokens.encode import Settings

    if not shuffle:
        for name, value in (("--seed", seed), ("--shard-tokens", shard_tokens)):
            if value is not None:
                raise CallError(
                    f"{name} is of the shuffle: --no-shuffle keeps the order and the shards of "
                    "the corpus"
                )
        return Settings(bos, eos, None, 0)
    return Settings(bos, eos, seed or 0, amount("--shard-tokens", shard_tokens or SHARD_TOKENS))


def show(manifest: dict[str, Any], json: bool) -> None:
    """Prints what became of the documents, source by source."""
    if json:
        print_json(manifest)
        return
    rows = [*manifest["sources"].items(), ("all", manifest)]
    columns = ["documents", "tokens", "MB of text", "bytes per token"]
    shards = len(manifest["shards"])
    title = f"Tokens in {shards:,} shard{'s' * (shards != 1)}"
    table = simple(title, [("source", False), *((name, True) for name in columns)], map(_row, rows))
    out().print(table)


def _row(named: tuple[str, dict[str, Any]]) -> list[str]:
    name, counts = named
    documents, tokens, size = (counts[key] for key in ("documents", "tokens", "bytes"))
    each = f"{size / tokens:.2f}" if tokens else "-"
    return [name, f"{documents:,}", f"{tokens:,}", f"{size / 1e6:,.2f}", each]
