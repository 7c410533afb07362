"""Small trainings for tests: seconds, on a vocabulary of 400 pieces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tamis.model.devices import Place
from tamis.model.metrics import read
from tamis.model.plan import Settings, plan
from tamis.model.train import train
from tamis.tokenize.mixture import Component
from tamis.tokenize.tokens import Tokens

CPU = Place(torch.device("cpu"), torch.float32, compiled=False)
SMALL = Settings(
    preset="300k",
    tokens=20 * 512,
    context=64,
    batch_tokens=512,
    learning_rate=0.015,
    warmup=1024,
    checkpoint_every=4,
)


def trained(
    tokens: Path, folder: Path, settings: Settings = SMALL, /, **changes: Any
) -> dict[str, Any]:
    """A run in a folder; the result has what was said as well."""
    said: list[str] = []
    place = changes.pop("place", CPU)
    planned = plan(replace(settings, **changes), [Component(Tokens.open(tokens))])
    return {**train(planned, place, folder, said.append, quiet=True), "said": said}


def losses(folder: Path) -> list[tuple[int, float, float]]:
    """Step, loss and norm of the gradient of every line, to the last bit."""
    return [(row["step"], row["loss"], row["grad_norm"]) for row in read(folder / "metrics.jsonl")]
