"""The commands of `tamis`, and how an error reaches its user."""

from __future__ import annotations

import signal
import sys
from importlib import metadata
from types import FrameType
from typing import Annotated

import typer

from tamis.pipeline.cli import (
    ablate,
    apply,
    encode,
    export,
    generate,
    index,
    ingest,
    lm,
    recipes,
    report,
    run,
    score,
    similar,
    stages,
    status,
    tokens,
    train,
    vocabulary,
    why,
    write,
)
from tamis.pipeline.cli.tables import say
from tamis.pipeline.errors import Stopped, TamisError, from_os

app = typer.Typer(
    name="tamis",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"tamis {metadata.version('tamis')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Sifts raw text into pretraining corpora and explains every document it rejects."""


for module in (
    *(run, ingest, stages, write, apply, why, similar, index, report, status, recipes, lm),
    *(vocabulary, encode, tokens, train, score, export, generate, ablate),
):
    module.register(app)


def run_command() -> None:
    """Runs a command; exit codes are 0 done, 1 the work failed, 2 the call was wrong."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        app()
    except TamisError as error:
        say(f"tamis: {error}")
        sys.exit(error.exit_code)
    except Stopped:
        say("tamis: stopped; the same command goes on where it was")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        say(f"tamis: {from_os(error, 'the work stopped')}")
        sys.exit(1)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
