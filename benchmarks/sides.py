"""The sides that a benchmark runs as processes of their own; each prints what its work took."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from measuring import say_time


def tamis_ingest(source: Path, out: Path) -> None:
    """What the worker of `tamis ingest` does, without the processes around it."""
    from tamis.pipeline.corpus import Corpus
    from tamis.pipeline.guard import Guard
    from tamis.pipeline.ingest.inputs import expand
    from tamis.pipeline.ingest.options import IngestOptions
    from tamis.pipeline.ingest.phase import IngestPhase
    from tamis.pipeline.ingest.plan import plan

    options = IngestOptions()
    inputs = expand([str(source)], list).inputs
    phase = IngestPhase(Corpus(out), inputs, plan(inputs, options.shard_bytes), options)
    with say_time():
        for units in phase.tasks:
            for unit in units:
                phase.work(unit, Guard())


def datatrove_parquet(source: Path, out: Path) -> None:
    """datatrove's reader and Parquet writer."""
    from datatrove.pipeline.writers import ParquetWriter

    _datatrove(source, ParquetWriter(str(out / "documents")), out)


def datatrove_jsonl(source: Path, out: Path) -> None:
    """datatrove's reader and JSONL writer, gzip as it comes."""
    from datatrove.pipeline.writers import JsonlWriter

    _datatrove(source, JsonlWriter(str(out / "documents")), out)


def bare_warc(source: Path, out: Path) -> None:
    """fastwarc and resiliparse alone: the text of every page, kept nowhere."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding
    from resiliparse.parse.html import HTMLTree

    with say_time():
        for record in ArchiveIterator(str(source), record_types=WarcRecordType.response):
            data = record.reader.read()
            page = bytes_to_str(data, record.http_charset or detect_encoding(data))
            extract_plain_text(HTMLTree.parse(page), main_content=True)


def datatrove_warc(source: Path, out: Path) -> None:
    """datatrove's reader, its extractor and its Parquet writer."""
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import ParquetWriter

    reader = WarcReader(str(source.parent), glob_pattern=source.name)
    writer = ParquetWriter(str(out / "documents"))
    _run_datatrove([reader, Trafilatura(timeout=60), writer], out)


def datatrove_tokenize(documents: Path, out: Path, vocabulary: Path) -> None:
    """datatrove's Parquet reader and its DocumentTokenizer, shuffled, one thread."""
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.tokens import DocumentTokenizer

    model = str(vocabulary / "tokenizer.json")
    step = DocumentTokenizer(str(out / "tokens"), model, eos_token="</s>", seed=0)
    _run_datatrove([ParquetReader(str(documents)), step], out)


def _datatrove(source: Path, writer: object, out: Path) -> None:
    from datatrove.pipeline.readers import JsonlReader

    _run_datatrove([JsonlReader(str(source.parent), glob_pattern=source.name), writer], out)


def _run_datatrove(pipeline: list[object], out: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor

    executor = LocalPipelineExecutor(
        pipeline=pipeline, tasks=1, workers=1, logging_dir=str(out / "logs")
    )
    with say_time():
        executor.run()


def read_text(corpus: Path, column: str) -> None:
    """Bare pyarrow over a corpus's documents."""
    with say_time():
        bare(sorted((corpus / "documents").glob("*.parquet")), column)


def bare(paths: list[Path], *columns: str) -> int:
    """Reads columns of Parquet files, row group by row group; returns their bytes in memory."""
    import pyarrow.parquet as pq

    size = 0
    for path in paths:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=list(columns), use_threads=False)
                size += table.nbytes
    return size


SIDES: dict[str, Callable[..., None]] = {
    "tamis-ingest": tamis_ingest,
    "bare-warc": bare_warc,
    "datatrove-warc": datatrove_warc,
    "datatrove-parquet": datatrove_parquet,
    "datatrove-jsonl": datatrove_jsonl,
    "datatrove-tokenize": datatrove_tokenize,
    "read": lambda corpus, column: read_text(corpus, str(column)),
}

if __name__ == "__main__":
    SIDES[sys.argv[1]](*map(Path, sys.argv[2:]))
