"""Appending to an index what a corpus publishes: the documents that its written answer keeps."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tamis.pipeline import files, lock
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup import signatures
from tamis.pipeline.dedup.asked import dedup_stage, parameters
from tamis.pipeline.dedup.index import BEFORE, FORMAT, INDEX, Index, open_index
from tamis.pipeline.dedup.signatures import Signatures
from tamis.pipeline.dedup.work import signature_file
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.ledger import Decision
from tamis.pipeline.phase import Runner
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.rounds import clusters
from tamis.pipeline.sift import Sift, command
from tamis.pipeline.signals import ShardReader, decision_columns, promise
from tamis.pipeline.stage import Stage

NAME = re.compile(r"[\w][\w.-]*")
END = 1 << 64


@dataclass(frozen=True)
class Appended:
    """What an index holds of a crawl, and of all."""

    name: str
    documents: int
    all_documents: int
    crawls: int
    new: bool
    """False if it was there already."""


def append(
    corpus: Corpus, recipe: Recipe, folder: Path, name: str, stage: str | None, runner: Runner
) -> Appended:
    """Adds a crawl to an index, which is made if there is none; of one that is there, nothing.

    Raises CallError for a folder of something else, other signatures, or a name that is taken;
    WorkError if the answer of the corpus is not whole.
    """
    if not NAME.fullmatch(name):
        raise CallError(f"'{name}' is no name for a crawl: letters, digits, '.', '-' and '_'")
    sift = Sift(corpus, recipe)
    chosen = dedup_stage(sift, stage)
    stages = _answer(sift, runner)
    measure = parameters(chosen)
    if folder.exists() and not folder.is_dir():
        raise CallError(f"{folder} is a file: name a folder for the index")
    with lock.lease(folder):
        index = _claimed(folder, measure.signatures, measure.keyed)
        files.sweep(folder)
        facts = {
            "documents": corpus.documents_digest,
            "answer": promise(stages, sift.fingerprints),
        }
        new = not _is_there(index, name, facts)
        if new:
            index = _appended(index, corpus, chosen, stages, name, facts)
    return Appended(
        name,
        sum(part["rows"] for part in index.of(name)),
        sum(part["rows"] for part in index.parts),
        len({part["name"] for part in index.parts}),
        new,
    )


def _answer(sift: Sift, runner: Runner) -> list[Stage]:
    """All stages, their clusters settled."""
    stages, missing = sift.present()
    root = sift.corpus.root
    if missing:
        raise WorkError(
            f"stage '{missing[0].name}' is missing or stale, so what {root} publishes is not "
            f"known: run `tamis {command(missing[0])} {root}`, then `tamis write {root}`"
        )
    sift.check_measured(stages, runner)
    for stage in stages:
        if clusters(stage) and stage.view:
            raise WorkError(
                f"the clusters of stage '{stage.name}' are not settled by the rules after it: "
                f"run `tamis write {root}` first"
            )
    return stages


def _claimed(folder: Path, made: dict[str, Any], methods: list[str]) -> Index:
    """The index in a folder, an empty one if the folder is; raises CallError for anything else."""
    there = sorted(path.name for path in folder.iterdir() if path.name != ".lock")
    if INDEX not in there:
        if there:
            raise CallError(
                f"{folder} holds files that are not tamis's ({there[0]}, ...): "
                "choose an empty folder, or an index"
            )
        content = {"format": FORMAT, "signatures": made, "methods": methods, "parts": []}
        files.write_json(folder / INDEX, content)
    index = open_index(str(folder))
    index.check(made, methods)
    if lacking := sorted({*index.content["methods"]} - {*methods}):
        raise CallError(
            f"{folder} has keys for {', '.join(lacking)}, which this recipe does not make: "
            "give its stage these methods too, or choose another folder"
        )
    return index


def _is_there(index: Index, name: str, facts: dict[str, str]) -> bool:
    """Whether these documents are in the index; raises CallError if that is in another way."""
    for part in index.parts:
        same = part["documents"] == facts["documents"]
        if same and part["name"] != name:
            raise CallError(f"{index.folder} has these documents already, as '{part['name']}'")
        if same and part["answer"] != facts["answer"]:
            raise CallError(
                f"{index.folder} has '{name}' by another answer of this corpus; what is published "
                "stays: go on with the recipe that it was published by"
            )
        if part["name"] == name and not same:
            raise CallError(
                f"{index.folder} has other documents under '{name}': give these a name of their "
                "own with --name"
            )
    return bool(index.of(name))


def _appended(
    index: Index,
    corpus: Corpus,
    stage: Stage,
    stages: list[Stage],
    name: str,
    facts: dict[str, str],
) -> Index:
    """Writes the parts, then the record of what was there before, then the index."""
    home = index.folder / name
    parts: list[dict[str, Any]] = []
    written: set[Path] = set()
    for shard in corpus.shards:
        kept = _kept(corpus, shard.name, stages)
        file = Signatures.open(signature_file(corpus, stage.name, shard.name))
        rows = chosen_rows(file, kept[file.row])
        place = home / f"{shard.name}.arrow"
        home.mkdir(exist_ok=True)
        signatures.write(place, rows)
        part = {"file": f"{name}/{place.name}", "name": name, "rows": len(rows.row)}
        parts.append({**part, "sha256": files.digest(place), **facts})
        written.add(place)
    with files.atomic(home / BEFORE) as draft:
        draft.path.write_bytes(index.record.read_bytes())
    files.write_json(index.record, {**index.content, "parts": [*index.parts, *parts]})
    for path in home.glob("*.arrow"):  # what an interrupted append of a larger corpus left
        if path not in written:
            path.unlink()
    return open_index(str(index.folder))


def _kept(corpus: Corpus, shard: str, stages: list[Stage]) -> Any:
    """bool[n]: which documents of a shard the rules of all stages keep."""
    names, found = decision_columns(stages), [np.empty(0, np.bool_)]
    with ExitStack() as stack:
        reader = ShardReader(corpus, shard, stages, stack)
        for group in range(reader.row_groups):
            columns = reader.read(group, names)
            found.append(Decision(stages, columns, reader.rows(group)).kept)
    return np.concatenate(found)


def chosen_rows(file: Signatures, chosen: Any) -> signatures.Rows:
    """Some rows of a signature file, as a file of their own has them.

    chosen: bool[n].
    """
    positions = np.flatnonzero(chosen)
    now = np.cumsum(chosen) - 1
    bands = {}
    for band in file.bands:
        keys, order = file.slice(band, 0, END)
        mine = chosen[order]
        bands[band] = (keys[mine], now[order[mine]].astype(np.uint32))
    return signatures.Rows(
        row=file.row[positions],
        id=pa.array(file.ids(positions), pa.string()),
        priority=file.priority[positions],
        text_hash=file.text_hash[positions],
        url_hash=file.url_hash[positions],
        shingles=file.shingles[positions],
        signature=file.signature[positions],
        bands=bands,
    )
