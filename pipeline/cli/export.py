"""tamis export: the model of a run, as other libraries read it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tamis.pipeline.cli.generate import load_model
from tamis.pipeline.cli.tables import say
from tamis.pipeline.errors import CallError


class Type(StrEnum):
    float32 = "float32"
    bfloat16 = "bfloat16"


def register(app: typer.Typer) -> None:
    app.command()(export)


def export(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|MODEL_DIR", help="A run of `tamis train`, or a model's folder."
        ),
    ],
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to make.")
    ],
    of_type: Annotated[Type, typer.Option("--dtype", help="Of the weights.")] = Type.float32,
) -> None:
    """Writes a model as a LlamaForCausalLM folder, which transformers and others load."""
    from tamis.model.errors import ModelError
    from tamis.model.export import export as write

    model, vocabulary = load_model(place)
    try:
        write(model, vocabulary, folder, of_type.value)
    except ModelError as error:
        raise CallError(str(error)) from error
    say(f"{model.shape.parameters:,} parameters in {folder}")
