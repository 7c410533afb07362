"""Fixtures: the real command, inputs with everything in them, a run that nothing disturbed."""

from __future__ import annotations

import gzip
import io
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import settings
from inprocess import run_phase, sift
from kernels import compile_all
from support import RECIPE, SENTENCES, WITH_MODELS, command, digests, once, record

Tamis = Callable[..., subprocess.CompletedProcess[str]]

settings.register_profile("tamis", deadline=None)  # other processes work on the same cores
settings.load_profile("tamis")


def pytest_configure(config: pytest.Config) -> None:
    """Compiles the kernels before the test processes start: each would, for half a minute."""
    if not hasattr(config, "workerinput"):
        compile_all()


@pytest.fixture
def tamis(tmp_path: Path) -> Tamis:
    """Runs a command in an empty directory."""

    def run(*arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command(*arguments), cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == expect, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done

    return run


SLEEPY = """
import time
from dataclasses import dataclass
from typing import ClassVar
import pyarrow as pa

@dataclass(frozen=True)
class Sleepy:
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([])

    def measure(self, batch):
        time.sleep(600 if batch.num_rows else 0)
        return batch.select([])
"""


@pytest.fixture
def sleeping(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run over `tmp_path / "asleep"` whose only stage sleeps: it ends when it is ended."""
    (tmp_path / "sleepy_stage.py").write_text(SLEEPY)
    (tmp_path / "sleepy.toml").write_text('[[stage]]\nkind = "sleepy_stage:Sleepy"\n')
    (tmp_path / "in.jsonl").write_text('{"text": "wake me"}\n')
    arguments = command("run", "sleepy.toml", "in.jsonl", "-o", "asleep")
    with subprocess.Popen(
        arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "asleep/logs/sleepy/worker-00000.log").exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        yield process
        process.kill()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tamis:
    """Runs a command as `tamis` does, but in this process, tasks too, which spares their start.

    Not where processes are the point, nor for stages of a module of one's own: a second one of the
    same name would be the first.
    """
    from tamis.pipeline.cli.app import run_command
    from tamis.pipeline.engine import Local

    def run(*arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        call = ["tamis", *map(str, arguments)]
        said = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        with monkeypatch.context() as patch, redirect_stdout(said[0]), redirect_stderr(said[1]):
            patch.chdir(tmp_path)
            patch.setattr("sys.argv", call)
            patch.setattr("sys.path", sys.path.copy())  # a command adds its directory
            patch.setattr(Local, "run", run_phase)
            try:
                with pytest.raises(SystemExit) as ended:
                    run_command()
            finally:
                for number, handler in handlers.items():
                    signal.signal(number, handler)
        out, error = (one.buffer.getvalue().decode() for one in said)
        assert (ended.value.code or 0) == expect, error + out
        return subprocess.CompletedProcess(call, expect, out, error)

    return run


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """torch on one thread: results repeat, and several that wait for each other are slower."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of about 3 MB: gzip, plain JSON lines, text, and things that cannot be read."""
    return once(tmp_path_factory, "inputs", _inputs)


def _inputs(root: Path) -> None:
    draw = random.Random(7)
    with gzip.open(root / "web.jsonl.gz", "wt", encoding="utf-8") as file:
        for number in range(2500):
            file.write(json.dumps(record(draw, number), ensure_ascii=False) + "\n")
            if number % 400 == 3:
                file.write('{"text": broken\n')
    with (root / "more.jsonl").open("w", encoding="utf-8") as file:
        for number in range(2500, 3700):
            file.write(json.dumps(record(draw, number)) + "\n")
    (root / "binary.txt").write_bytes(b"\x00\x01\xff")
    (root / "story.md").write_text("# A story\n\n" + SENTENCES["en"] + ".\n", encoding="utf-8")
    (root / "picture.png").write_bytes(b"\x89PNG")
    (root / "cut.jsonl.gz").write_bytes((root / "web.jsonl.gz").read_bytes()[:20_000])


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe with a quantile, a renamed stage and an `only` table."""
    return _written(tmp_path_factory, RECIPE)


@pytest.fixture(scope="session")
def with_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a stage that trains a model from what was set aside."""
    return _written(tmp_path_factory, WITH_MODELS)


def _written(factory: pytest.TempPathFactory, recipe: str) -> Path:
    path = factory.mktemp("recipe") / "laws.toml"
    path.write_text(recipe, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def sifted(tmp_path_factory: pytest.TempPathFactory, inputs: Path, recipe: Path) -> Path:
    """A corpus by one worker that nothing disturbed, and beside it `kept` and `rejected` shards.

    For reading only: its tests share it.
    """

    def make(root: Path) -> None:
        sift(root, "run", recipe, inputs, "-o", "corpus", "--workers", 1)
        sift(root, "write", "corpus", "-o", "kept", "--rejected", "rejected")

    return once(tmp_path_factory, "sifted", make)


@pytest.fixture(scope="session")
def undisturbed(sifted: Path) -> dict[str, str]:
    """The digests of a corpus that nothing disturbed."""
    return digests(sifted / "corpus")


@pytest.fixture(scope="session")
def undisturbed_with_models(
    tmp_path_factory: pytest.TempPathFactory, inputs: Path, with_models: Path
) -> dict[str, str]:
    """The same of the recipe with models."""

    def make(root: Path) -> None:
        sift(root, "run", with_models, inputs, "-o", "corpus", "--workers", 1)

    made = digests(once(tmp_path_factory, "models", make) / "corpus")
    assert "assets/perplexity/en/lm.bin" in made, "too little was set aside to train a model"
    return made
