"""The ledger: who left, where and why; per stage and rule, in documents and bytes of text.

A document that fails several rules of a stage is counted under each of them and once in the stage;
`alone` counts those that fail no other rule there. Bytes are those of the text as it was ingested.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.files import write_json
from tamis.pipeline.guard import Guard
from tamis.pipeline.rules import Columns, Mask
from tamis.pipeline.schema import Status
from tamis.pipeline.signals import ShardReader, Verdicts, decision_columns
from tamis.pipeline.stage import Stage

Amount = list[int]  # documents, bytes
Tally = dict[str, Any]


class Decision:
    """What the rules of all stages say of one row group."""

    def __init__(self, stages: Sequence[Stage], columns: Columns, rows: int) -> None:
        self.kept: Mask = np.ones(rows, np.bool_)
        self.verdicts: list[Verdicts] = []
        for stage in stages:
            self.verdicts.append(Verdicts(stage, columns, self.kept))
            self.kept = self.verdicts[-1].passed

    def reasons(self, stages: Sequence[Stage], row: int) -> list[str]:
        """Why a row was rejected: `stage.rule`, every one of them."""
        return [
            f"{stage.name}.{rule}"
            for stage, verdict in zip(stages, self.verdicts, strict=True)
            for rule, failed in verdict.failed.items()
            if failed[row]
        ]

    def tally(self, stages: Sequence[Stage], sizes: npt.NDArray[np.int64]) -> Tally:
        """The counts of this row group."""
        return {
            "kept": _amount(self.kept, sizes),
            "stages": {
                stage.name: _stage_tally(verdict, sizes)
                for stage, verdict in zip(stages, self.verdicts, strict=True)
            },
        }


def _stage_tally(verdict: Verdicts, sizes: npt.NDArray[np.int64]) -> Tally:
    failures = np.sum(list(verdict.failed.values()), axis=0)
    return {
        "entered": _amount(verdict.entered, sizes),
        "evaluated": _amount(verdict.status == Status.EVALUATED, sizes),
        "not_applicable": _amount(verdict.status == Status.NOT_APPLICABLE, sizes),
        "rejected": _amount(verdict.rejected, sizes),
        "rules": {
            rule: {"failed": _amount(mask, sizes), "alone": _amount(mask & (failures == 1), sizes)}
            for rule, mask in verdict.failed.items()
        },
    }


def _amount(mask: Mask, sizes: npt.NDArray[np.int64]) -> Amount:
    return [int(mask.sum()), int(sizes[mask].sum())]


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies of the same stages."""
    result: Tally = {}
    for tally in tallies:
        _add(result, tally)
    return result


def _add(into: Tally, more: Tally) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            _add(into.setdefault(key, {}), value)
        else:
            into[key] = [a + b for a, b in zip(into.get(key, [0, 0]), value, strict=True)]


@dataclass
class TallyPhase:
    """Counts what the rules say, without writing any document; its units are shards."""

    corpus: Corpus
    stages: list[Stage]
    promise: str
    tasks: Sequence[Sequence[int]]
    name: str = "ledger"

    def done(self, unit: int) -> bool:
        """Whether a shard was counted for these rules."""
        return self.counted(self.corpus.shards[unit].name) is not None

    def size(self, unit: int) -> int:
        return self.corpus.shards[unit].text_bytes

    def counted(self, shard: str) -> Tally | None:
        record = self.corpus.record("ledger", shard)
        return record["tally"] if record and record["promise"] == self.promise else None

    def part(self, rank: int) -> TallyPhase:
        return self

    def work(self, unit: int, guard: Guard) -> None:
        """Counts one shard."""
        shard = self.corpus.shards[unit].name
        columns_read = decision_columns(self.stages) | {"text_bytes"}
        tallies = []
        with ExitStack() as stack:
            reader = ShardReader(self.corpus, shard, self.stages, stack)
            for group in range(reader.row_groups):
                columns = reader.read(group, columns_read)
                decision = Decision(self.stages, columns, reader.rows(group))
                tallies.append(decision.tally(self.stages, columns["text_bytes"].to_numpy()))
                guard.advance(reader.rows(group), 0)
        record = {"promise": self.promise, "tally": total(tallies)}
        self.corpus.complete("ledger", shard, record)


def ledger(corpus: Corpus, recipe: str, tally: Tally, missing: Sequence[Stage]) -> dict[str, Any]:
    """The ledger of a corpus; raises AssertionError if a document is unaccounted for."""
    counts = corpus.manifest.counts
    kept = tally.get("kept", [0, 0])
    rejected = [counts["documents"] - kept[0], counts["bytes"] - kept[1]]
    aside = {side: [c["documents"], c["bytes"]] for side, c in counts["set_aside"].items()}
    errors = sum(counts["errors"].values())
    stages = tally.get("stages", {})
    assert rejected == [sum(s["rejected"][i] for s in stages.values()) for i in (0, 1)]
    documents = kept[0] + rejected[0] + errors + sum(side[0] for side in aside.values())
    assert documents == counts["records"]
    size = kept[1] + rejected[1] + sum(side[1] for side in aside.values())
    return {
        "recipe": recipe,
        "ingested": _named([counts["records"], size]),
        "kept": _named(kept),
        "rejected": _named(rejected),
        "errors": {"documents": errors, "reasons": counts["errors"]},
        "passed_over": _passed_over(counts),
        "set_aside": {side: _named(amount) for side, amount in aside.items()},
        "repeated_ids": counts["repeated_ids"],
        "stages": [{"name": name, **_named_stage(stage)} for name, stage in stages.items()],
        "took_no_part": [stage.name for stage in missing],
    }


def _passed_over(counts: dict[str, Any]) -> dict[str, Any]:
    """Records that are by nature no documents: no part of the sum."""
    reasons = counts.get("passed_over", {})
    return {"records": sum(reasons.values()), "reasons": reasons}


def _named_stage(stage: Tally) -> dict[str, Any]:
    amounts = {key: _named(value) for key, value in stage.items() if key != "rules"}
    rules = {
        rule: {**_named(counts["failed"]), "alone": _named(counts["alone"])}
        for rule, counts in stage["rules"].items()
    }
    return {**amounts, "rules": rules}


def _named(amount: Amount) -> dict[str, int]:
    return {"documents": amount[0], "bytes": amount[1]}


def save(corpus: Corpus, content: dict[str, Any]) -> None:
    """Writes ledger.json."""
    write_json(corpus.root / "ledger.json", content)
