"""tamis generate: text by a model, for looking at it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tamis.pipeline.cli.tables import printable
from tamis.pipeline.errors import CallError


def register(app: typer.Typer) -> None:
    app.command()(generate)


def generate(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|MODEL_DIR", help="A run of `tamis train`, or a model's folder."
        ),
    ],
    prompt: Annotated[str, typer.Option(help="How the document begins.")] = "",
    tokens: Annotated[int, typer.Option(min=1, help="At most so many more.")] = 200,
    temperature: Annotated[float, typer.Option(help="0 takes the most likely token.")] = 0.8,
    top_p: Annotated[
        float, typer.Option(help="Only the most likely tokens of this probability together.")
    ] = 0.95,
    top_k: Annotated[int, typer.Option(help="Only so many of the most likely; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=(1 << 63) - 1, help="Of what is drawn.")] = 0,
) -> None:
    """Writes text by a model, token after token, until its document ends."""
    from tamis.model import generate as g
    from tamis.model.errors import ModelError
    from tamis.tokenize.errors import TokensError

    try:
        sampling = g.Sampling(temperature, top_p, top_k, seed)
        model, vocabulary = load_model(place)
        start = g.prompt_tokens(vocabulary, prompt)
        more = g.generate(model, start, tokens, sampling, vocabulary.eos)
        sys.stdout.write(printable(prompt))
        for text in g.texts(vocabulary, more):
            sys.stdout.write(printable(text))
            sys.stdout.flush()
    except (ModelError, TokensError) as error:
        raise CallError(str(error)) from error
    sys.stdout.write("\n")


def load_model(place: Path) -> tuple[Any, Any]:
    """The Llama of a run or of a folder and its vocabulary; CallError says why there is none."""
    from tamis.model.errors import ModelError
    from tamis.model.export import load

    try:
        return load(model_folder(place))
    except ModelError as error:
        raise CallError(str(error)) from error


def model_folder(place: Path) -> Path:
    """The folder of a run's model, or the folder itself."""
    if not place.is_dir():
        raise CallError(f"{place} is no folder: name a run of `tamis train`, or a model's folder")
    if (place / "run.json").exists():
        if not (place / "model").is_dir():
            raise CallError(f"the run {place} has no model yet: `tamis train` writes it at the end")
        return place / "model"
    return place
