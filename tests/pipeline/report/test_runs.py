"""Training curves: means over runs and stretches of steps."""

from __future__ import annotations

import json
from pathlib import Path

from tamis.pipeline.report.runs import MOST, curve, training


def written(path: Path, losses: list[float]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"step": n, "tokens": 10 * n, "loss": loss} for n, loss in enumerate(losses, 1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_curve_is_the_mean_of_what_all_runs_have(tmp_path: Path) -> None:
    """The steps that one run alone has taken are not the others' loss."""
    one = written(tmp_path / "one.jsonl", [4.0, 3.0, 2.0])
    other = written(tmp_path / "other.jsonl", [6.0, 5.0])
    with other.open("a") as file:
        file.write('{"step": 3, "tok')  # cut while it was written
    points = [(point["tokens"], point["loss"]) for point in curve([one, other])]
    assert points == [(10, 5.0), (20, 4.0)]
    assert curve([]) == [] and curve([written(tmp_path / "none.jsonl", [])]) == []


def test_a_long_curve_is_thinned_out(tmp_path: Path) -> None:
    """Means over stretches: every step has a say, the last point is the end."""
    losses = [float(n % 7) for n in range(1, 1001)]
    points = curve([written(tmp_path / "long.jsonl", losses)])
    assert len(points) == MOST and points[-1]["tokens"] == 10_000
    assert points[0]["loss"] == sum(losses[:5]) / 5
    assert abs(sum(point["loss"] for point in points) / MOST - sum(losses) / 1000) < 1e-9


def test_branches_are_curves_of_their_own(tmp_path: Path) -> None:
    """They leave the run: put into its line they would be a zigzag."""
    arm = {"name": "raw", "sizes": [20, 40]}
    for seed in (0, 2):
        written(tmp_path / f"runs/raw/{seed}/metrics.jsonl", [3.0, 2.0, 2.0, 1.0])
        written(tmp_path / f"runs/raw/{seed}/branches/20/metrics.jsonl", [2.5])
    found = training(tmp_path, arm, [0, 1, 2])
    assert found["seeds"] == [0, 2] and len(found["points"]) == 4
    assert [branch["tokens"] for branch in found["branches"]] == [20]
