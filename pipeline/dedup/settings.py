"""The kind `dedup`: its options, and the columns that it gives every document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa

from tamis.filters.minhash_settings import NAMED, Banding, Shingling
from tamis.pipeline.dedup.curve import curve
from tamis.pipeline.dedup.index import Index, open_index
from tamis.pipeline.errors import Damaged

Method = Literal["minhash", "text", "url", "containment"]
Criterion = Literal["first", "longest", "newest", "perplexity"]
COLUMN_OF: dict[Criterion, str] = {"newest": "date", "perplexity": "perplexity"}
"""What a keeper is chosen by, where that is a column of its own."""
GIVES = pa.schema(
    [
        pa.field("duplicate", pa.bool_()),
        pa.field("duplicate_cluster", pa.int64()),
        pa.field("cluster_size", pa.int32()),
        pa.field("duplicate_of", pa.string()),
        pa.field("duplicate_similarity", pa.float32()),
        pa.field("duplicate_by", pa.string()),
        pa.field("duplicate_band", pa.int16()),
        pa.field("duplicate_chained", pa.bool_()),
    ]
)


KEYED: tuple[Method, ...] = ("minhash", "text", "url")
"""Methods that have keys of their own; containment looks at those who share one of minhash."""


@dataclass(frozen=True)
class Dedup:
    """Finds documents that are copies of others, near or exact, and keeps one of each cluster.

    Source: Broder 1997, On the resemblance and containment of documents; bands and rows as in
    Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """

    methods: tuple[Method, ...] = ("minhash",)
    """What makes two documents copies: similar words, the same text, the same page; or, of long
    ones, one in the other. Several work on one clustering."""

    keep: Criterion = "first"
    """Which one of a cluster stays: the first in the corpus, the longest, the newest, or the one
    with the lowest perplexity; the first of those that are equal in that."""

    similarity: float = 0.7
    """The least Jaccard similarity of a removed document to the one that is kept."""

    verify: Literal["exact", "estimate"] = "exact"
    """How similarity is found: by the sets of shingles, or by the signatures alone."""

    parameters: str = "default"
    """Shingles, bands and rows by name: fineweb, refinedweb, dclm, rpv2-0.8, ..."""

    shingle: int | None = None
    """How many words, or characters, are a shingle; this and what follows override `parameters`."""

    unit: Literal["words", "characters"] | None = None
    digits: Literal["keep", "zero"] | None = None
    bands: int | None = None
    rows: int | None = None
    bits: Literal[32, 64] | None = None
    seed: int | None = None

    contained: float = 0.9
    """The least share of the smaller of two long documents that is also in the larger."""

    long: int = 5_000
    """Words from which on a document is long."""

    centres: int = 1000
    """How many documents of a group that bands join are compared with all others in it."""

    large: int = 1_000
    """Clusters of more documents are named, with samples, in stage.json."""

    alarm: float | Mapping[str, float] = 0.5
    """The share of a source's documents that may go as copies before that is said; or by source."""

    index: tuple[str, ...] = ()
    """Indexes of earlier crawls, made by `tamis index`: what is in them stays where it is."""

    version: ClassVar[int] = 1
    scope: ClassVar[str] = "corpus"

    def __post_init__(self) -> None:
        if not self.methods:
            raise ValueError("methods names none of minhash, text, url, containment")
        if self.parameters not in NAMED:
            raise ValueError(f"parameters is none of {', '.join(NAMED)}")
        for name in ("similarity", "contained"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1")
        if self.centres < 1:
            raise ValueError("centres must be at least 1")
        _ = self.shingling, self.banding  # raise for what they do not take
        _ = self.indexes  # before hours of work, not after them

    @property
    def shingling(self) -> Shingling:
        """What a shingle is."""
        return replace(NAMED[self.parameters][0], **self._given(size="shingle", unit=0, digits=0))

    @property
    def banding(self) -> Banding:
        """The permutations, in bands of rows."""
        return replace(NAMED[self.parameters][1], **self._given(bands=0, rows=0, bits=0, seed=0))

    @property
    def signatures(self) -> dict[str, Any]:
        """What signatures depend on: those of two corpora are comparable if it is the same."""
        return {**asdict(self.shingling), **asdict(self.banding)}

    def _given(self, **names: Any) -> dict[str, Any]:
        values = {name: getattr(self, option or name) for name, option in names.items()}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def keyed(self) -> list[str]:
        """The methods by which documents can meet those of an index."""
        return [method for method in KEYED if method in self.methods]

    @property
    def indexes(self) -> list[Index]:
        """Raises CallError for a folder that is no index, or one of other signatures."""
        found = [open_index(name) for name in self.index]
        for index in found:
            index.check(self.signatures, self.keyed)
        return found

    @property
    def needs(self) -> tuple[str, ...]:
        asked = ["id", "text"]
        if "url" in self.methods:
            asked.append("url")
        if column := COLUMN_OF.get(self.keep):
            asked.append(column)
        return tuple(asked)

    @property
    def gives(self) -> pa.Schema:
        return GIVES

    def prepare(self) -> None:
        """Compiles the kernels, which are kept on disk."""
        from tamis.pipeline.dedup.kernels import compile_all

        compile_all(self.shingling, self.banding)

    def assets(self) -> dict[str, Path]:
        """What says which files are in every index."""
        return {f"index.{number}": index.record for number, index in enumerate(self.indexes)}

    def for_documents(self, documents: str) -> Dedup:
        """The same for a corpus of these documents: without what it added to an index itself."""
        records = (str(index.before(documents)) for index in self.indexes)
        return replace(self, index=tuple(records)) if self.index else self

    def parts(self) -> list[Path]:
        """The files of all indexes; raises Damaged if one is gone."""
        paths = [path for index in self.indexes for path in index.paths]
        for path in paths:
            if not path.is_file():
                raise Damaged(f"{path}, a part of an index, is gone: restore it from a copy")
        return paths

    @property
    def preview(self) -> str:
        """What `--dry-run` shows: which share of copies the bands find."""
        return curve(self.banding, self.similarity) if "minhash" in self.methods else ""

    def allowed(self, source: str | None) -> float:
        """The share of a source's documents that may go."""
        if isinstance(self.alarm, Mapping):
            return self.alarm.get(source or "", 1.0)
        return self.alarm
