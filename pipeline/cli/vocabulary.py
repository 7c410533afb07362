"""tamis vocabulary: vocabularies learnt from text, and what they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.inputs import amount, corpus_of, files_of
from tamis.pipeline.cli.tables import out, print_json, printable, say, simple
from tamis.pipeline.engine import Local, cores
from tamis.pipeline.errors import CallError, from_os
from tamis.pipeline.ingest.options import IngestOptions

if TYPE_CHECKING:
    from tamis.pipeline.sift import Sift
    from tamis.tokenize.vocabulary import Vocabulary

vocabulary = typer.Typer(no_args_is_help=True, help="Vocabularies for models: train, info.")
WIDTHS = (512, 1024, 4096)
LANGUAGES = 20  # in the table for people; all are in the JSON

InputsArgument = Annotated[
    list[str],
    typer.Argument(metavar="INPUT", help="One corpus, or whatever ingest reads: files, URLs, ..."),
]
SampleOption = Annotated[str, typer.Option(help="Bytes of text to look at: 500k, 100M, 1G.")]
SeedOption = Annotated[int, typer.Option(help="Of the sample.")]
TextKeyOption = Annotated[str | None, typer.Option(help="Field of the text; may be dotted.")]


def register(app: typer.Typer) -> None:
    app.add_typer(vocabulary, name="vocabulary")


@vocabulary.command()
def train(
    inputs: InputsArgument,
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The vocabulary: a new folder.")
    ],
    size: Annotated[
        int, typer.Option("--vocab-size", min=260, max=1 << 20, help="Tokens, all kinds.")
    ] = 32_000,
    sample: SampleOption = "100M",
    seed: SeedOption = 0,
    special: Annotated[
        list[str] | None,
        typer.Option(metavar="TOKEN", help='A special token more, such as "<|pad|>".'),
    ] = None,
    coverage: Annotated[
        float, typer.Option(min=0.98, max=1.0, help="Share of characters that are tokens.")
    ] = 0.9999,
    text_key: TextKeyOption = None,
    workers: o.WorkersOption = None,
    json: o.JsonOption = False,
) -> None:
    """Learns a vocabulary that loses nothing: SentencePiece BPE as Llama's."""
    from tamis.pipeline.tokens.learn import Settings, learn
    from tamis.tokenize.errors import TokensError
    from tamis.tokenize.training import check_specials

    settings = Settings(size, amount("--sample", sample), seed, tuple(special or ()), coverage)
    try:
        check_specials(settings.specials)
    except TokensError as error:
        raise CallError(f"--special: {error}") from None
    whole = folder.resolve()  # which has a name, as "." has none
    draft = whole.with_name(f".{whole.name}.draft")
    try:
        if folder.exists() and any(folder.iterdir()):
            raise CallError(f"{folder} is not empty: a vocabulary wants a folder of its own")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        with _sifted(inputs, folder, text_key, workers, json) as sift:
            learn(sift, draft, settings, json, ", ".join(inputs))
        if whole.exists():
            whole.rmdir()
        draft.rename(whole)
    except OSError as error:
        raise from_os(error, f"cannot write {folder}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _show(folder, _facts(folder), json)


@vocabulary.command()
def info(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A vocabulary's folder, or a tokenizer.model.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help="Text to measure it on: a corpus, files, ..."),
    ] = None,
    sample: SampleOption = "4M",
    seed: SeedOption = 1,
    text_key: TextKeyOption = None,
    workers: o.WorkersOption = None,
    json: o.JsonOption = False,
) -> None:
    """Says what a vocabulary is, and how many bytes its tokens stand for."""
    from tamis.pipeline.tokens.learn import measured
    from tamis.pipeline.tokens.sample import draw

    facts = _facts(folder)
    if inputs:
        with _sifted(inputs, None, text_key, workers, quiet=True) as sift:
            parts = list(draw(sift, amount("--sample", sample), seed))
        facts["fertility"] = measured(_load(folder), parts)
    _show(folder, facts, json)


@contextmanager
def _sifted(
    inputs: Sequence[str],
    folder: Path | None,
    text_key: str | None,
    workers: int | None,
    quiet: bool,
) -> Iterator[Sift]:
    """What a corpus keeps by its recipe, exactly as `write` decides; or all of other inputs."""
    from tamis.pipeline import recipe as recipes
    from tamis.pipeline.answer import check_whole, settle_jobs
    from tamis.pipeline.sift import Sift
    from tamis.pipeline.texts import temporary_corpus

    corpus = corpus_of(inputs)
    if corpus is None:
        options = o.ingest_options(IngestOptions(), {"text_key": text_key})
        named = [one for argument in inputs for one in files_of(argument, folder)]
        with temporary_corpus(named, options, workers, quiet) as made:
            yield Sift(made, recipes.nothing())
        return
    recipe = o.chosen_recipe(corpus, None, None)
    engine = Local(cores(workers), quiet)
    with corpus.lock():
        if not corpus.read_only:
            engine.go(settle_jobs(corpus.root, recipe))
        check_whole(Sift(corpus, recipe), engine)
        yield Sift(corpus, recipe)


def _load(folder: Path) -> Vocabulary:
    from tamis.tokenize.errors import TokensError
    from tamis.tokenize.vocabulary import load

    try:
        return load(folder)
    except TokensError as error:
        raise CallError(str(error)) from error


def _facts(folder: Path) -> dict[str, Any]:
    """What vocabulary.json says, if it is of this model; else what the model itself does."""
    from tamis.pipeline.files import read_json
    from tamis.tokenize.export import FACTS, specials

    loaded = _load(folder)
    facts = loaded.path.with_name(FACTS)
    own = {"size": loaded.size, "sha256": loaded.digest, "specials": specials(loaded)}
    try:
        written = read_json(facts)
    except FileNotFoundError:
        return own
    if not isinstance(written, dict) or written.get("sha256") != loaded.digest:
        say(f"tamis: {facts} is of another model: leaving it aside")
        return own
    return {**written, **own}


def _show(place: Path, facts: dict[str, Any], json: bool) -> None:
    if json:
        print_json(facts)
        return
    specials = " ".join(f"{name}={n}" for name, n in facts["specials"].items())
    rows = [
        ["tokens", f"{facts['size']:,}"],
        ["special", printable(specials)],
        ["sha256", facts["sha256"]],
    ]
    if text := facts.get("sample"):
        rows.append(["learnt from", f"{text['documents']:,} documents, {text['bytes']:,} bytes"])
    out().print(simple(f"Vocabulary {place}", [("", False), ("", False)], rows))
    if found := facts.get("fertility"):
        _show_groups(found)
        _show_sizes(found["sizes"])


def _show_groups(found: dict[str, Any]) -> None:
    names = ["documents", "MB", "bytes per token", "tokens per document"]
    rows = [_row("all", found["all"])]
    for title, kind in (("source", "sources"), ("language", "languages")):
        groups = sorted(found[kind].items(), key=lambda item: (-item[1]["bytes"], item[0]))
        rows += [_row(f"{title} {name or '(none)'}", row) for name, row in groups[:LANGUAGES]]
        if left := len(groups) - LANGUAGES:
            rows += [[f"and {left} more (--json)", "", "", "", ""]] if left > 0 else []
    out().print(simple("Fertility", [("", False), *((n, True) for n in names)], rows))


def _row(name: str, row: dict[str, Any]) -> list[str]:
    each, length = row["bytes_per_token"], row["tokens_per_document"]
    size = f"{row['bytes'] / 1e6:,.2f}"
    figures = ["" if each is None else f"{each:.3f}", "" if length is None else f"{length:,.0f}"]
    return [printable(name), f"{row['documents']:,}", size, *figures]


def _show_sizes(sizes: list[dict[str, Any]]) -> None:
    reference = next((row["size"] for row in sizes if row["saved"] == 0), 0)
    names = ["size", "bytes per token", f"tokens saved against {reference:,}"]
    widths = [f"embedding {width:,} wide" for width in WIDTHS]
    rows = [
        [
            f"{row['size']:,}",
            "" if row["bytes_per_token"] is None else f"{row['bytes_per_token']:.3f}",
            "" if row["saved"] is None else f"{100 * row['saved']:.1f} %",
            *(f"{row['size'] * width / 1e6:,.1f} M" for width in WIDTHS),
        ]
        for row in sizes
    ]
    columns = [(name, True) for name in [*names, *widths]]
    out().print(simple("By size, every smaller one a part of it", columns, rows))
