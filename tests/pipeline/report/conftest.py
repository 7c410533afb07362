"""A small corpus whose signals are known: every document says what its stage is to measure."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import experiments
import pytest
from experiments import Shape
from support import command, once

from tamis.pipeline.cli.app import app
from tamis.pipeline.errors import TamisError
from tamis.pipeline.report.experiment import publish_experiment

MARKS = """
import json
from dataclasses import dataclass
from typing import ClassVar
import pyarrow as pa

GIVES = pa.schema([
    ("share", pa.float32()), ("count", pa.int32()), ("label", pa.string()), ("flag", pa.bool_()),
    ("lengths", pa.list_(pa.float32())), ("places", pa.list_(pa.int32())),
])

@dataclass(frozen=True)
class Marks:
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = GIVES

    def measure(self, batch):
        marks = [json.loads(t.split("\\n")[0]) for t in batch.column("text").to_pylist()]
        columns = [pa.array([m.get(f.name) for m in marks], f.type) for f in GIVES]
        return pa.record_batch(columns, schema=GIVES)
"""
RECIPE = """
description = "Marks & <em>rules</em>"
[ingest]
shard_bytes = 400000
set_aside = { heldout = 0.05 }

[[stage]]
kind = "marks_stage:Marks"
[stage.rules]
low = { column = "share", min = 0.15, max = 0.9 }
known = { column = "label", in = ["a", "b", "c"] }
long = { column = "count", min = { by = "label", values = { a = 10, b = 20 }, default = 5 } }
best = { column = "share", quantile = [0.25, 1.0] }

[[stage]]
kind = "marks_stage:Marks"
name = "again"
only = { label = ["a", "b"] }
[stage.rules]
size = { column = "text_bytes", max = 900 }
narrow = { column = "again_share", min = 0.5, max = 0.52 }
"""
HOSTILE = (
    'x</pre><script>alert(1)</script><img src="https://evil.example/x"> &amp; \u202eevil\x1b[2J'
)


def document(draw: random.Random, number: int) -> dict[str, Any]:
    """A document with its marks in its first line; some are missing, some values are repeated."""
    marks: dict[str, Any] = {
        "share": draw.choice([0.15, 0.9, 0.0, draw.random(), draw.random()]),
        "count": draw.choice([0, 5, 10, 20, draw.randint(0, 40), int(draw.paretovariate(0.5))]),
        "label": draw.choice(["a", "b", "c", "d", "<b>d</b>"]),
        "flag": draw.random() < 0.3,
        "lengths": [draw.random() for _ in range(draw.randint(0, 12))],
        "places": list(range(draw.randint(0, 12))),
    }
    left_out = draw.choice([None, None, "share", "lengths", "label", "places"])
    marks.pop(left_out, None)
    text = json.dumps(marks) + "\n" + HOSTILE + " word" * draw.randint(0, 200)
    return {"id": f'"><img src=x onerror=y>{number}', "text": text}


@pytest.fixture(scope="session")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the corpus `corpus` and the stage that measured it; for reading only."""
    root = tmp_path_factory.mktemp("marked")
    draw = random.Random(3)
    lines = [json.dumps(document(draw, number)) + "\n" for number in range(1500)]
    (root / "in.jsonl").write_text("".join(lines) + "broken\n", encoding="utf-8")
    (root / "marks_stage.py").write_text(MARKS)
    (root / "marks.toml").write_text(RECIPE)
    run = command("run", "marks.toml", "in.jsonl", "-o", "corpus", "--workers", 1)
    subprocess.run(run, cwd=root, check=True, capture_output=True, timeout=120)
    return root


@pytest.fixture(scope="session")
def reported(marked: Path) -> dict[str, Any]:
    """report.json of that corpus; its page is in `marked / "page"`."""
    run = command("report", "corpus", "-o", "page", "--json")
    done = subprocess.run(run, cwd=marked, check=True, capture_output=True, timeout=120)
    content: dict[str, Any] = json.loads(done.stdout)
    return content


LOOSE = ("--set", "marks.rules.low.min=0.05")


@pytest.fixture(scope="session")
def loosened(marked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which `again` measured what comes alive by a looser rule; beside it the copy."""
    root = tmp_path_factory.mktemp("loosened") / "copy"
    shutil.copytree(marked, root, ignore=shutil.ignore_patterns("page"))
    run = command("stage", "again", "corpus", *LOOSE)
    subprocess.run(run, cwd=root, check=True, capture_output=True, timeout=120)
    return root


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    out: str
    err: str


Here = Callable[..., Said]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    """Runs a command that needs no workers in this process, in a directory."""

    def run(where: Path, *arguments: object, expect: int = 0) -> Said:
        monkeypatch.chdir(where)
        code = 0
        try:
            app(list(map(str, arguments)), standalone_mode=False)
        except TamisError as error:
            code = error.exit_code
            print(error, file=sys.stderr)
        sys.stdout.flush()
        said = Said(*capfd.readouterr())
        assert code == expect, said.err
        return said

    return run


Make = Callable[[Shape], Path]


@pytest.fixture(scope="session")
def sieve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus of a full arm; for reading only."""

    def make(root: Path) -> None:
        experiments.corpus(root / "sieve", Shape(source="<b>manual</b>"))

    return once(tmp_path_factory, "sieve", make) / "sieve/corpus"


@pytest.fixture
def made(tmp_path: Path, sieve: Path) -> Make:
    """Makes an experiment of a shape."""
    return lambda shape: experiments.experiment(tmp_path / "experiment", sieve, shape)


@pytest.fixture(scope="session")
def usual(tmp_path_factory: pytest.TempPathFactory, sieve: Path) -> Path:
    """An experiment with everything in it, and its report; for reading only."""

    def make(root: Path) -> None:
        experiments.experiment(root / "experiment", sieve)
        publish_experiment(root / "experiment", quiet=True)

    return once(tmp_path_factory, "usual", make) / "experiment"
