"""tamis tokens: folders of tokens described, checked, shown, and written for other trainers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import out, print_json, printable, say, simple
from tamis.pipeline.errors import CallError, WorkError, from_os

if TYPE_CHECKING:
    from tamis.tokenize.tokens import Tokens

BAR = 40  # characters of the longest bar

tokens = typer.Typer(no_args_is_help=True, help="Folders of tokens: info, show, convert.")

FolderArgument = Annotated[
    Path, typer.Argument(metavar="TOKENS", help="What `tamis tokenize` has written.")
]


class Form(StrEnum):
    """Whose files tokens are converted to."""

    megatron = "megatron"
    olmo = "olmo"


def register(app: typer.Typer) -> None:
    app.add_typer(tokens, name="tokens")


@contextmanager
def _opened(folder: Path) -> Iterator[Tokens]:
    """The tokens of a folder; what is wrong with them becomes the error of a command."""
    from tamis.tokenize.errors import Corrupt, TokensError
    from tamis.tokenize.tokens import Tokens

    try:
        yield Tokens.open(folder)
    except Corrupt as error:
        raise WorkError(
            f"{error}: write these tokens again, or copy them again from where they came"
        ) from error
    except TokensError as error:
        raise CallError(str(error)) from error
    except OSError as error:
        raise from_os(error, "the work stopped") from error


@tokens.command()
def info(
    folder: FolderArgument,
    check: Annotated[
        bool, typer.Option("--check", help="Read every file, and say which is not as written.")
    ] = False,
    json: o.JsonOption = False,
) -> None:
    """Says what tokens are: of what, how many, by which vocabulary; with --check, whether whole."""
    from tamis.pipeline.tokens.described import described

    with _opened(folder) as opened:
        facts = described(opened)
        faults = list(opened.faults()) if check else []
        if check:
            facts["faults"] = faults
        if json:
            print_json(facts)
        else:
            _describe(facts)
        if faults:
            raise WorkError("\n".join([*faults, f"{folder} is damaged: write these tokens again"]))
        if check and not json:
            say(f"every file of {folder} is as it was written")


def _describe(facts: dict[str, Any]) -> None:
    vocabulary, shards = facts["vocabulary"], facts["shards"]
    order = f"shuffled, seed {facts['seed']}" if facts["shuffled"] else "in the order they came"
    marks = [name.upper() for name in ("bos", "eos") if facts[name]]
    pieces = f"{vocabulary['size']:,} pieces, SHA-256 {vocabulary['sha256'][:12]}..."
    rows = [
        ["vocabulary", pieces],
        ["documents", f"{order}; each with {' and '.join(marks) or 'neither BOS nor EOS'}"],
        ["shards", f"{len(shards):,}, of {facts['token_bytes']} bytes a token"],
        *_origin(facts["from"]),
    ]
    out().print(simple(f"Tokens {facts['tokens_path']}", [("", False), ("", False)], rows))
    names = ("documents", "tokens", "share", "MB of text", "bytes per token")
    counts = [_row(printable(name), one, facts["tokens"]) for name, one in facts["sources"].items()]
    every = _row("all", facts, facts["tokens"])
    columns = [("source", False), *((name, True) for name in names)]
    out().print(simple("Sources", columns, [*counts, every]))
    most = max((one["documents"] for one in facts["lengths"]), default=1)
    rows = [
        [f"{one['from']:,}", f"{one['to']:,}", f"{one['documents']:,}", _bar(one, most)]
        for one in facts["lengths"]
    ]
    columns = [("from", True), ("to", True), ("documents", True), ("", False)]
    out().print(simple("Documents by length in tokens", columns, rows))


def _origin(facts: dict[str, Any]) -> list[list[str]]:
    """Which documents the tokens were made from, and by which recipe."""
    rows = []
    if digest := facts.get("documents"):
        rows.append(["documents' digest", printable(str(digest))])
    if recipe := facts.get("recipe"):
        stages = ", ".join(map(str, facts.get("fingerprints", {}))) or "no stage"
        name = recipe.get("name", "") if isinstance(recipe, dict) else recipe
        rows.append(["recipe", printable(f"{name}: {stages}")])
    if missing := facts.get("took_no_part"):
        rows.append(["took no part", printable(", ".join(map(str, missing)))])
    return rows


def _row(name: str, counts: dict[str, Any], tokens: int) -> list[str]:
    from tamis.pipeline.tokens.described import per_token

    per = per_token(counts)
    return [
        name,
        f"{counts['documents']:,}",
        f"{counts['tokens']:,}",
        f"{100 * counts['tokens'] / max(1, tokens):.2f} %",
        f"{counts['bytes'] / 1e6:,.2f}",
        "" if per is None else f"{per:.3f}",
    ]


def _bar(one: dict[str, int], most: int) -> str:
    """At least a sliver of what is there at all."""
    return "#" * -(-BAR * one["documents"] // most)


@tokens.command()
def show(
    folder: FolderArgument,
    number: Annotated[
        int | None, typer.Argument(metavar="N", help="A document, from 0.", show_default="0")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Documents of this id.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(metavar="W", help="A window of the tokens in order, from 0.")
    ] = None,
    length: Annotated[int, typer.Option(min=1, help="Tokens of a window.")] = 1024,
    pieces: Annotated[bool, typer.Option("--pieces", help="Part tokens by a line.")] = False,
    json: o.JsonOption = False,
) -> None:
    """Shows a document, or a window, as text: special tokens by name, other bytes escaped."""
    from tamis.pipeline.tokens import shown

    if sum(one is not None for one in (number, name, window)) > 1:
        raise CallError("name one of N, --id and --window")
    with _opened(folder) as opened:
        if window is not None:
            parts = shown.window(opened, window, length)
        elif name is not None:
            parts = [shown.whole(opened.document(place)) for place in opened.find(name)]
        else:
            parts = [shown.whole(opened.document(number or 0))]
        if not parts:
            raise CallError(f"{folder} has no document of id {name!r}: N is its number, from 0")
        for part in parts:
            part["text"] = shown.text(opened.vocabulary, part, pieces)
    if json:
        print_json(parts)
        return
    for part in parts:
        typer.echo(printable(f"--- {shown.heading(part)}"))
        typer.echo(printable(part["text"]))


@tokens.command()
def convert(
    folder: FolderArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="A folder that is made.")
    ],
    form: Annotated[Form, typer.Option("--format", help="Whose files.")],
) -> None:
    """Writes tokens as another trainer reads them, with their vocabulary; see docs/tokens.md."""
    from tamis.tokenize.convert import convert as write

    with _opened(folder) as opened:
        write(opened, output, form)
        say(f"{opened.facts['tokens']:,} tokens written to {output} as {form} reads them")
