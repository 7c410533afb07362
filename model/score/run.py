"""Everything that is asked of one model, and the report that is made of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tamis.model.errors import ModelError
from tamis.model.llama import Llama
from tamis.model.score.answers import Result, answer
from tamis.model.score.bits import VERSION, Domain, Scored, domains, score_documents
from tamis.model.score.heldout import By, documents, heldout_files
from tamis.model.score.intervals import DRAWS, Estimate
from tamis.model.score.likelihood import Scorer
from tamis.model.score.records import sha256
from tamis.model.score.tasks import TASKS, items, task_files
from tamis.tokenize.vocabulary import Vocabulary

FORMAT = 1


@dataclass(frozen=True)
class Asked:
    """What a model is asked; paths are read in this order."""

    heldout: Sequence[Path] = ()
    tasks: Sequence[Path] = ()
    only: Sequence[str] | None = None
    """Names of tasks; None: all that there are files of."""
    by: By = By.file
    context: int | None = None
    stride: int | None = None
    batch: int | None = None
    seed: int = 0
    """Of the intervals."""


@dataclass(frozen=True)
class Scores:
    """What a model gave."""

    scorer: Scorer
    seed: int
    macro: Estimate | None
    """Bits per byte, the mean of all domains."""
    domains: dict[str, Domain]
    tasks: dict[str, Result]
    documents: list[Scored] = field(repr=False)
    files: dict[str, str]
    """SHA-256 of every file that was read, by name."""

    def report(self) -> dict[str, Any]:
        """All but single documents and items, for JSON: no times and no paths."""
        made: dict[str, Any] = {
            "format": FORMAT,
            "settings": {
                "context": self.scorer.context,
                "stride": self.scorer.stride,
                "dtype": str(self.scorer.model.head.dtype).removeprefix("torch."),
                "seed": self.seed,
                "draws": DRAWS,
                "confidence": 0.95,
            },
        }
        if self.macro is not None:
            made["bits_per_byte"] = {
                "metric": VERSION,
                "macro": asdict(self.macro),
                "domains": {name: asdict(one) for name, one in self.domains.items()},
            }
        if self.tasks:
            results = {name: asdict(one) for name, one in self.tasks.items()}
            made["tasks"] = {
                name: {key: value for key, value in one.items() if key != "values"}
                for name, one in results.items()
            }
        return {**made, "files": self.files}


def score(
    model: Llama, vocabulary: Vocabulary, asked: Asked, tell: Callable[[str], None] = lambda _: None
) -> Scores:
    """Scores held-out files and tasks; tell is told what was done, with the speed of it.

    Raises ModelError for a vocabulary that is not the model's, for files that are missing, empty
    or malformed, and, before anything is scored, for what cannot be asked.
    """
    if vocabulary.size != model.shape.vocabulary:
        raise ModelError(
            f"{vocabulary.path} has {vocabulary.size:,} tokens, and the model "
            f"{model.shape.vocabulary:,}: it is another vocabulary"
        )
    if vocabulary.bos < 0:
        raise ModelError(f"{vocabulary.path} has no BOS, from which texts are predicted")
    if not asked.heldout and not asked.tasks:
        raise ModelError("nothing to score: name held-out files (--heldout) or tasks (--tasks)")
    scorer = Scorer.of(model, asked.context, asked.stride, asked.batch)
    texts = heldout_files(asked.heldout, asked.by)
    of_tasks, passed = task_files(asked.tasks, asked.only)
    if passed:
        tell(f"no tasks that are known here, left aside: {', '.join(passed)}")
    scored = _score_files(scorer, vocabulary, texts, asked.by, tell)
    found, macro = domains(scored, asked.seed) if scored else ({}, None)
    results = {}
    for name, files in of_tasks.items():
        every = list(items(TASKS[name], files))
        if not every:
            raise ModelError(f"{files[0]}: no items of '{name}' in it")
        results[name] = answer(scorer, vocabulary, name, TASKS[name], every, asked.seed)
        tell(f"{name}: {len(every):,} items")
    read = [*texts, *(file for some in of_tasks.values() for file in some)]
    digests = {path.name: sha256(path) for path in read}
    return Scores(scorer, asked.seed, macro, found, results, scored, digests)


def _score_files(
    scorer: Scorer,
    vocabulary: Vocabulary,
    files: Sequence[Path],
    by: By,
    tell: Callable[[str], None],
) -> list[Scored]:
    scored = list[Scored]()
    for path in files:
        start = time.perf_counter()
        mine = list(score_documents(scorer, vocabulary, documents(path, by)))
        if not any(one.bytes for one in mine):
            raise ModelError(f"{path}: no document with a byte of text in it")
        tokens = sum(one.tokens for one in mine)
        speed = tokens / (time.perf_counter() - start)
        tell(f"{path.name}: {len(mine):,} documents, {tokens:,} tokens, {speed:,.0f} a second")
        scored += mine
    return scored


def write_documents(path: Path, scored: Sequence[Scored]) -> None:
    """Writes what each document got, a row each: .parquet, or else JSON lines."""
    rows = [asdict(one) | {"bits_per_byte": _bits(one)} for one in scored]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows, COLUMNS), path)
    else:
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def _bits(one: Scored) -> float | None:
    return one.nats / math.log(2) / one.bytes if one.bytes else None


COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in ("domain", "id", "group")),
        ("nats", pa.float64()),
        *((name, pa.int64()) for name in ("bytes", "tokens")),
        ("bits_per_byte", pa.float64()),
    ]
)
