"""An experiment from its plan on: trainings, scores, verdict and report."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tamis.pipeline import files
from tamis.pipeline.ablate.plan import PLAN, differing
from tamis.pipeline.ablate.prepare import Asked, Preparation, Say
from tamis.pipeline.ablate.processes import Slots, Task
from tamis.pipeline.engine import Local
from tamis.pipeline.errors import CallError


def planned(asked: Asked, runner: Local, say: Say) -> dict[str, Any]:
    """The plan that is there, or a new one; CallError for one of other arguments."""
    path = asked.out / PLAN
    if not path.exists():
        return Preparation(asked, runner, say).prepare()
    plan: dict[str, Any] = files.read_json(path)
    if wrong := differing(plan["asked"], asked.fields):
        raise CallError(
            f"{asked.out} was begun with other arguments ({'; '.join(wrong[:3])}): repeat those to "
            "go on, or name another folder"
        )
    return plan


def run(out: Path, plan: Mapping[str, Any], slots: Slots, device: str, say: Say) -> None:
    """Trains and scores whatever is left of a plan."""
    left = [task for task in tasks(out, plan, device) if task.commands]
    every = sum(len(arm["sizes"]) > 0 for arm in plan["arms"]) * len(plan["seeds"])
    started, numbers = time.monotonic(), itertools.count(1)

    def done(task: Task) -> None:
        number = next(numbers)
        seconds = time.monotonic() - started
        rest = seconds / number * (len(left) - number)
        say(f"{task.name}: run {every - len(left) + number} of {every}, {rest:,.0f} s left")

    slots.run(left, done)


def tasks(out: Path, plan: Mapping[str, Any], device: str) -> Iterator[Task]:
    """What there is to do for each arm and seed, the longest first; of what is done, nothing."""
    pairs = itertools.product(plan["seeds"], plan["arms"])
    for seed, arm in sorted(pairs, key=lambda pair: -max(pair[1]["sizes"])):
        folder = out / "runs" / arm["name"] / str(seed)
        missing = [size for size in arm["sizes"] if not scores(folder, size).exists()]
        commands: list[Sequence[str]] = []
        if missing:
            commands.append(training(out, plan, arm, seed, device))
            commands += [scoring(out, folder, arm, size, device) for size in missing]
        log = out / "logs" / f"{arm['name']}-{seed}"
        name, model = f"{arm['name']}, seed {seed}", folder / "model"
        yield Task(name, commands, log, scores(folder, 0).parent, model)


def training(
    out: Path, plan: Mapping[str, Any], arm: Mapping[str, Any], seed: int, device: str
) -> list[str]:
    """The command that trains an arm with a seed."""
    how, most = plan["training"], max(arm["sizes"])
    shares = ",".join(f"{size}/{most}" for size in arm["sizes"])
    options = {
        "--output": out / "runs" / arm["name"] / str(seed),
        "--preset": how["preset"],
        "--tokens": most,
        "--seed": seed,
        "--context": how["context"],
        "--batch-tokens": how["batch_tokens"],
        "--learning-rate": how["learning_rate"],
        "--warmup": how["warmup"],
        "--schedule": how["schedule"],
        "--decay-at": shares,
        "--dtype": how["dtype"],
        "--device": device,
    }
    tokens = out / "arms" / arm["name"] / "tokens" / str(seed)
    written = [str(one) for pair in options.items() for one in pair]
    return ["train", str(tokens), *written, "--in-order", "--json"]


def scoring(out: Path, folder: Path, arm: Mapping[str, Any], size: int, device: str) -> list[str]:
    """The command that scores a run at a size."""
    last = size == max(arm["sizes"])
    model = folder / "model" if last else folder / "branches" / str(size) / "model"
    rows = scores(folder, size)
    return [
        *("score", str(model), "--heldout", str(out / "heldout"), "--documents", str(rows)),
        *("-o", str(rows.with_suffix(".json")), "--device", device),
        "--json",
    ]


def scores(folder: Path, size: int) -> Path:
    """Where the scores of a run at a size are."""
    return folder / "scores" / f"{size}.parquet"
