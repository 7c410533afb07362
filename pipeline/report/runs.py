"""Losses during training, from the metrics.jsonl of the runs: one curve an arm, thinned out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

MOST = 200
"""Points of a curve."""
METRICS = "metrics.jsonl"


def curve(files: Sequence[Path]) -> list[dict[str, float]]:
    """Trained tokens and loss, in nats a token, mean over the runs and over stretches of steps.

    Only steps that every run has taken count: a mean over fewer runs would jump where one ends.
    """
    runs = [_losses(file) for file in files]
    if not runs:
        return []
    shared = sorted(set.intersection(*(set(run) for run in runs)))
    every = -(-len(shared) // MOST) or 1
    points = []
    for first in range(0, len(shared), every):
        steps = shared[first : first + every]
        losses = [run[tokens] for tokens in steps for run in runs]
        points.append({"tokens": steps[-1], "loss": sum(losses) / len(losses)})
    return points


def _losses(file: Path) -> dict[int, float]:
    """By trained tokens; a last line that was cut while it was written is left out."""
    found: dict[int, float] = {}
    for line in file.read_bytes().splitlines():
        try:
            row = orjson.loads(line)
            found[int(row["tokens"])] = float(row["loss"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            break
    return found


def training(folder: Path, arm: dict[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """The curves of an arm: of its runs, and of the branches that end earlier."""
    runs = {seed: folder / "runs" / arm["name"] / str(seed) for seed in seeds}
    there = [seed for seed, run in runs.items() if (run / METRICS).is_file()]
    branches = []
    for tokens in arm["sizes"][:-1]:
        files = [runs[seed] / "branches" / str(tokens) / METRICS for seed in there]
        if files and all(file.is_file() for file in files):
            branches.append({"tokens": tokens, "points": curve(files)})
    return {
        "arm": arm["name"],
        "seeds": there,
        "points": curve([runs[seed] / METRICS for seed in there]),
        "branches": branches,
    }
