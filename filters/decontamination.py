"""Decontamination: which documents share n-grams of words with texts that are to be kept apart.

Words are those of near-duplicates: letters and digits in lower case without accents, so that case,
punctuation and whitespace count for nothing. An n-gram of a hash of 64 bits is taken for another in
one document of 10^6, if the references have 10^9 of them and the document 10^4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.filters.references import Reference, files_of, read

if TYPE_CHECKING:
    from tamis.filters.kernels.arrays import Hashes, Ints
    from tamis.filters.kernels.overlap import Found, Table

WORKERS_NEED = ("tamis.filters.kernels.overlap",)
"""What a process that measures imports besides: Numba, which a command that does not is spared."""
MOST = 1000
"""References that are named of a document."""
LONGEST = 64
"""Words of an n-gram: what is covered is kept in the bits of one number."""
_PART = 8 << 20  # bytes of reference text that are cut into n-grams at once


@dataclass(frozen=True)
class Decontaminate:
    """How many n-grams a document shares with reference texts, and with which.

    Sources: Brown et al. 2020, GPT-3 (arXiv 2005.14165), appendix C, 13-grams; Touvron et al. 2023,
    Llama 2 (arXiv 2307.09288), appendix A.6, the share of tokens in them.
    """

    against: tuple[str, ...] = ()
    """The references: files of JSON lines (.jsonl, .jsonl.gz) or Parquet, or folders of them."""

    fields: tuple[str, ...] = ("text",)
    """The fields of an item that are looked at, each by itself, as far as the item has them."""

    ngram: int = 13
    """Words of an n-gram."""

    shortest: int = 8
    """References of fewer words than an n-gram has, but at least so many, are looked for whole;
    those of even fewer are ignored. GPT-3 takes n-grams of 8 to 13 words."""

    ignore: str = ""
    """A file of n-grams that count for nothing, hashes as `frequent` gives them: phrases."""

    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema(
        [
            pa.field("decontaminate_ngrams", pa.int32()),
            pa.field("decontaminate_share", pa.float32()),
            pa.field("decontaminate_by", pa.list_(pa.string())),
        ]
    )

    def __post_init__(self) -> None:
        if not 1 <= self.ngram <= LONGEST:
            raise ValueError(f"ngram is 1 to {LONGEST}")
        if self.shortest < 1:
            raise ValueError("shortest is 1 or more")
        if not self.fields:
            raise ValueError("fields names one field or more")

    def assets(self) -> dict[str, Path]:
        """The files of the references, and of what is ignored."""
        found = {f"against.{name}": path for name, path in self._files().items()}
        return found | ({"ignore": Path(self.ignore)} if self.ignore else {})

    def prepare(self) -> None:
        """Reads the references, so that a broken one is known before anything is measured, and
        compiles the kernels, which are kept on disk.

        Raises FileNotFoundError where there is none, ValueError for a broken one.
        """
        if not self.against:
            raise FileNotFoundError(
                "it has nothing to compare with: name evaluation sets or held-out texts, files or "
                "folders, as its option against"
            )
        text = pa.array(["One document."], pa.large_string())
        self.measure(pa.record_batch([text], names=["text"]))

    def references(self) -> References:
        """The references' n-grams; read once by a process while the files are as they are."""
        return _load(
            tuple((name, path, *_state(path)) for name, path in self._files().items()),
            self.fields,
            self.ngram,
            min(self.shortest, self.ngram),
            (self.ignore, *_state(Path(self.ignore))) if self.ignore else None,
        )

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Words at which an n-gram ends that a reference has, the share of the words that are in
        such n-grams (0 without words), and the references, in their order, MOST at most.
        """
        known = self.references()
        found, named = _found(known.table, batch.column("text"), MOST)
        columns = [
            pa.array(found.ngrams),
            pa.array(_shares(found).astype(np.float32)),
            pa.ListArray.from_arrays(pa.array(found.ends), known.names.take(pa.array(named))),
        ]
        return pa.record_batch(columns, schema=self.gives)

    def _files(self) -> Mapping[str, Path]:
        return files_of([Path(place) for place in self.against])


class References(NamedTuple):
    """What documents are compared with."""

    names: pa.StringArray
    table: Table | None
    """None if there is no n-gram: all are too short."""
    short: int
    """References without any n-gram, all their fields being too short; these are ignored."""


def frequent(
    measure: Decontaminate, texts: Iterable[pa.LargeStringArray], more_than: int
) -> Hashes:
    """The n-grams of the references, as hashes, that more than so many of some texts have."""
    from tamis.filters.kernels import overlap

    table = measure.references().table
    if table is None:
        return np.empty(0, np.uint64)
    single = overlap.by_gram(table)
    counts = np.zeros(len(table.keys), np.int64)
    for some in texts:
        counts += np.bincount(_found(single, some, len(table.keys))[1], minlength=len(counts))
    return table.keys[counts > more_than]


def shares_in(
    measure: Decontaminate, ngrams: Hashes, texts: pa.LargeStringArray
) -> npt.NDArray[np.float64]:
    """Which share of the words of each text is in some of the references' n-grams."""
    from tamis.filters.kernels import overlap

    table = measure.references().table
    if table is None or not len(ngrams):
        return np.zeros(len(texts))
    these = overlap.table(ngrams, np.zeros(len(ngrams), np.int32), table.sizes, 1)
    return _shares(_found(these, texts, MOST)[0])


def _found(table: Table | None, texts: pa.LargeStringArray, most: int) -> tuple[Found, Ints]:
    """What the kernel finds, and the references of every text, one after the other."""
    from tamis.filters.kernels import edits, overlap
    from tamis.filters.kernels.simple_words import simple_words

    source, rows = edits.texts(texts), len(texts)
    found = overlap.Found(
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int64),
        np.zeros(rows, np.int64),
        np.zeros(rows + 1, np.int32),
    )
    if table is None:
        return found, np.empty(0, np.int32)
    room = overlap.room(simple_words(False), int(table.sizes[-1]))
    return found, overlap.find(source.data, source.ends, room, table, found, most)


def _shares(found: Found) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = found.covered / np.maximum(found.words, 1)
    return shares


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=1)
def _load(
    files: tuple[tuple[str, Path, int, int], ...],
    fields: tuple[str, ...],
    size: int,
    shortest: int,
    ignore: tuple[str, int, int] | None,
) -> References:
    from tamis.filters.kernels import overlap

    names: list[str] = []
    hashes: list[np.ndarray] = []
    owners: list[np.ndarray] = []
    used = np.zeros(LONGEST + 1, np.uint8)
    items = chain.from_iterable(read(name, path, fields) for name, path, _, _ in files)
    for part in _parts(items):
        counts = [len(reference.pieces) for reference in part]
        mine = np.repeat(np.arange(len(names), len(names) + len(part), dtype=np.int32), counts)
        names += [reference.name for reference in part]
        pieces = pa.array([p for reference in part for p in reference.pieces], pa.large_string())
        found, grams = _grams(pieces, size, shortest, used)
        hashes.append(found)
        owners.append(np.repeat(mine, grams))
    sizes = np.flatnonzero(used)
    if not len(sizes):
        return References(pa.array(names, pa.string()), None, len(names))
    every_hash, every_owner = np.concatenate(hashes), np.concatenate(owners)
    short = len(names) - len(np.unique(every_owner))
    if ignore:
        kept = ~np.isin(every_hash, _ignored(ignore[0]))
        every_hash, every_owner = every_hash[kept], every_owner[kept]
    table = overlap.table(every_hash, every_owner, sizes, len(names))
    return References(pa.array(names, pa.string()), table, short)


def _ignored(place: str) -> Hashes:
    try:
        found = np.load(place, allow_pickle=False)
        if found.dtype != np.uint64 or found.ndim != 1:
            raise ValueError("it holds something else")
    except (ValueError, EOFError) as error:
        raise ValueError(f"{place} is no file of n-grams to ignore: {error}") from error
    hashes: Hashes = found
    return hashes


def _grams(
    pieces: pa.LargeStringArray, size: int, shortest: int, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams of some pieces, and how many each has."""
    from tamis.filters.kernels import edits, overlap
    from tamis.filters.kernels.simple_words import SLACK, simple_words

    source = edits.texts(pieces)
    found = np.empty(int(source.ends[-1] - source.ends[0]) + SLACK, np.uint64)
    stops = np.zeros(len(pieces), np.int64)
    room = overlap.room(simple_words(False), size)
    overlap.write_grams(source.data, source.ends, room, size, shortest, found, stops, used)
    return found[: stops[-1]].copy(), np.diff(stops, prepend=0)


def _parts(references: Iterator[Reference]) -> Iterator[Sequence[Reference]]:
    """References, so many together that they have some megabytes of text."""
    part: list[Reference] = []
    held = 0
    for reference in references:
        part.append(reference)
        held += sum(map(len, reference.pieces))
        if held >= _PART:
            yield part
            part, held = [], 0
    if part:
        yield part
