"""Ingest in this process, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tamis.pipeline.engine import in_turn
from tamis.pipeline.guard import Guard
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.run import IngestJob
from tamis.pipeline.phase import Phase, pending

Ingest = Callable[..., "Ingested"]


@dataclass
class Ingested:
    """A corpus, read back."""

    root: Path

    def rows(self, place: str = "documents") -> list[dict[str, Any]]:
        """The rows of all shards, in order, under documents, errors, heldout, reference …"""
        files = sorted((self.root / place).glob("*.parquet"))
        return [row for path in files for row in pq.read_table(path).to_pylist()]

    @property
    def texts(self) -> list[str]:
        return [row["text"] for row in self.rows()]

    @property
    def errors(self) -> list[tuple[str, str, str, int]]:
        """Input, place, reason and number of records of every error row."""
        keys = ("input", "place", "reason", "records")
        return [tuple(row[key] for key in keys) for row in self.rows("errors")]

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.root / "corpus.json").read_bytes())

    def _records_passed_over(self) -> int:
        """How many the shards' own records say: they are no part of `records`."""
        left = [json.loads(path.read_bytes()) for path in self.root.glob("records/ingest/*.json")]
        return sum(sum(record.get("passed_over", {}).values()) for record in left)

    def check(self) -> None:
        """Law 1, by the numbers of corpus.json and by the rows of the files."""
        counts = self.manifest["counts"]
        aside = {side: len(self.rows(side)) for side in counts["set_aside"]}
        lost: dict[str, int] = {}
        for _, _, reason, records in self.errors:
            lost[reason] = lost.get(reason, 0) + records
        assert counts["documents"] == len(self.rows()) == len(self.rows("signals/ingest"))
        assert counts["errors"] == lost
        assert sum(counts["passed_over"].values()) == self._records_passed_over()
        assert {side: n["documents"] for side, n in counts["set_aside"].items()} == aside
        assert counts["records"] == len(self.rows()) + sum(lost.values()) + sum(aside.values())


class Here:
    """A runner without processes."""

    def run(self, phase: Phase, quiet: bool = False) -> None:
        for rank in pending(phase):
            for unit in phase.tasks[rank]:
                phase.work(unit, Guard())


@pytest.fixture
def read_in(tmp_path: Path) -> Ingest:
    """Ingests inputs without processes: corpus `name` of the options given, checked for law 1."""

    def run(*inputs: Path | str, name: str = "corpus", strict: bool = False, **given: Any) -> Any:
        arguments, options = tuple(map(str, inputs)), IngestOptions(**given)
        in_turn([IngestJob(tmp_path / name, arguments, options, strict=strict)], Here())
        ingested = Ingested(tmp_path / name)
        ingested.check()
        return ingested

    return run
