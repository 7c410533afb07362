"""What tests share: a small real corpus made here, the real command, digests of what it wrote."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SENTENCES = {
    "en": "The old miller carried his flour across the bridge before the rain began to fall",
    "de": "Der alte Fischer erzählte den Kindern am Hafen jeden Abend eine neue Geschichte",
    "fr": "La boulangère ouvre sa boutique avant que le soleil ne se lève sur la place",
    "es": "Los vecinos del pueblo preparan la fiesta durante todo el mes de septiembre",
    "ja": "山の上の小さな村では冬になると雪が深く積もります",
    "code": "x = { 'a' : 1 , 'b' : [ 2 , 3 ] } ; y += z ** 2 // 7",
}

PERPLEXITY = """[[stage]]
kind = "perplexity"
language = "en"
reference = ["corpus:reference"]
[stage.training]
tokens = "words"
order = 3
[stage.rules]
usual = { column = "perplexity_bucket", in = ["head", "middle"] }

"""

RECIPE = """
[ingest]
set_aside = { heldout = 0.05, reference = 0.1 }
shard_bytes = 1500000

[[stage]]
kind = "noop"

[[stage]]
kind = "language"
[stage.rules]
wanted = { column = "language", in = ["en", "de", "fr"] }
confident = { column = "language_score", min = 0.5 }

[[stage]]
kind = "language"
name = "again"
only = { language = ["en", "de"] }
[stage.rules]
best = { column = "again_score", quantile = [0.1, 1.0] }
"""

# Training and scoring cost four seconds of a run: for what can go wrong with models alone.
_AGAIN = '[[stage]]\nkind = "language"\nname = "again"'
WITH_MODELS = RECIPE.replace(_AGAIN, PERPLEXITY + _AGAIN)


def command(*arguments: object) -> list[str]:
    """The command line of a `tamis` command."""
    return [sys.executable, "-m", "tamis.pipeline.cli.main", *map(str, arguments)]


def execute(*arguments: object, cwd: Path | None = None) -> None:
    """Runs a `tamis` command that has to succeed."""
    subprocess.run(command(*arguments), cwd=cwd, check=True, capture_output=True, timeout=120)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A directory that the first of the test processes to ask for it makes; for reading only."""
    base = factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"shared-{name}"
    with root.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            draft = root.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            make(draft)
            draft.rename(root)
    return root


def record(draw: random.Random, number: int) -> dict[str, object]:
    """One web page: a host, a language, a few hundred words."""
    language = draw.choice(list(SENTENCES))
    words = SENTENCES[language].split()
    text = "\n".join(
        " ".join(draw.choices(words, k=draw.randint(5, 20))) for _ in range(draw.randint(1, 12))
    )
    url = f"https://host{draw.randint(0, 60)}.example/{number}"
    made: dict[str, object] = {"text": text, "url": url, "views": number}
    return made | ({"id": f"page-{number}"} if number % 2 else {})


def digests(corpus: Path) -> dict[str, str]:
    """The SHA-256 of every file of a corpus but logs, where times stand, and records."""
    return {
        path.relative_to(corpus).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(corpus.rglob("*"))
        if path.is_file() and not {"logs", "records"} & set(path.relative_to(corpus).parts)
    }


def prose(seed: int, documents: int) -> list[str]:
    """Documents of a few lines of words in any order."""
    draw = random.Random(seed)
    words = " ".join(SENTENCES[name] for name in ("en", "de", "fr", "es")).split()
    return [
        "\n".join(
            " ".join(draw.choices(words, k=draw.randint(3, 12))).capitalize() + "."
            for _ in range(draw.randint(1, 6))
        )
        for _ in range(documents)
    ]
