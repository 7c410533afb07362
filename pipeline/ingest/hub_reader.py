"""Rows of a Hugging Face dataset, by datatrove's reader: file after file, in small batches.

datatrove loads the dataset, streaming, and says which of its files are a rank's. Its way with rows
is not taken, since it passes over those without a text: the documents that it hands on here are
whole batches of rows, and what could not be read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from datatrove.pipeline.readers.huggingface import HuggingFaceDatasetReader
from huggingface_hub.errors import HfHubHTTPError

from tamis.pipeline.errors import WorkError
from tamis.pipeline.ingest import hub, parquet
from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.records import Extractor, Rows, without_text

FILE_BITS = 32  # a row's place is its number in its file, and above these bits the file's number
_UNREACHABLE = (ConnectionError, TimeoutError, FileNotFoundError, PermissionError, HfHubHTTPError)


@dataclass
class Batch(parquet.Batch):
    """Some rows of a file of the dataset."""

    file: int = 0
    name: str = ""


def read(
    source: Input, options: IngestOptions, rank: int, ranks: int
) -> Iterator[Batch | Unreadable]:
    """The rows of the files of one rank, and what cannot be read of them.

    The library tries a lost connection again: 20 times, 5 s apart; then the rest of that file is an
    error. Raises WorkError where the dataset cannot be opened, Unreadable where it is broken.
    """
    dataset, library = hub.parse(source.path), hub.load_datasets()
    with tempfile.TemporaryDirectory(prefix="tamis-") as cache:
        # Not the user's cache: where the Hub does not answer, the library takes what lies there
        # under the dataset's name, of whatever revision.
        given: dict[str, Any] = {
            "name": dataset.config,
            "revision": dataset.revision,
            "cache_dir": cache,
        }
        try:
            builder = library.load_dataset_builder(hub.address(dataset), **given)
            reader = _Reader(
                hub.address(dataset), {**given, "split": dataset.split}, True, adapter=_whole
            )
            reader.urls = list(builder.config.data_files[dataset.split])
            reader.names = hub.inside(dataset, reader.urls)
            reader.file_bytes = source.bytes // source.parts
            reader.parquet, reader.options = builder.name == "parquet", options
            for document in reader.run(rank=rank, world_size=ranks):
                yield document.metadata["batch"]
        except Exception as error:
            if not _is_network(error):
                raise _lost(error, "file") from error
            raise WorkError(
                f"{source.path} cannot be opened: {type(error).__name__}: {error}; "
                "run the same command again to go on"
            ) from error


def rows(batch: Batch, extractor: Extractor, start: int, stop: int) -> Rows:
    """The documents and errors of rows start to stop of a batch.

    The ids that rows without one get depend on their file and their number in it.
    """
    named = replace(extractor.input, name=f"{extractor.input.name}/{batch.name}")
    made = parquet.rows(batch, Extractor(named, extractor.options), start, stop)
    made.places = [batch.file << FILE_BITS | place for place in made.places]
    made.errors = [(f"{batch.name}, {where}", error) for where, error in made.errors]
    return made


def place_of(batch: Batch, row: int) -> str:
    """Where a row of a batch is."""
    return f"{batch.name}, {parquet.place_of(batch, row)}"


def _whole(_: Any, data: dict[str, Any], path: str, number: str) -> dict[str, Any]:
    """What datatrove is told of a batch: a text that is not empty, so that it is handed on."""
    return {"text": "batch", "id": number, "metadata": data}


class _Reader(HuggingFaceDatasetReader):  # type: ignore[misc]
    """datatrove's reader, whose rows are batches."""

    urls: list[str]
    names: list[str]
    """The paths of the split's files in the repository."""
    parquet: bool
    file_bytes: int
    options: IngestOptions

    def _get_dataset_shard(self, dst: Any, rank: int, world_size: int) -> _Files | None:
        of_rank = super()._get_dataset_shard(dst, rank, world_size)
        numbers = range(rank, dst.num_shards, world_size)
        # Some kinds of dataset divide their files, and have more parts than files.
        known = len(self.names) == dst.num_shards
        names = self.names if known else [f"part {n}" for n in range(dst.num_shards)]
        files = [_File(n, names[n], self.urls[n] if self.parquet else "") for n in numbers]
        return of_rank and _Files(of_rank, files, self.file_bytes, self.options)


@dataclass
class _File:
    number: int
    name: str
    url: str
    """Of Parquet alone."""


@dataclass
class _Files:
    """The files of a rank, in the form that the reader reads: columns by name, all of one row."""

    dataset: Any
    files: list[_File]
    file_bytes: int
    """About how long each is, for whoever watches."""
    options: IngestOptions

    def iter(self, _: int) -> Iterator[dict[str, list[Batch | Unreadable]]]:
        for part, file in enumerate(self.files):
            row = 0
            try:
                for found in self._parquet(part, file) if file.url else self._other(part, file):
                    yield {"batch": [found]}
                    row += found.records
            except Exception as error:  # noqa: BLE001 - of any library: the other files are read
                yield {"batch": [_lost(error, f"{file.name}, from row {row} on")]}

    def _parquet(self, part: int, file: _File) -> Iterator[Batch | Unreadable]:
        """A file by our own reader: the library holds a row group whole, and three times over."""
        from datasets.utils.file_utils import xopen  # which tries again, as the library itself does

        with xopen(file.url, "rb") as raw:
            for found in parquet.read_open(raw, self.file_bytes, self.options):
                if isinstance(found, Unreadable):
                    yield _lost(found, f"{file.name}, {found.where}")
                else:
                    at = part * self.file_bytes + found.block
                    yield Batch(found.first, found.columns, at, file.number, file.name)

    def _other(self, part: int, file: _File) -> Iterator[Batch | Unreadable]:
        one, row = self.dataset.shard(num_shards=len(self.files), index=part), 0
        for table in one.with_format("arrow").iter(parquet.BATCH_ROWS):
            if not row and (missing := without_text(table.column_names, self.options)):
                raise Unreadable("no_text", missing)
            for batch in table.combine_chunks().to_batches():
                yield Batch(row, batch, part * self.file_bytes, file.number, file.name)
                row += batch.num_rows


def _lost(error: Exception, where: str) -> Unreadable:
    if isinstance(error, Unreadable):
        network = isinstance(error.__cause__, Exception) and _is_network(error.__cause__)
        reason = "unreadable_file" if network else error.reason
        return Unreadable(reason, error.detail, error.records, where)
    reason = "unreadable_file" if _is_network(error) else "corrupt_file"
    return Unreadable(reason, f"{type(error).__name__}: {error}", where=where)


def _is_network(error: Exception) -> bool:
    """Whether something did not come, rather than not being what it should."""
    # The library for HTTP is another with every version of the Hub's.
    kinds = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, _UNREACHABLE) or bool(kinds & {"httpx", "httpx2", "aiohttp"})
