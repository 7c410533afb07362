"""tamis ingest: inputs to documents."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import ingest_table, out, print_json, simple
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.ingest.inputs import FORMATS, expand
from tamis.pipeline.ingest.installed import list_installed
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.plan import plan
from tamis.pipeline.ingest.run import IngestJob
from tamis.pipeline.ingest.urls import Named

InputsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Files, directories, globs, URLs, @FILE (a list), hf://user/name, installed:",
    ),
]


def register(app: typer.Typer) -> None:
    app.command()(ingest)


def ingest(
    inputs: InputsArgument,
    corpus: o.NewCorpusOption,
    source: Annotated[str | None, typer.Option(help="The source of every document.")] = None,
    text_key: Annotated[str | None, typer.Option(help="Field of the text; may be dotted.")] = None,
    id_key: Annotated[str | None, typer.Option(help="Field of the id.")] = None,
    url_key: Annotated[str | None, typer.Option(help="Field of the URL.")] = None,
    date_key: Annotated[str | None, typer.Option(help="Field of the date.")] = None,
    source_key: Annotated[str | None, typer.Option(help="Field of the source.")] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help=f"Of every file, whatever its name: {', '.join(FORMATS)}."),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Goes before the lines of an @LIST that are no URLs."),
    ] = None,
    html_key: Annotated[str | None, typer.Option(help="Field of a page, if no text.")] = None,
    html_base64_key: Annotated[str | None, typer.Option(help="The same, in base64.")] = None,
    extractor: Annotated[str | None, typer.Option(help="resiliparse or trafilatura.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of plain text and CSV.")] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Of CSV, if the file's header does not show it.")
    ] = None,
    max_document_bytes: Annotated[
        int | None, typer.Option(help="Longer records become error rows.")
    ] = None,
    shard_bytes: Annotated[
        int | None, typer.Option(help="About how much text a shard holds.")
    ] = None,
    set_aside: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIDE=SHARE",
            help="Whole hosts or packages to leave out, such as heldout=0.02,reference=0.05.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the draw of what is set aside.")] = None,
    strict: o.StrictOption = False,
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    workers: o.WorkersOption = None,
    engine: o.EngineOption = o.EngineName.local,
    engine_settings: o.EngineSetOption = None,
    dry_run: o.DryRunOption = False,
    json: o.JsonOption = False,
) -> None:
    """Reads JSONL, CSV, text, Parquet and web archives, plain or compressed, into a corpus."""
    given: dict[str, Any] = {
        "source": source,
        "text_key": text_key,
        "id_key": id_key,
        "url_key": url_key,
        "date_key": date_key,
        "source_key": source_key,
        "format": form,
        "prefix": prefix,
        "html_key": html_key,
        "html_base64_key": html_base64_key,
        "extractor": extractor,
        "encoding": encoding,
        "delimiter": delimiter,
        "max_document_bytes": max_document_bytes,
        "shard_bytes": shard_bytes,
        "set_aside": o.shares(set_aside),
        "seed": seed,
    }
    target = Corpus(corpus)
    named = o.named_recipe(target, recipe, changes)
    chosen = o.ingest_options(named.ingest if named else IngestOptions(), given)
    if dry_run:
        show_plan(inputs, chosen)
        return
    where = o.chosen_engine(engine, engine_settings, workers, quiet=json)
    with target.lock() as lease:
        where.go([IngestJob(target.root, tuple(inputs), chosen, named, strict)], lease)
    if target.exists():
        show(target, json)


def show_plan(arguments: list[str], options: IngestOptions) -> None:
    """Prints what would be read, and into how many shards."""
    inputs = expand(arguments, list_installed, named=Named(options)).inputs
    made = plan(inputs, options.shard_bytes)
    rows = [
        [one.name, one.format, f"{one.bytes / 1e6:,.3f}" if one.bytes >= 0 else "?"]
        for one in inputs[:20]
    ]
    rows += [[f"... and {len(inputs) - 20:,} more", "", ""]] if len(inputs) > 20 else []
    total = sum(max(one.bytes, 0) for one in inputs) / 1e6
    title = f"{len(inputs):,} inputs, {total:,.1f} MB, would become {len(made.shards):,} shards"
    out().print(simple(title, [("input", False), ("format", False), ("MB", True)], rows))


def show(corpus: Corpus, json: bool) -> None:
    """Prints what ingest read and what it became."""
    manifest = corpus.manifest
    if json:
        print_json(manifest.counts)
    else:
        out().print(ingest_table(manifest.counts, len(manifest.inputs), len(manifest.shards)))
