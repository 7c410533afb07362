"""What a dedup stage found: for stage.json, the ledger, and whoever watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow.compute as pc

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.rates import alarms, large_clusters, total
from tamis.pipeline.dedup.work import Work, notes_file, numbers, signature_file, stars_name
from tamis.pipeline.rounds import FIRST, clusters
from tamis.pipeline.stage import Stage

HOSTS = 20
SHORT = (
    "settled",
    "clusters",
    "documents",
    "chained",
    "of_published",
    "first_round",
    "second_round",
)
"""What of it stands in the ledger."""
NOTES = {1: "round-1", 2: "round-2"}
"""The records of what a round found, beside those of shards."""


def note_first(work: Work, units: int) -> None:
    """Notes what is known of the first round while its files are there."""
    if _is_noted(work, 1):
        return
    groups = work.read("members").column("component")
    left = [work.fact(stars_name(unit), "uncompared") for unit in range(units)]
    found = {
        "groups": pc.count_distinct(groups).as_py(),
        "in_groups": len(groups),
        "longest_run": work.fact("members", "longest"),
        "uncompared_pairs": sum(count or 0 for count in left),
    }
    work.corpus.complete(work.stage.name, NOTES[1], {"key": work.key, **found})


def note_second(work: Work) -> None:
    """Notes what the second round did: clusters, of how many documents, and who passed of them."""
    if _is_noted(work, 2):
        return
    members = work.read("members")
    failed = members.num_rows - int(numbers(members, "failed").astype(int).sum())
    found = {
        "clusters": pc.count_distinct(members.column("component")).as_py(),
        "documents": members.num_rows,
        "passed": failed,
    }
    work.corpus.complete(work.stage.name, NOTES[2], {"key": work.key, **found})


def _is_noted(work: Work, number: int) -> bool:
    """Whether it was noted before: then files of the round may be gone."""
    note = work.corpus.record(work.stage.name, NOTES[number])
    return note is not None and note["key"] == work.key


def summary(corpus: Corpus, stage: Stage) -> dict[str, Any]:
    """What a stage found, by the view it is in."""
    records = [record for record in corpus.records(stage.place) if record]
    sizes = Counter[int]()
    for record in records:
        sizes.update({int(size): count for size, count in record["sizes"].items()})
    return {
        "settled": not stage.view,
        "clusters": sizes.total(),
        "documents": sum(size * count for size, count in sizes.items()),
        "chained": sum(record["chained"] for record in records),
        "of_published": sum(record["published"] for record in records),
        "first_round": _note(corpus, stage, 1),
        "second_round": None if stage.view else _note(corpus, stage, 2),
        "sizes": {str(size): count for size, count in sorted(sizes.items())},
        "large": large_clusters(records),
        "sources": total(records, "sources"),
        "hosts": dict(list(total(records, "hosts").items())[:HOSTS]),
    }


def borrow_signatures(corpus: Corpus, arm: Corpus, stage: str, shard: str) -> None:
    """Gives an arm the signatures of a shard, and what is known of the first round."""
    records = f"{stage}/signatures"
    for place in (signature_file, notes_file):
        if (file := place(corpus, stage, shard)).exists():
            files.copy(file, place(arm, stage, shard))
    arm.complete(records, shard, corpus.record(records, shard) or {})
    if note := corpus.record(stage, NOTES[1]):
        arm.complete(stage, NOTES[1], note)


def _note(corpus: Corpus, stage: Stage, number: int) -> dict[str, Any] | None:
    note = corpus.record(stage.name, NOTES[number])
    return note and {name: value for name, value in note.items() if name != "key"}


def in_short(corpus: Corpus, stages: Sequence[Stage]) -> dict[str, dict[str, Any]]:
    """What the ledger says of every stage that keeps one of each cluster."""
    found = {}
    for stage in filter(clusters, stages):
        whole = summary(corpus, stage)
        found[stage.name] = {key: whole[key] for key in SHORT}
    return found


def summaries(corpus: Corpus, stages: Sequence[Stage]) -> dict[str, Any]:
    """By stage, what its stage.json says besides: of those that keep one of each cluster."""
    return {s.name: {"clusters": summary(corpus, s)} for s in stages if clusters(s)}


def warnings(corpus: Corpus, stage: Stage) -> list[str]:
    """What to say of sources that lose much and of clusters that are large."""
    measure: Any = stage.measure
    found = summary(corpus, replace(stage, view=FIRST))
    said = alarms(measure, found["sources"])
    if large := found["large"]:
        first = large[0]
        said.append(
            f"{len(large)} clusters of more than {measure.large:,} documents, the largest of "
            f"{first['documents']:,}: look at {first['samples'][0]} with `tamis why`; all are in "
            "stage.json"
        )
    if skipped := found["first_round"]["uncompared_pairs"]:
        said.append(f"{skipped:,} pairs were not compared (see `centres`): those stay")
    return said
