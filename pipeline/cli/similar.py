"""tamis similar: the nearest documents of a text."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import out, print_json, printable, say, simple
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError

if TYPE_CHECKING:
    from tamis.pipeline.dedup.similar import Answer

SHOWN = 80  # characters of text


def register(app: typer.Typer) -> None:
    app.command()(similar)


def similar(
    corpus: o.CorpusArgument,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The text; - for standard input.")],
    count: Annotated[int, typer.Option("-n", min=1, help="How many documents to name.")] = 10,
    stage: o.DedupStageOption = None,
    json: o.JsonOption = False,
) -> None:
    """Names the documents that are nearest to a text, with similarities."""
    from tamis.pipeline.dedup.similar import similar as find  # loads Numba

    target = Corpus.open(corpus)
    answer = find(target, o.chosen_recipe(target, None, None), _text(file), count, stage)
    if json:
        print_json({**asdict(answer), "nearest": [asdict(near) for near in answer.nearest]})
        return
    _show(answer)


def _text(file: str) -> str:
    """The text of a file; raises CallError if there is none, or none in UTF-8."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CallError(f"cannot read {file}: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CallError(
            f"{file} is not UTF-8 (byte {error.start:,}): convert it first, with iconv say"
        ) from None


def _show(answer: Answer) -> None:
    rows = [
        [
            printable(near.id),
            near.key,
            f"{near.similarity:.3f}",
            f"{near.estimate:.3f}",
            "kept" if near.kept else "rejected",
            " ".join(printable(near.text[:SHOWN]).split()),
        ]
        for near in answer.nearest
    ]
    columns = [
        ("", False),
        ("place", False),
        ("similarity", True),
        ("estimated", True),
        ("", False),
        ("text", False),
    ]
    if rows:
        out().print(simple("", columns, rows))
    say(f"{answer.candidates:,} of {answer.signed:,} documents share a band with the text")
