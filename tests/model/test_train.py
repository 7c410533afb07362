"""Trainings from end to end: what is written, and that nothing but the arguments decides losses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support import command
from torch import Tensor
from trainings import CPU, SMALL, losses, trained
from vocabularies import DOCUMENTS, padded, shared_tokens, shared_vocabulary, write_tokens

from tamis.model.errors import ModelError, TrainingError
from tamis.model.feed import Fed
from tamis.model.learner import Learner, Objective
from tamis.model.metrics import read
from tamis.tokenize.errors import Mismatch


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_tokens(tmp_path_factory)


@pytest.fixture(scope="module")
def whole(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed: step 10 also as a branch, after 9; 19 and 20 decay."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    trained(tokens, folder, decay_at=(0.5, 1.0))
    return folder


BRANCH = f"branches/{10 * 512}"


def interrupt(monkeypatch: pytest.MonkeyPatch, call: int, how: Any) -> None:
    """Does something before a call of `learn`, the first being 1."""
    real, calls = Learner.learn, 0

    def learn(self: Learner, fed: Fed, valid: int, rate: float) -> tuple[Tensor, Tensor]:
        nonlocal calls
        calls += 1
        if calls == call:
            how()
        return real(self, fed, valid, rate)

    monkeypatch.setattr(Learner, "learn", learn)


class Killed(BaseException):
    """As if the process had ended there."""


def kill() -> None:
    raise Killed


def test_what_a_run_leaves(tokens: Path, whole: Path) -> None:
    rows = read(whole / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 21))
    assert [row["tokens"] for row in rows] == [512 * n for n in range(1, 21)]
    assert rows[-1]["loss"] < rows[0]["loss"] - 0.5 and abs(rows[0]["loss"] - 5.99) < 0.3
    assert rows[0]["lr"] == 0.0075 and rows[2]["lr"] == 0.015 == rows[17]["lr"]
    assert rows[19]["lr"] == 0.0075 and rows[19]["epochs"].keys() == {"books", "code", "web"}
    assert all(row["mfu"] == row["mfu_6n"] == "unknown" for row in rows)
    assert all(0 <= row["feed_seconds"] < row["seconds"] for row in rows)
    branch = read(whole / BRANCH / "metrics.jsonl")
    assert [row["step"] for row in branch] == [10] and branch[0]["lr"] == 0.015
    assert sorted(one.name for one in (whole / BRANCH).iterdir()) == ["metrics.jsonl", "model"]
    assert (whole / "model/model.safetensors").exists()
    run = json.loads((whole / "run.json").read_text())
    assert run["asked"]["shape"]["vocabulary"] == 400 and run["machine"]["world"] == 1
    again = trained(tokens, whole, decay_at=(0.5, 1.0))
    assert again["done"] and "is done" in again["said"][-1] and len(rows) == again["steps"]


def test_a_branch_is_a_shorter_run(tokens: Path, whole: Path, tmp_path: Path) -> None:
    """To the bit; and the plateau does not notice that branches left it."""
    trained(tokens, tmp_path / "short", tokens=10 * 512)
    short = losses(tmp_path / "short")
    assert short[-1:] == losses(whole / BRANCH) and short[:9] == losses(whole)[:9]
    trained(tokens, tmp_path / "alone")
    assert losses(tmp_path / "alone") == losses(whole)


@pytest.mark.parametrize("call", [1, 3, 4, 5, 10, 11, 16, 21])
def test_killed_and_resumed(
    call: int, tokens: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any step, in a branch and after one, every loss is the same to the last bit."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        interrupt(patch, call, kill)
        trained(tokens, tmp_path / "run", decay_at=(0.5, 1.0))
    assert trained(tokens, tmp_path / "run", decay_at=(0.5, 1.0))["done"]
    assert losses(tmp_path / "run") == losses(whole)
    assert losses(tmp_path / "run" / BRANCH) == losses(whole / BRANCH)
    name = "model/model.safetensors"
    assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("call", [2, 10, 14])
def test_a_signal_saves_the_step(
    call: int, tokens: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt(patch, call, lambda: os.kill(os.getpid(), signal.SIGTERM))
        first = trained(tokens, tmp_path / "run", decay_at=(0.5, 1.0))
    assert not first["done"] and first["model"] is None
    assert "the same command goes on" in first["said"][-1]
    second = trained(tokens, tmp_path / "run", decay_at=(0.5, 1.0))
    assert any("goes on after step" in one for one in second["said"])
    assert losses(tmp_path / "run") == losses(whole)


def test_sigkill(tokens: Path, whole: Path, tmp_path: Path) -> None:
    """A process that really is killed, by the command, and goes on in another, but not before."""
    arguments = command(
        *("train", tokens, "-o", tmp_path / "run", "--preset", "300k", "--tokens", 20 * 512),
        *("--context", 64, "--batch-tokens", 512, "--warmup", 1024, "--checkpoint-every", 4),
        *("--decay-at", "½", "--dtype", "fp32", "--learning-rate", 0.015),
    )
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, env=environment) as process:
        end = time.monotonic() + 60
        while len(read(tmp_path / "run/metrics.jsonl")) < 6:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(TrainingError, match=f"is being trained by process {process.pid} on"):
            trained(tokens, tmp_path / "run", decay_at=(0.5, 1.0))
        process.kill()
    trained(tokens, tmp_path / "run", decay_at=(0.5, 1.0))
    assert losses(tmp_path / "run") == losses(whole)


def test_parts_of_a_batch(tokens: Path, tmp_path: Path) -> None:
    """Nats are summed over parts, whose targets differ in number: no mean of means."""
    for size in (1, 8):
        trained(tokens, tmp_path / str(size), micro_batch=size, tokens=6 * 512)
    for one, other in zip(losses(tmp_path / "1"), losses(tmp_path / "8"), strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_grad_checkpoint_changes_nothing(tokens: Path, whole: Path, tmp_path: Path) -> None:
    trained(tokens, tmp_path / "run", grad_checkpoint=True, tokens=10 * 512)
    assert losses(tmp_path / "run")[:9] == losses(whole)[:9]


def test_bfloat16_learns_as_well(tokens: Path, whole: Path, tmp_path: Path) -> None:
    trained(tokens, tmp_path / "run", place=replace(CPU, dtype=torch.bfloat16))
    for one, other in zip(losses(tmp_path / "run"), losses(whole), strict=True):
        assert one[1] == pytest.approx(other[1], abs=0.1)


@pytest.mark.slow(reason="three processes import torch, two of them at once")
def test_two_ranks(tokens: Path, tmp_path: Path) -> None:
    """As torchrun starts them: they learn what one process does in twice as many parts."""
    trained(tokens, tmp_path / "alone", micro_batch=4, tokens=8 * 512)
    arguments = command(
        *("train", tokens, "-o", tmp_path / "run", "--preset", "300k", "--tokens", 8 * 512),
        *("--context", 64, "--batch-tokens", 512, "--warmup", 1024, "--checkpoint-every", 4),
        *("--dtype", "fp32", "--learning-rate", 0.015, "--micro-batch", 4, "--json"),
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            arguments,
            env={**common, "RANK": str(rank), "MASTER_PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    said = [rank.communicate(timeout=100) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], said
    assert "2 ranks x 1 x 4 windows of 64" in said[0][1] and not said[1][0] + said[1][1]
    assert json.loads(said[0][0])["done"]
    for one, other in zip(losses(tmp_path / "run"), losses(tmp_path / "alone"), strict=True):
        assert one == pytest.approx(other, rel=1e-6)
    shutil.rmtree(tmp_path / "run/model")  # as if killed after step 4, and gone on alone
    again = trained(tokens, tmp_path / "run", micro_batch=4, tokens=8 * 512)
    assert "goes on after step 4" in again["said"][-1]
    assert any("machine.world was 2 and is 1" in one for one in again["said"])
    for one, other in zip(losses(tmp_path / "run"), losses(tmp_path / "alone"), strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_other_arguments_are_refused(tokens: Path, whole: Path) -> None:
    with pytest.raises(ModelError, match=r"other arguments: schedule.peak was 0.015 and is 0.02:"):
        trained(tokens, whole, decay_at=(0.5, 1.0), learning_rate=0.02)
    with pytest.raises(ModelError, match=r"data.seed was 0 and is 3; seed was 0 and is 3"):
        trained(tokens, whole, decay_at=(0.5, 1.0), seed=3)
    with pytest.raises(ModelError, match="decay_at"):
        trained(tokens, whole)


def test_tokens_of_another_vocabulary(whole: Path, tmp_path: Path, tmp_path_factory: Any) -> None:
    other = padded(shared_vocabulary(tmp_path_factory), tmp_path / "vocabulary", 401)
    write_tokens(tmp_path / "tokens", other, DOCUMENTS)
    with pytest.raises(Mismatch, match="was begun with vocabulary"):
        trained(tmp_path / "tokens", whole, decay_at=(0.5, 1.0))


def test_a_folder_of_something_else(tokens: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("to whom it may concern")
    with pytest.raises(ModelError, match="not empty and no run"):
        trained(tokens, tmp_path)


def test_a_loss_that_is_no_number(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"step \d+: the loss is .*(nan|inf): the last good .*lower --learning"
    ):
        trained(tokens, tmp_path / "run", learning_rate=1e30, checkpoint_every=1)
    rows = losses(tmp_path / "run")
    kept = sorted(int(one.name) for one in (tmp_path / "run/checkpoints").iterdir())
    assert rows and kept[-1] == rows[-1][0], "the last good state is there, and none after it"
    assert not (tmp_path / "run/model").exists()


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"micro_batch": 8}, "--micro-batch 4 or less"),
        ({"micro_batch": 1}, "--grad-checkpoint"),
        ({"micro_batch": 1, "grad_checkpoint": True}, "--context 32"),
    ],
)
def test_out_of_memory(
    changes: dict[str, Any],
    advice: str,
    tokens: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("tried to allocate")

    monkeypatch.setattr(Objective, "forward", full)
    with pytest.raises(TrainingError, match=advice):
        trained(tokens, tmp_path / "run", **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_tokens": 500}, r"--batch-tokens 500 is no whole .* take 448 or 512"),
        ({"batch_tokens": 63}, r"take 64$"),
        ({"micro_batch": 3}, r"--micro-batch 3 does not divide the 8 .* take 2 or 4"),
        ({"tokens": 100}, r"--tokens 100 are fewer than a batch of 512"),
        ({"preset": "5N"}, r"did you mean '5M'"),
        ({"decay_at": (0.5, 1.5)}, r"--decay-at takes shares"),
        ({"decay_at": (0.5,), "schedule": "cosine"}, r"only the schedule wsd"),
        ({"place": replace(CPU, world=3)}, r"is no whole number of windows for every rank"),
    ],
)
def test_what_cannot_be(
    changes: dict[str, Any], message: str, tokens: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=message):
        trained(tokens, tmp_path / "run", SMALL, **changes)
    assert not (tmp_path / "run").exists()
