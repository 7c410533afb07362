"""tamis train: a compact Llama, trained on tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.inputs import amount
from tamis.pipeline.cli.tables import print_json, say
from tamis.pipeline.errors import CallError, WorkError, from_os

if TYPE_CHECKING:
    from tamis.tokenize.mixture import Component

HALVES = {"¼": "1/4", "½": "1/2", "¾": "3/4", "⅛": "1/8"}


class ScheduleName(StrEnum):
    """How the learning rate goes down."""

    wsd = "wsd"
    cosine = "cosine"


class Dtype(StrEnum):
    """What products are calculated in; weights are float32."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


def register(app: typer.Typer) -> None:
    app.command()(train)


def train(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="TOKENS...", help="What `tamis tokenize` has written; several as TOKENS=WEIGHT."
        ),
    ],
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="RUN", help="The run: a new folder, or to go on."),
    ],
    preset: Annotated[str, typer.Option(help="The model's size: 300k, 1M, ... 400M.")] = "5M",
    tokens: Annotated[
        str, typer.Option(metavar="N", help="To train on: 500k, 100M, 1G; batches are whole.")
    ] = "100M",
    seed: Annotated[int, typer.Option(min=0, help="Of weights and order.")] = 0,
    context: Annotated[
        int | None, typer.Option(min=2, help="Tokens of a window.", show_default="the preset's")
    ] = None,
    batch_tokens: Annotated[
        str | None,
        typer.Option(metavar="N", help="Tokens of a step.", show_default="the preset's"),
    ] = None,
    micro_batch: Annotated[
        int | None,
        typer.Option(min=1, help="Windows at once on a rank: less memory, the same losses."),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Its peak.", show_default="the preset's")
    ] = None,
    warmup: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Tokens until it is reached.",
            show_default="as many as parameters, a tenth of the run at most",
        ),
    ] = None,
    schedule: Annotated[
        ScheduleName, typer.Option(help="A plateau and a decay at its end, or a cosine.")
    ] = ScheduleName.wsd,
    decay_at: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE,...",
            help="Decay a branch of the plateau at these shares of the tokens too: 1/4,1/2,1.",
        ),
    ] = None,
    dtype: Annotated[Dtype, typer.Option(help="What products are calculated in.")] = Dtype.auto,
    compiled: Annotated[
        bool | None,
        typer.Option("--compile/--no-compile", help="By torch.compile; default: if it pays."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    checkpoint_every: Annotated[
        int | None,
        typer.Option(min=1, metavar="STEPS", help="How often.", show_default="a tenth of the run"),
    ] = None,
    keep: Annotated[int, typer.Option(min=1, help="Checkpoints that stay.")] = 2,
    grad_checkpoint: Annotated[
        bool, typer.Option("--grad-checkpoint", help="Calculate twice, for less memory.")
    ] = False,
    sources: Annotated[
        str | None,
        typer.Option(metavar="NAME=WEIGHT,...", help="Sources of TOKENS, by shares of tokens."),
    ] = None,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Read windows as they are in TOKENS.")
    ] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same bits on a GPU too, if slower.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write what TensorBoard draws, too.")
    ] = False,
    json: o.JsonOption = False,
) -> None:
    """Trains a compact Llama on tokens; the same command goes on where it was.

    Under torchrun on several processes, which share each batch.
    """
    with _errors():
        from tamis.model.devices import place
        from tamis.model.plan import Settings, plan
        from tamis.model.train import train as run

        settings = Settings(
            preset,
            amount("--tokens", tokens),
            seed,
            context,
            _amount("--batch-tokens", batch_tokens),
            micro_batch,
            learning_rate,
            _amount("--warmup", warmup),
            schedule.value,
            _shares(decay_at),
            checkpoint_every,
            keep,
            grad_checkpoint,
            deterministic,
            tensorboard,
            not in_order,
        )
        planned = plan(settings, _components(inputs, sources))
        flops = planned.shape.flops(planned.steps * planned.batch_tokens)
        where = place(device, dtype.value, compiled, flops)
        result = run(planned, where, folder, say, quiet=json)
    if where.rank:
        return
    if json:
        print_json(result)
    elif result["done"]:
        say(
            f"loss {result['loss']:.4f} nats a token after {result['tokens']:,} tokens in "
            f"{result['seconds']:,.1f} s ({result['tokens_per_second']:,.0f} tokens/s, first step "
            f"{result['first_step_seconds']:.1f} s): {result['model']}"
        )


@contextmanager
def _errors() -> Iterator[None]:
    """What goes wrong becomes the error of a command."""
    from tamis.model.errors import ModelError, TrainingError
    from tamis.tokenize.errors import Corrupt, TokensError

    try:
        yield
    except Corrupt as error:
        raise WorkError(f"{error}: write these tokens again, or copy them again") from error
    except TrainingError as error:
        raise WorkError(str(error)) from error
    except (ModelError, TokensError) as error:
        raise CallError(str(error)) from error
    except OSError as error:
        raise from_os(error, "the training stopped") from error


def _components(inputs: Sequence[str], sources: str | None) -> list[Component]:
    """What is trained on, with weights if they were given."""
    from tamis.tokenize.mixture import Component, by_source
    from tamis.tokenize.tokens import Tokens

    named = [_weighted(one) for one in inputs]
    if sources is None:
        return [Component(Tokens.open(path), weight) for path, weight in named]
    if len(named) > 1 or named[0][1] is not None:
        raise CallError("--sources is for one folder of tokens: give each a weight, or none")
    opened = Tokens.open(named[0][0])
    shares = {}
    for part in sources.split(","):
        name, weight = _weighted(part)
        if weight is None:
            raise CallError(f"--sources {part}: expected NAME=WEIGHT, web=0.7 say")
        if name not in opened.facts["sources"]:
            there = ", ".join(sorted(opened.facts["sources"]))
            raise CallError(f"{named[0][0]} has no source {name}: it has {there}")
        shares[name] = weight
    return by_source(opened, shares)


def _weighted(text: str) -> tuple[str, float | None]:
    """A name and the weight after its last `=`, if it has one."""
    name, _, weight = text.rpartition("=")
    if not name:
        return text, None
    try:
        return name, float(weight)
    except ValueError:
        if Path(text).exists():
            return text, None
        raise CallError(f"{text}: {weight!r} is no weight: write {name}=0.5 say") from None


def _amount(option: str, text: str | None) -> int | None:
    return None if text is None else amount(option, text)


def _shares(text: str | None) -> tuple[float, ...]:
    """`1/4,0.5,1` as numbers."""
    try:
        parts = (text or "1").split(",")
        return tuple(float(Fraction(HALVES.get(one.strip(), one.strip()))) for one in parts)
    except (ValueError, ZeroDivisionError):
        raise CallError(f"--decay-at {text}: expected shares of the tokens: 1/4,1/2,1") from None
