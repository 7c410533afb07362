"""A small experiment on disk, with losses that are known, to be judged and to be broken."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

T, BATCH = 1_024_000, 4_096
SIZES = {"raw": [T // 4, T // 2, T, 2 * T], "full": [T], "+language": [T], "random": [T]}
KINDS = {"raw": "raw", "full": "full", "+language": "cumulative", "random": "random"}
COMPARED = [
    ("full against raw", "full", "raw", "main"),
    ("language", "+language", "raw", "cumulative"),
    ("random against raw", "random", "raw", "control"),
]
DOMAINS = {"docs": False, "news": False, "wiki": True, "pool": False}
"""Whether each is seen."""
WORTH = {"raw": 0.0, "random": 0.0, "+language": -0.004, "full": -0.2}
"""Bits per byte below raw."""
NOISE = 0.01
"""Of a run, in bits per byte."""


class Experiment:
    """An experiment's folder; losses are 3 bits per byte at T, 0.3 less for twice the tokens."""

    def __init__(self, folder: Path, seeds: tuple[int, ...] = (0, 1, 2)) -> None:
        self.folder, self.seeds = folder, seeds
        (folder / "heldout").mkdir(parents=True)
        for name in DOMAINS:
            (folder / "heldout" / f"{name}.jsonl").write_text(f'{{"text": "{name}"}}\n')
        self.plan = self._plan()
        self.save()
        for arm, sizes in SIZES.items():
            for seed in seeds:
                self._run(arm, seed, sizes)

    def save(self) -> None:
        (self.folder / "plan.json").write_text(json.dumps(self.plan, indent=2))

    def run(self, arm: str, seed: int) -> Path:
        return self.folder / "runs" / arm / str(seed)

    def scores(self, arm: str, seed: int, tokens: int = T) -> Path:
        return self.run(arm, seed) / "scores" / f"{tokens}.parquet"

    def edit(self, arm: str, seed: int, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes a run.json."""
        path = self.run(arm, seed) / "run.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    def edit_scores(self, path: Path, column: str, change: Callable[[list[Any]], None]) -> None:
        """Changes a column of a score file."""
        columns = pq.read_table(path).to_pydict()
        change(columns[column])
        pq.write_table(pa.table(columns), path)

    def _plan(self) -> dict[str, Any]:
        return {
            "format": 1,
            "corpus": {"documents": "c" * 64, "bytes": 1000, "count": 10},
            "recipe": {"name": "quickstart", "raw": {}},
            "training": {
                "preset": "300k",
                "parameters": 344_640,
                "tokens": T,
                "batch_tokens": BATCH,
                "context": 512,
                "learning_rate": 0.01,
                "warmup": 4096,
                "schedule": "wsd",
                "dtype": "float32",
            },
            "budget": "equal tokens",
            "seeds": list(self.seeds),
            "arms": [
                {
                    "name": name,
                    "kind": KINDS[name],
                    "stage": "language" if KINDS[name] == "cumulative" else None,
                    "sizes": sizes,
                }
                for name, sizes in SIZES.items()
            ],
            "comparisons": [
                dict(zip(("name", "treated", "control", "family"), one, strict=True))
                for one in COMPARED
            ],
            "domains": [self._domain(name, seen) for name, seen in DOMAINS.items()],
            "vocabulary": {"sha256": "v" * 64, "pieces": 2048},
            "decontamination": {"ngram": 13, "documents_dropped": 0, "bytes_dropped": 0},
            "statistics": {"confidence": 0.95, "draws": 400, "seed": 0, "correction": "holm"},
        }

    def _domain(self, name: str, seen: bool) -> dict[str, Any]:
        file = f"heldout/{name}.jsonl"
        digest = hashlib.sha256((self.folder / file).read_bytes()).hexdigest()
        role = "pool" if name == "pool" else "target"
        sizes = {"documents": 60, "bytes": 60_000, "groups": 30}
        return {"name": name, "file": file, "sha256": digest, **sizes, "role": role, "seen": seen}

    def _run(self, arm: str, seed: int, sizes: list[int]) -> None:
        place = self.run(arm, seed)
        (place / "scores").mkdir(parents=True)
        (place / "run.json").write_text(json.dumps(self._asked(arm, seed, sizes)))
        random = np.random.default_rng([seed, len(arm)])
        for size in sizes:
            bits = 3 - 0.3 * math.log2(size / T) + WORTH[arm] + NOISE * random.normal()
            pq.write_table(_table(bits), self.scores(arm, seed, size))

    def _asked(self, arm: str, seed: int, sizes: list[int]) -> dict[str, Any]:
        steps = sizes[-1] // BATCH
        component = {"tokens": f"{arm} {seed}", "sources": None, "count": 1000}
        data = {"format": 1, "vocabulary": "v" * 64, "length": 512, "batch": 8, "seed": seed}
        return {
            "format": 1,
            "asked": {
                "preset": "300k",
                "shape": {"width": 64},
                "tokens": steps * BATCH,
                "seed": seed,
                "schedule": {"kind": "wsd", "peak": 0.01, "warmup": 1, "steps": steps},
                "decay_at": sizes[:-1],
                "optimiser": {"clip": 1.0},
                "dtype": "float32",
                "data": {**data, "shuffle": True, "components": [component]},
            },
            "machine": {"device": "cpu", "threads": 1, "compiled": False, "world": 1},
            "mfu": {"formula": "palm", "peak": "unknown"},
            "versions": {"python": "3.11.1", "torch": "2.13.0", "trainer": "0123456789ab"},
        }


def _table(bits: float) -> pa.Table:
    """Sixty documents of each domain, two of each group: of 1,000 bytes, more and less hard."""
    rows = [
        {
            "domain": name,
            "id": f"{name}-{number}",
            "group": f"host{number // 2}",
            "nats": bits * (1 + 0.1 * math.sin(number)) * math.log(2) * 1000,
            "bytes": 1000,
            "tokens": 300,
            "bits_per_byte": bits,
        }
        for name in DOMAINS
        for number in range(60)
    ]
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """The experiment of three seeds, not to be touched."""
    return Experiment(tmp_path_factory.mktemp("begun") / "experiment")


@pytest.fixture
def experiment(begun: Experiment, tmp_path: Path) -> Experiment:
    """A copy of it, to be broken."""
    mine = copy.deepcopy(begun)
    mine.folder = tmp_path / "experiment"
    shutil.copytree(begun.folder, mine.folder)
    return mine


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Experiment]:
    """Makes an experiment of other seeds."""
    return lambda name, seeds: Experiment(tmp_path / name, seeds)
