"""A run's folder has one training at a time; that a killed one lets go is in `test_sigkill`."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Tamis
from trainings import CPU, trained
from vocabularies import shared_tokens

from tamis.model.errors import ModelError, TrainingError
from tamis.model.lock import alone


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_tokens(tmp_path_factory)


def test_the_second_is_refused(here: Tamis, tokens: Path, tmp_path: Path) -> None:
    """Before it writes a line, with other arguments too; and not after the first has ended."""
    small = ("--preset", "300k", "--context", "64", "--batch-tokens", "512", "--tokens", "512")
    with alone(tmp_path / "run", CPU):
        done = here("train", tokens, "-o", "run", *small, expect=1)
        assert [one.name for one in (tmp_path / "run").iterdir()] == [".lock"]
    assert "run is being trained by process" in done.stderr and "wait for it" in done.stderr
    assert "goes on" not in here("train", tokens, "-o", "run", *small).stderr
    with alone(tmp_path / "run", CPU), pytest.raises(TrainingError):
        trained(tokens, tmp_path / "run")


def test_nothing_is_left_in_a_folder_of_something_else(tokens: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("to whom it may concern")
    with pytest.raises(ModelError, match="not empty and no run"):
        trained(tokens, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["letter.txt"]


def test_a_run_that_is_only_looked_at(tokens: Path, tmp_path: Path) -> None:
    """Where no lock can be had, as in a folder that is read-only: a done run says so still."""
    trained(tokens, tmp_path / "run", tokens=512)
    (tmp_path / "run/.lock").unlink()
    (tmp_path / "run/.lock").mkdir()
    assert "is done" in trained(tokens, tmp_path / "run", tokens=512)["said"][-1]
