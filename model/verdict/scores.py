"""What one run got on the held-out documents, summed over their groups."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.model.errors import ModelError
from tamis.model.score.intervals import by_group
from tamis.model.verdict.plan import Domain
from tamis.model.verdict.student import Doubles

COLUMNS = {
    "domain": pa.string(),
    "id": pa.string(),
    "group": pa.string(),
    "nats": pa.float64(),
    "bytes": pa.int64(),
}
ORDER = ("group", "id", "bytes", "nats")
"""Of documents, so that sums are the same whatever order they were scored in."""


@dataclass(frozen=True)
class Scored:
    """Sums over the groups of each domain, in the order of the groups' names."""

    path: Path
    nats: dict[str, Doubles] = field(repr=False)
    bytes: dict[str, Doubles] = field(repr=False)
    digests: dict[str, str] = field(repr=False)
    """Of the ids, groups and bytes of each domain: of what was scored, not how well."""


def read_scores(path: Path, domains: Sequence[Domain]) -> Scored:
    """A score file; ModelError for one that is missing or broken, or has not these domains."""
    table = _table(path)
    there = set(table["domain"].to_pylist())
    if there != (named := {one.name for one in domains}):
        less, more = sorted(named - there), sorted(there - named)
        said = [f"nothing of '{one}'" for one in less[:1]] + [f"also '{one}'" for one in more[:1]]
        raise ModelError(f"{path} has other domains than the plan: {' and '.join(said)}")
    scored = Scored(path, {}, {}, {})
    for one in domains:
        mine = table.filter(pc.equal(table["domain"], one.name))
        if mine.num_rows != one.documents:
            raise ModelError(
                f"{path} has {mine.num_rows:,} documents of '{one.name}', and the plan "
                f"{one.documents:,}: score the run again"
            )
        _add(scored, one.name, mine.sort_by([(key, "ascending") for key in ORDER]))
    return scored


def _add(scored: Scored, domain: str, rows: pa.Table) -> None:
    """Adds a domain; documents of no byte have no part in it."""
    scored.digests[domain] = _digest(rows)
    rows = rows.filter(pc.greater(rows["bytes"], 0))
    if not rows.num_rows:
        raise ModelError(f"{scored.path}: no document of '{domain}' has a byte of text")
    sums = by_group(rows["group"].to_pylist(), rows["nats"].to_numpy(), rows["bytes"].to_numpy())
    scored.nats[domain], scored.bytes[domain] = sums


def _table(path: Path) -> pa.Table:
    if not path.is_file():
        raise ModelError(f"{path} is missing: the run is not finished, or was not scored")
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(columns=list(COLUMNS))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}; score the run again") from None
    for name, kind in COLUMNS.items():
        if name not in table.column_names or table[name].type != kind:
            raise ModelError(f"{path}: no column '{name}' of {kind}: `tamis score` writes it")
        if table[name].null_count:
            raise ModelError(f"{path}: the column '{name}' has nulls: score the run again")
    if not np.isfinite(nats := table["nats"].to_numpy()).all() or (nats < 0).any():
        wrong = int(np.flatnonzero(~(nats >= 0) | np.isinf(nats))[0])
        raise ModelError(
            f"{path}: document '{table['id'][wrong]}' of '{table['domain'][wrong]}' has "
            f"{nats[wrong]} nats: its model is broken, train it again"
        )
    if (table["bytes"].to_numpy() < 0).any():
        raise ModelError(f"{path}: a document of fewer than no bytes: score the run again")
    return table


def _digest(rows: pa.Table) -> str:
    """SHA-256 of which documents these are, in the order of groups and ids."""
    made = hashlib.sha256()
    for key in ("group", "id", "bytes"):
        for value in rows[key].to_pylist():
            made.update(f"{value}\0".encode())
        made.update(b"\n")
    return made.hexdigest()
