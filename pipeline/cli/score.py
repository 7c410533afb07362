"""tamis score: what a model gives to held-out texts and to tasks, with intervals."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.generate import model_folder
from tamis.pipeline.cli.tables import out, print_json, printable, say, simple
from tamis.pipeline.errors import CallError, WorkError, from_os


class Precision(StrEnum):
    """In what a model computes."""

    fp32 = "fp32"
    bf16 = "bf16"


class Division(StrEnum):
    """What a domain is."""

    file = "file"
    source = "source"


def register(app: typer.Typer) -> None:
    app.command()(score)


def score(
    place: Annotated[
        Path, typer.Argument(metavar="RUN|MODEL", help="What was trained, or a model's folder.")
    ],
    heldout: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR|FILE", help="Held-out documents: JSON lines, Parquet."),
    ] = None,
    tasks: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR|FILE", help="Tasks: files called blimp.jsonl, piqa.jsonl.gz..."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Of the tasks these alone.")
    ] = None,
    by: Annotated[
        Division, typer.Option(help="What a domain is: a file, or the field 'source'.")
    ] = Division.file,
    context: Annotated[
        int | None, typer.Option(help="Tokens that are read at most.", show_default="the model's")
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(help="Tokens by which windows move on.", show_default="half the context"),
    ] = None,
    dtype: Annotated[Precision, typer.Option(help="What it computes in.")] = Precision.fp32,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")] = "cpu",
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch-tokens",
            min=1,
            help="Tokens that are computed at once.",
            show_default="2,048, on a GPU 65,536",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write scores.json.")
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            "--documents", metavar="FILE", help="Write a row a document: .parquet, .jsonl."
        ),
    ] = None,
    json: o.JsonOption = False,
) -> None:
    """Measures a model: bits per byte of held-out texts, minimal pairs, last words, choices."""
    from tamis.model.errors import ModelError
    from tamis.model.score.bits import Unscorable
    from tamis.model.score.heldout import By
    from tamis.model.score.run import Asked
    from tamis.tokenize.errors import TokensError

    for path in (output, rows):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise CallError(f"{path} cannot be written: name a file in a folder that exists")
    names = [name.strip() for name in only.split(",")] if only is not None else None
    asked = Asked(heldout or [], tasks or [], names, By(by.value), context, stride, batch, seed)
    try:
        report = _measured(place, asked, (dtype.value, device), rows, json)
        if output is not None:
            _write(output, report)
    except Unscorable as error:
        raise WorkError(str(error)) from error
    except (ModelError, TokensError) as error:
        raise CallError(str(error)) from error
    except OSError as error:
        raise from_os(error, "the work stopped") from error
    if json:
        print_json(report)
    else:
        _show(report)


def _measured(
    place: Path, asked: Any, means: tuple[str, str], rows: Path | None, quiet: bool
) -> dict[str, Any]:
    """The report, which names the model by its digests; rows are written on the way."""
    from tamis.model.score.folder import opened
    from tamis.model.score.run import score as measure
    from tamis.model.score.run import write_documents

    found = opened(model_folder(place), *means)
    tell = (lambda _: None) if quiet else say
    scores = measure(found.model, found.vocabulary, asked, tell)
    if rows is not None:
        _replace(rows, lambda draft: write_documents(draft, scores.documents))
    return {"model": found.facts, **scores.report()}


def _write(path: Path, report: dict[str, Any]) -> None:
    import orjson

    data = orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n"
    _replace(path, lambda draft: draft.write_bytes(data))


def _replace(path: Path, write: Any) -> None:
    """Writes a file beside its place and moves it there: it is whole or not there."""
    draft = path.with_name(f".draft-{path.name}")
    try:
        write(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _show(report: dict[str, Any]) -> None:
    if bits := report.get("bits_per_byte"):
        rows = [_domain(name, one) for name, one in bits["domains"].items()]
        rows.append(["mean of domains", _figure(bits["macro"]), _ends(bits["macro"]), "", "", ""])
        names = ["bits per byte", "95 %", "documents", "groups", "MB"]
        out().print(simple("Held out", [("", False), *((one, True) for one in names)], rows))
    if tasks := report.get("tasks"):
        rows = [row for name, one in tasks.items() for row in _task(name, one)]
        columns = [("", False), ("", False), ("", True), ("95 %", True), ("chance", True)]
        out().print(simple("Tasks", columns, rows))


def _domain(name: str, one: dict[str, Any]) -> list[str]:
    groups = f"{one['groups']:,}" + (" (few)" if one["few_groups"] else "")
    counts = [f"{one['documents']:,}", groups, f"{one['bytes'] / 1e6:,.2f}"]
    return [printable(name), _figure(one["bits"]), _ends(one["bits"]), *counts]


def _task(name: str, one: dict[str, Any]) -> list[list[str]]:
    rows = list[list[str]]()
    for key, figure in one["figures"].items():
        chance = ""
        if key in one["above_chance"]:
            chance = f"{one['chance']:.3f}" + ("" if one["above_chance"][key] else ", not above")
        rows.append(["" if rows else name, key, _figure(figure), _ends(figure), chance])
    return rows


def _figure(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:.4f}"


def _ends(estimate: dict[str, Any]) -> str:
    return "" if estimate["low"] is None else f"{estimate['low']:.4f} to {estimate['high']:.4f}"
