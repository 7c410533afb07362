"""tamis ablate: what each stage of a recipe is worth, measured."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from tamis.pipeline import recipe as recipes
from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.inputs import amount
from tamis.pipeline.cli.tables import print_json, say
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Local, cores
from tamis.pipeline.errors import CallError, WorkError

ARMS = "raw,cumulative,full,without,random"
DEVICES = ("auto", "cpu", "cuda")


def register(app: typer.Typer) -> None:
    app.command()(ablate)


def ablate(
    corpus: o.CorpusArgument,
    folder: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="EXPERIMENT", help="A new folder, or one to go on with."
        ),
    ],
    recipe: o.RecipeOption = None,
    changes: o.SetOption = None,
    arms: Annotated[
        str, typer.Option(metavar="GROUP,...", help="raw, full, cumulative, without, random.")
    ] = ARMS,
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE", help="Another recipe, held against raw; repeatable."),
    ] = None,
    heldout: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR|FILE",
            help="Held-out domains, a file each; default: what ingest set aside.",
        ),
    ] = None,
    sources: Annotated[
        str | None,
        typer.Option(
            "--heldout-sources", metavar="SOURCE,...", help="Sources set aside that are domains."
        ),
    ] = None,
    preset: Annotated[str, typer.Option(help="The models' size: 300k, 1M, ... 400M.")] = "300k",
    tokens: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="That every arm is trained on; raw on twice as many for its curve.",
            show_default="1M, or what the smallest arm has",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of every arm.")] = 3,
    learning_rate: Annotated[
        float | None, typer.Option(help="Its peak.", show_default="the preset's")
    ] = None,
    batch_tokens: Annotated[
        str | None, typer.Option(metavar="N", help="Tokens of a step.", show_default="the preset's")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=2, help="Tokens of a window.", show_default="the preset's")
    ] = None,
    dtype: Annotated[str, typer.Option(help="fp32 or bf16; the same for all runs.")] = "fp32",
    balance: Annotated[
        bool, typer.Option("--balance", help="Draw the same of every source, while it lasts.")
    ] = False,
    budget: Annotated[
        str,
        typer.Option(
            metavar="tokens|pool",
            help="What all arms have in equal parts: tokens, or raw text to start from, which is "
            "then --tokens; what is left of it is read 4 times at most.",
        ),
    ] = "tokens",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: o.WorkersOption = None,
    dry_run: o.DryRunOption = False,
    json: o.JsonOption = False,
) -> None:
    """Trains small Llamas with and without each stage, and says what the stages are worth."""
    from tamis.model.errors import ModelError
    from tamis.pipeline.ablate.budgets import BUDGETS
    from tamis.pipeline.ablate.prepare import Asked

    target = Corpus.open(corpus)
    if (folder / "corpus.json").exists():
        raise CallError(f"-o {folder} is a corpus: name a folder for the experiment")
    if ":/" in str(folder):
        raise CallError(f"-o {folder}: an experiment lies on this machine: name a local folder")
    if learning_rate is not None and learning_rate <= 0:
        raise CallError(f"--learning-rate {learning_rate:g}: more than 0, or leave it out")
    if device not in DEVICES:
        raise CallError(f"--device {device}: take {', '.join(DEVICES)}")
    if (equal := next((one for one in BUDGETS if one == budget), None)) is None:
        raise CallError(f"--budget {budget}: take {' or '.join(BUDGETS)}")
    chosen = o.chosen_recipe(target, recipe, changes)
    try:
        training, pieces = _training(preset, tokens, learning_rate, batch_tokens, context, dtype)
    except ModelError as error:
        raise CallError(str(error)) from error
    asked = Asked(
        target,
        folder,
        chosen,
        tuple(name.strip() for name in arms.split(",")),
        tuple(recipes.load(name) for name in against or []),
        tuple(range(seeds)),
        training,
        tokens is not None,
        pieces,
        tuple(heldout or []),
        tuple(name.strip() for name in sources.split(",")) if sources else (),
        balance,
        equal,
    )
    if dry_run:
        _preview(asked)
        return
    verdict = _experiment(asked, device, Local(cores(workers), json), json)
    if json:
        print_json(verdict)
        return
    for sentence in verdict["sentences"]:
        typer.echo(sentence)
    say(f"report: {folder / 'report/index.html'}")


def _training(
    preset: str,
    tokens: str | None,
    rate: float | None,
    batch: str | None,
    context: int | None,
    dtype: str,
) -> tuple[Any, int]:
    """How models are trained, and the pieces of their vocabulary."""
    from tamis.model.presets import preset_of
    from tamis.pipeline.ablate.plan import Training

    if dtype not in ("fp32", "bf16"):
        raise CallError(f"--dtype {dtype}: an experiment names fp32 or bf16, as all runs need one")
    found = preset_of(preset)
    made = Training(
        preset,
        found.shape.parameters,
        found.shape.width * (1 if found.shape.tied else 2),
        amount("--tokens", tokens or "1M"),
        found.batch_tokens if batch is None else amount("--batch-tokens", batch),
        found.shape.context if context is None else context,
        found.learning_rate if rate is None else rate,
        dtype,
    )
    if made.batch_tokens % made.context:
        raise CallError(f"--batch-tokens {made.batch_tokens:,} is no multiple of --context")
    return made, found.shape.vocabulary


def _preview(asked: Any) -> None:
    from tamis.pipeline.ablate.arms import arms_of, comparisons_of
    from tamis.pipeline.ablate.plan import whole

    arms = arms_of(asked.recipe, asked.arms, asked.others)
    training = replace(
        asked.training, tokens=whole(asked.training.tokens, asked.training.batch_tokens)
    )
    tokens = sum(max(training.sizes(arm)) for arm in arms) * len(asked.seeds)
    say(f"arms: {', '.join(arm.name for arm in arms)}")
    named = (f"{one.treated} against {one.control}" for one in comparisons_of(arms, asked.recipe))
    say(f"comparisons: {', '.join(named)}")
    most = "at most " if asked.budget == "pool" else ""  # small arms may lower it
    runs = f"{len(arms) * len(asked.seeds)} runs of {asked.training.preset}"
    say(f"{runs}, {most}{tokens:,} tokens in all")


def _experiment(asked: Any, device: str, runner: Local, quiet: bool) -> dict[str, Any]:
    """Everything from the corpus to the report."""
    from tamis.model.errors import ModelError
    from tamis.model.verdict import judge
    from tamis.pipeline.ablate.processes import Slots
    from tamis.pipeline.ablate.run import planned, run
    from tamis.pipeline.report.experiment import publish_experiment

    tell = (lambda _: None) if quiet else say
    with Corpus(asked.out).lock():
        with asked.corpus.lock():
            plan = planned(asked, runner, tell)
        places = _places(device, runner.workers)
        used = "cuda" if "CUDA_VISIBLE_DEVICES" in places[0] else "cpu"
        run(asked.out, plan, Slots(places), used, tell)
        try:
            verdict: dict[str, Any] = judge.write(asked.out)
        except ModelError as error:
            raise WorkError(str(error)) from error
        publish_experiment(asked.out, quiet=quiet)
    return verdict


def _places(device: str, workers: int) -> list[dict[str, str]]:
    """What each process that runs at a time is told: its GPU, or that it has one core."""
    if device != "cpu":
        from tamis.model.devices import cards

        # The names that this process was given: those of others are not to be taken.
        given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        found = cards()
        names = [name.strip() for name in given if name.strip()] or list(map(str, range(found)))
        if found:
            return [{"CUDA_VISIBLE_DEVICES": name} for name in names[:found]]
        if device == "cuda":
            raise CallError("--device cuda: there is no GPU that torch can use: take --device cpu")
    # The same bits with any number of cores; two processes of one thread are faster than one of
    # two for models as small as those that a CPU trains.
    return [{"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} for _ in range(workers)]
