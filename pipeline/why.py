"""`why`: everything that is known of a document, and which rules it failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.relatives import relatives
from tamis.pipeline.errors import CallError
from tamis.pipeline.files import parquet_file
from tamis.pipeline.ledger import Decision
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.schema import DOCUMENTS, INGEST, Status
from tamis.pipeline.sift import Sift
from tamis.pipeline.signals import ShardReader, decision_columns
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location

KEY = re.compile(r"(\d{5,}):(\d+)")
STATUS = {
    Status.NOT_EVALUATED: "not evaluated",
    Status.EVALUATED: "evaluated",
    Status.NOT_APPLICABLE: "not applicable",
    Status.ERROR: "could not be evaluated",
}


@dataclass(frozen=True)
class Place:
    """A row of the corpus."""

    shard: str
    group: int
    row: int
    first: int

    @property
    def key(self) -> str:
        return f"{self.shard}:{self.first + self.row}"


def why(corpus: Corpus, recipe: Recipe, identifier: str) -> list[dict[str, Any]]:
    """What is known of every document with this id, or of the one row `shard:row`.

    Raises CallError if there is none.
    """
    places = list(_by_key(corpus, identifier) or _by_id(corpus, identifier))
    if not places:
        raise CallError(_not_there(corpus, identifier))
    sift = Sift(corpus, recipe)
    stages, missing = sift.present()
    return [_explain(corpus, stages, missing, place) for place in places]


def _explain(
    corpus: Corpus, stages: list[Stage], missing: list[Stage], place: Place
) -> dict[str, Any]:
    names = {*DOCUMENTS.names, *INGEST.names, *decision_columns(stages)}
    names |= {name for stage in stages for name in stage.schema.names}
    with ExitStack() as stack:
        reader = ShardReader(corpus, place.shard, stages, stack)
        columns = reader.read(place.group, names)
        original = reader.documents.read_row_group(place.group, columns=["text"])
    one = {name: column.slice(place.row, 1) for name, column in columns.items()}
    decision = Decision(stages, one, 1)
    text = one["text"][0].as_py()
    source = corpus.manifest.inputs[one["input"][0].as_py()]
    document = {name: _plain(one[name][0].as_py()) for name in DOCUMENTS.names}
    return {
        **document,
        "key": place.key,
        "bytes": one["text_bytes"][0].as_py(),
        "input": source["name"],
        "place": one["place"][0].as_py(),
        "edited": text != original.column("text")[place.row].as_py(),
        "kept": bool(decision.kept[0]),
        "reasons": decision.reasons(stages, 0),
        "stages": [_stage(stage, one) for stage in stages],
        "clusters": relatives(corpus, stages, one, place.shard, place.first + place.row),
        "took_no_part": [stage.name for stage in missing],
    }


def _stage(stage: Stage, columns: dict[str, pa.Array]) -> dict[str, Any]:
    """A stage's signals of one row, and every rule with its value, bound and outcome."""
    status = Status(columns[f"{stage.name}_status"][0].as_py())
    rules = []
    for rule in stage.rules:
        judged = status in (Status.EVALUATED, Status.NOT_APPLICABLE)
        rules.append(
            {
                "rule": f"{stage.name}.{rule.name}",
                "value": _plain(columns[rule.column][0].as_py()),
                "bound": rule.for_row(columns).bound(),
                "failed": bool(judged and rule.failing(columns)[0]),
            }
        )
    signals = {
        name: _plain(columns[name][0].as_py())
        for name in stage.given.values()
        if name != "text" and status == Status.EVALUATED
    }
    return {
        "stage": stage.name,
        "status": STATUS[status],
        "error": columns[f"{stage.name}_error"][0].as_py(),
        "signals": signals,
        "rules": rules,
    }


def _by_key(corpus: Corpus, identifier: str) -> list[Place]:
    match = KEY.fullmatch(identifier)
    if not match or match[1] not in [shard.name for shard in corpus.shards]:
        return []
    row = int(match[2])
    with parquet_file(corpus.documents(match[1])) as file:
        metadata = file.metadata
    first = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if row < first + rows:
            return [Place(match[1], group, row - first, first)]
        first += rows
    return []


def _by_id(corpus: Corpus, identifier: str) -> Iterator[Place]:
    for shard in corpus.shards:
        first = 0
        for group, ids in enumerate(_id_groups(corpus.documents(shard.name))):
            for row in np.flatnonzero(pc.equal(ids, identifier).to_numpy()):
                yield Place(shard.name, group, int(row), first)
            first += len(ids)


def _id_groups(path: Location) -> Iterator[pa.ChunkedArray]:
    with parquet_file(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=["id"]).column("id")


def _not_there(corpus: Corpus, identifier: str) -> str:
    home = corpus.home
    if home.manifest.counts["set_aside"]:
        aside = [
            home.root / side / f"{shard}.parquet"
            for shard, record in home.ingested()
            for side in ("heldout", "reference")
            if side in record.get("files", {})
        ]
        for path in aside:
            if any(pc.any(pc.equal(ids, identifier)).as_py() for ids in _id_groups(path)):
                return f"'{identifier}' was set aside by ingest: it is in {path}"
    rows = sum(shard.rows for shard in corpus.shards)
    return (
        f"no document '{identifier}' among {rows:,} in {corpus.root}: give an id, or a place as "
        "shard:row, such as 00000:0"
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
