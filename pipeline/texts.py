"""Texts of files that are no corpus: read as ingest reads them, by way of a temporary corpus."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.engine import Local, cores
from tamis.pipeline.errors import from_os
from tamis.pipeline.files import parquet_file, remove_below
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.run import IngestJob
from tamis.pipeline.signals import one_chunk
from tamis.pipeline.storage.location import Location
from tamis.pipeline.storage.scratch import scratch


@contextmanager
def temporary_corpus(
    arguments: Sequence[str],
    options: IngestOptions,
    workers: int | None = None,
    quiet: bool = False,
    strict: bool = False,
) -> Iterator[Corpus]:
    """A corpus of these inputs, gone when the block ends."""
    try:
        root = Path(tempfile.mkdtemp(prefix="texts-", dir=scratch()))
    except OSError as error:
        raise from_os(error, "cannot make a temporary corpus (see TMPDIR)") from error
    options = options.model_copy(update={"set_aside": {}})
    try:
        corpus = Corpus(root)
        with corpus.lock():
            job = IngestJob(root, tuple(arguments), options, None, strict)
            Local(cores(workers), quiet).go([job])
            yield corpus
    finally:
        remove_below(root)


def batches(paths: Sequence[Location], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Columns of document files, a row group at a time, every column in one piece."""
    for path in paths:
        with parquet_file(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=list(columns), use_threads=False)
                pieces = [one_chunk(table.column(name)) for name in columns]
                yield pa.record_batch(pieces, names=list(columns))


def documents(corpus: Corpus) -> list[Location]:
    """The document files of a corpus."""
    return [corpus.documents(shard.name) for shard in corpus.shards]
