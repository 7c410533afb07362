"""What TensorBoard reads is what metrics.jsonl has, whatever was interrupted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import Tamis
from torch import Tensor
from trainings import trained
from vocabularies import shared_tokens

from tamis.model.board import SHOWN
from tamis.model.feed import Fed
from tamis.model.learner import Learner
from tamis.model.metrics import read


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_tokens(tmp_path_factory)


def points(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Step and value of each curve, as TensorBoard reads them."""
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        name: [(one.step, one.value) for one in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def written(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The same of metrics.jsonl."""
    rows = read(folder / "metrics.jsonl")
    known = [name for name in SHOWN if rows[0][name] != "unknown"]
    return {
        name: [(row["step"], pytest.approx(row[name], rel=1e-6)) for row in rows] for name in known
    }


class Killed(BaseException):
    """As if the process had ended there."""


def test_killed_and_resumed(tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at step 10 with a checkpoint of step 8: steps 9 on are there once, of the second."""
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    real = Learner.learn

    def learn(self: Learner, fed: Fed, valid: int, rate: float) -> tuple[Tensor, Tensor]:
        if self.steps == 10:
            raise Killed
        return real(self, fed, valid, rate)

    run = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Learner, "learn", learn)
        trained(tokens, run, decay_at=(0.6, 1.0), tensorboard=True)
    assert [step for step, _ in points(run / "tensorboard")["loss"]] == list(range(1, 11))
    trained(tokens, run, decay_at=(0.6, 1.0), tensorboard=True)
    assert {*SHOWN} - {*points(run / "tensorboard")} == {"mfu"}, "which a CPU has none of"
    for folder in (run, run / "branches" / str(12 * 512)):
        assert points(folder / "tensorboard") == written(folder)


def test_without_the_package(
    here: Tamis, tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before anything is written."""
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    small = ("--context", "64", "--batch-tokens", "512", "--tokens", "512")
    done = here("train", tokens, "-o", "run", *small, "--tensorboard", expect=2)
    assert "pip install 'tamis[tensorboard]'" in done.stderr and not (tmp_path / "run").exists()
