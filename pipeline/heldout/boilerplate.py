"""Held-out documents that half the pool shares text with: notices, templates, generated pages."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.files import parquet_file

COPIES = 10
"""Documents of the pool that a held-out document may share n-grams with."""


def matches(corpus: Corpus, stage_name: str) -> Counter[str]:
    """How many documents share n-grams with each reference, `FILE:ID`, by a stage's signals.

    Raises CallError if the stage has not measured every shard.
    """
    column = "decontaminate_by" if stage_name == "decontaminate" else f"{stage_name}_by"
    counts: Counter[str] = Counter()
    for shard in corpus.shards:
        path = corpus.signals(stage_name, shard.name)
        if corpus.record(stage_name, shard.name) is None:
            raise CallError(
                f"{corpus.root}: stage '{stage_name}' has not measured shard {shard.name}: run "
                f"`tamis stage {stage_name} {corpus.root}` first"
            )
        try:
            with parquet_file(path) as file:
                for group in range(file.num_row_groups):
                    counts.update(_named(file, group, column))
        except (pa.ArrowException, KeyError, FileNotFoundError) as error:
            raise WorkError(f"{path} cannot be read: {error}") from error
    return counts


def _named(file: pq.ParquetFile, group: int, column: str) -> dict[str, int]:
    found = file.read_row_group(group, columns=[column], use_threads=False).column(column)
    counted = pc.value_counts(pc.list_flatten(found.combine_chunks()))
    return {one["values"]: one["counts"] for one in counted.to_pylist()}


def boilerplate(corpus: Corpus, stage_name: str, more_than: int = COPIES) -> set[str]:
    """The references that more documents than that share n-grams with, `FILE:ID`."""
    return {name for name, count in matches(corpus, stage_name).items() if count > more_than}
