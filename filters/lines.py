"""Lines and paragraphs that many documents have, taken out of them: CCNet's and Llama 3's rules.

Which units are seen how often is counted over the whole corpus or groups of it beforehand; what is
to go lies in sorted tables of hashes, which every process maps into its memory.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from tamis.filters.kernels.line_hashes import Units

FOUND = pa.schema(
    [
        pa.field("hash", pa.uint64()),
        pa.field("count", pa.uint32()),
        pa.field("input", pa.int32()),
        pa.field("place", pa.int64()),
        pa.field("line", pa.int32()),
    ]
)
"""Units by hash, sorted: how often each was seen, and the row and number of the first."""
SPANS = pa.schema(
    [
        pa.field("input", pa.int32()),
        pa.field("first", pa.int64()),
        pa.field("last", pa.int64()),
    ]
)
"""Where the rows of a group are: places first to last of inputs."""
LAYOUT = b"layout"
SPAN_BITS = 32
"""A span is within one number of places above these bits: a file of a dataset."""
Table = dict[str, npt.NDArray[Any]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """Drops units of text that were seen more than so often, but perhaps for the first.

    Sources: Wenzek et al. 2019, CCNet (arXiv 1911.00359), section 3.1, and cc_net/dedup.py;
    Llama 3 (arXiv 2407.21783), section 3.1.
    """

    unit: Literal["line", "paragraph", "sentences"] = "line"
    """What stands between newlines (CCNet's paragraph is this), or between blank lines; or every
    span of three sentences, of which each goes that is in a span to go (C4's paper)."""

    keep: Literal["none", "first"] = "none"
    """Whether the first copy of what is seen too often stays."""

    more_than: int = 1
    """Units that are seen more often go."""

    count: Literal["documents", "copies"] = "documents"
    """What is counted: documents, as in CCNet, where of several copies in one document the first
    stands for all and the others go anyway; or every copy."""

    form: Literal["ccnet", "lower", "exact"] = "ccnet"
    """What units are compared by: lower case, digits as 0, without typographic punctuation and
    control characters; lower case only (C4's code); or as they are. Whitespace at the ends never
    counts."""

    shortest: int = 1
    """Units of fewer characters in this form are neither counted nor dropped. 1 leaves empty lines
    alone; CCNet: 0."""

    group_shards: int = 0
    """Seen in how many shards that follow one another; 0 for all. CCNet: 50 of 1,600."""

    group_documents: int = 0
    """The same by the number of documents; 0 for all. Llama 3: 30,000,000."""

    version: ClassVar[int] = 1
    scope: ClassVar[str] = "table"
    gives: ClassVar[pa.Schema] = pa.schema(
        [
            pa.field("lines", pa.int32()),
            pa.field("lines_removed", pa.int32()),
            pa.field("lines_repeated", pa.int32()),
            pa.field("lines_removed_bytes", pa.int64()),
            pa.field("lines_kept_bytes", pa.int64()),
            pa.field("text", pa.large_string()),
        ]
    )

    def __post_init__(self) -> None:
        if self.more_than < 1:
            raise ValueError("more_than is 1 or more")
        if min(self.shortest, self.group_shards, self.group_documents) < 0:
            raise ValueError("a limit is not negative")
        if self.group_shards and self.group_documents:
            raise ValueError("groups are of so many shards or of so many documents, not both")

    @property
    def needs(self) -> tuple[str, ...]:
        """Rows are known by input and place, where it matters which is whose."""
        return ("text", "input", "place") if self.grouped or self.keep == "first" else ("text",)

    @property
    def grouped(self) -> bool:
        """Whether a unit is looked for in a part of the corpus only."""
        return self.group_shards > 0 or self.group_documents > 0

    def with_table(self, folder: Path) -> Lines:
        """The measure with the tables of a folder: see Tables."""
        made = copy.copy(self)
        object.__setattr__(made, "_tables", Tables(folder))
        return made

    def prepare(self) -> None:
        """Compiles the kernels, which are kept on disk."""
        from tamis.filters.kernels import line_edits, line_hashes

        texts = pa.array(["One line.\nOne line."], pa.large_string())
        line_edits.spread(self.__class__(unit="sentences").units(texts), np.zeros(2, np.uint8))
        units = self.units(texts)
        line_hashes.repeats(units, 1, np.zeros(2, np.uint8))
        mapped = np.frombuffer(bytes(8), np.uint64)  # that cannot be written to, as tables are
        line_hashes.find(units.hashes, mapped, np.empty(2, np.int64))
        self.edit(texts, units, *(np.zeros((2, 2), np.bool_)))

    def units(self, texts: pa.LargeStringArray) -> Units:
        """The units of texts, in their order, with the hashes of their form."""
        from tamis.filters.kernels import edits, line_hashes

        if self.unit == "sentences":
            return line_hashes.spans(edits.texts(texts), self.form)
        paragraphs, blank = self.unit == "paragraph", self.shortest == 0
        return line_hashes.units(edits.texts(texts), self.form, paragraphs, blank)

    def repeated(self, units: Units) -> Mask:
        """Which units their document has had before, as far as they count."""
        from tamis.filters.kernels import line_hashes

        again = np.zeros(len(units.hashes), np.uint8)
        if self.count == "documents":
            line_hashes.repeats(units, self.shortest, again)
        return again.view(np.bool_)

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """An int32 or int64 for every row, and the edited text, null where it is as it was.

        Raises ValueError without tables.
        """
        tables: Tables | None = getattr(self, "_tables", None)
        if tables is None:
            raise ValueError("its lines have not been counted")
        units = self.units(batch.column("text"))
        repeated = self.repeated(units)
        return self.edit(batch.column("text"), units, repeated, self._listed(batch, units, tables))

    def edit(
        self, texts: pa.LargeStringArray, units: Units, repeated: Mask, listed: Mask
    ) -> pa.RecordBatch:
        """The texts without units that are repeated or listed."""
        from tamis.filters.kernels import edits, line_edits

        source = edits.texts(texts)
        done, counts = edits.edited(source), np.zeros((len(texts), 4), np.int64)
        dropped, known = (repeated | listed).view(np.uint8), listed.view(np.uint8).copy()
        if self.unit == "sentences":
            line_edits.spread(units, dropped)
            line_edits.spread(units, known)
        line_edits.edit(source.data, source.ends, units, dropped, counts, done)
        alone = np.concatenate([[0], np.cumsum(dropped > known)])[units.firsts]
        columns = [
            pa.array(counts[:, 0], pa.int32()),
            pa.array(counts[:, 1], pa.int32()),
            pa.array(np.diff(alone), pa.int32()),
            pa.array(counts[:, 2]),
            pa.array(counts[:, 3]),
            edits.column(done),
        ]
        return pa.record_batch(columns, schema=self.gives)

    def _listed(self, batch: pa.RecordBatch, units: Units, tables: Tables) -> Mask:
        """Which units are to go by the tables."""
        listed = np.zeros(len(units.hashes), np.bool_)
        documents = np.repeat(np.arange(batch.num_rows), np.diff(units.firsts))
        keys = (
            (batch.column("input").to_numpy(), batch.column("place").to_numpy())
            if "input" in self.needs
            else None
        )
        groups = tables.groups_of(*keys)[documents] if self.grouped and keys else None
        for group in np.unique(groups) if groups is not None else (0,):
            counted = units.sizes >= self.shortest
            mine = np.flatnonzero(counted if groups is None else counted & (groups == group))
            for some, at, table in tables.found(int(group), units.hashes[mine]):
                which = mine[some]
                gone = np.ones(len(which), np.bool_)
                if self.keep == "first" and keys is not None:
                    row = documents[which]
                    gone = table["line"][at] != which - units.firsts[row]
                    gone |= table["input"][at] != keys[0][row]
                    gone |= table["place"][at] != keys[1][row]
                listed[which] = gone
        return listed


class _Spans(NamedTuple):
    inputs: npt.NDArray[np.int64]
    firsts: npt.NDArray[np.int64]
    lasts: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]


class Tables:
    """What is to go, of every group and range of hashes: `GROUP-RANGE.arrow` of FOUND.

    Ranges are of equal width and a power of two in number; LAYOUT, of the metadata, says how many
    `groups` there are and how many `bits` of a hash its range takes. Where there are groups, the
    file `GROUP-places.arrow` of SPANS says which rows are theirs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[tuple[int, int], Table] = {}

    def __getstate__(self) -> dict[str, Any]:
        """A worker maps the files itself."""
        return {"folder": self.folder, "_open": {}}

    @cached_property
    def bits(self) -> int:
        """Of a hash, those that say its range."""
        return self._layout["bits"]

    @cached_property
    def _layout(self) -> dict[str, int]:
        with pa.ipc.open_file((self.folder / "00000-00000.arrow").read_bytes()) as file:
            said: dict[str, int] = json.loads(file.schema.metadata[LAYOUT])
        return said

    def table(self, group: int, part: int) -> Table:
        """The columns of a table, mapped."""
        if (group, part) not in self._open:
            path = self.folder / f"{group:05d}-{part:05d}.arrow"
            batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
            columns = {name: batch.column(name).to_numpy() for name in FOUND.names}
            self._open[group, part] = columns
        return self._open[group, part]

    def found(
        self, group: int, hashes: npt.NDArray[np.uint64]
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Table]]:
        """Which of some hashes are in a group's tables, where there, and in which."""
        from tamis.filters.kernels.line_hashes import find

        for part, mine in split(hashes, self.bits):
            table = self.table(group, part)
            places = np.empty(len(mine), np.int64)
            find(hashes[mine], table["hash"], places)
            there = places >= 0
            yield mine[there], places[there], table

    def groups_of(self, inputs: npt.NDArray[Any], places: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The group of every row; raises ValueError for a row that is in none."""
        spans = self._spans
        inner = _ordinal(spans.inputs, spans.firsts)
        at = np.searchsorted(inner, _ordinal(inputs, places), side="right") - 1
        if (at < 0).any() or (spans.inputs[at] != inputs).any() or (places > spans.lasts[at]).any():
            raise ValueError("its lines were counted in other documents")
        return spans.groups[at]

    @cached_property
    def _spans(self) -> _Spans:
        parts = []
        for group in range(self._layout["groups"]):
            path = self.folder / f"{group:05d}-places.arrow"
            with pa.ipc.open_file(path.read_bytes()) as file:
                batch = file.get_batch(0)
            columns = [batch.column(name).to_numpy().astype(np.int64) for name in SPANS.names]
            parts.append((*columns, np.full(batch.num_rows, group, np.int64)))
        spans = _Spans(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        order = np.argsort(_ordinal(spans.inputs, spans.firsts), kind="stable")
        return _Spans(*(column[order] for column in spans))


def _ordinal(inputs: npt.NDArray[Any], places: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Pairs in an order."""
    pairs = np.empty(len(inputs), [("input", np.int64), ("place", np.int64)])
    pairs["input"], pairs["place"] = inputs, places
    return pairs


def split(hashes: npt.NDArray[np.uint64], bits: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Hashes by the range that their upper bits say: the range, and which are in it."""
    if bits == 0:
        yield 0, np.arange(len(hashes))
        return
    parts = (hashes >> np.uint64(64 - bits)).astype(np.int64)
    order = np.argsort(parts, kind="stable")
    ends = np.searchsorted(parts[order], np.arange((1 << bits) + 1))
    for part in range(1 << bits):
        if ends[part] < ends[part + 1]:
            yield part, order[ends[part] : ends[part + 1]]
