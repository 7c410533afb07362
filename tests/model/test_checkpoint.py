"""Checkpoints are there whole or not at all, and give back every bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tamis.model import checkpoint
from tamis.model.checkpoint import STATE, Checkpoints
from tamis.model.errors import ModelError


def drawn(seed: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(5, 3, generator=draw) for name in ("model.a", "exp_avg.a")}


def test_every_bit_comes_back(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "checkpoints")
    state = drawn(1)
    kept.save(7, state, {"tokens": 70})
    state["model.a"].zero_()  # training goes on while it is written
    kept.close()
    loaded, facts = kept.load(7)
    assert facts == {"step": 7, "tokens": 70}
    expected = drawn(1)
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], expected[name]) for name in expected)


def test_the_newest_stay(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=2)
    for step in (2, 9, 10, 30):
        kept.save(step, drawn(step), {})
    kept.close()
    assert kept.steps() == [10, 30] and kept.latest() == 30
    assert sorted(one.name for one in tmp_path.iterdir()) == ["10", "30"]


def test_another_process_only_reads(tmp_path: Path) -> None:
    Checkpoints(tmp_path / "checkpoints", writes=False).save(1, drawn(1), {}, wait=True)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("left", [0, 5, 60])
def test_a_half_written_one_is_passed_over(tmp_path: Path, left: int) -> None:
    """A machine that lost power may have the name without all of the bytes."""
    kept, said = Checkpoints(tmp_path, keep=5), list[str]()
    for step in (3, 6):
        kept.save(step, drawn(step), {}, wait=True)
    (tmp_path / "6" / STATE).write_bytes((tmp_path / "6" / STATE).read_bytes()[:left])
    (tmp_path / ".9.draft").mkdir()
    kept = Checkpoints(tmp_path, keep=5)
    assert kept.latest(said.append) == 3
    assert len(said) == 1 and f"6/{STATE} cannot be read" in said[0]
    assert not (tmp_path / ".9.draft").exists()
    kept.save(6, drawn(6), {}, wait=True)
    assert kept.latest() == 6, "it is written again"


def test_an_error_of_writing_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a full disk would be noticed when the checkpoint is needed."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    kept = Checkpoints(tmp_path / "checkpoints")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full)
        kept.save(1, drawn(1), {})
        with pytest.raises(OSError, match="No space"):
            kept.close()
    assert kept.latest() is None
    kept = Checkpoints(tmp_path / "checkpoints")
    kept.save(2, drawn(2), {}, wait=True)
    assert kept.steps() == [2]


def test_a_file_of_something_else(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    (tmp_path / "4").mkdir()
    checkpoint.save_file(drawn(1), tmp_path / "4" / STATE)
    with pytest.raises(ModelError, match="no checkpoint of format 1"):
        kept.load(4)
