"""The file of a shard's signatures: what is compared between documents, and nothing else of them.

An Arrow IPC file, uncompressed, of one record batch with a row for each signed document:

    row int32            where the document is in its shard
    id string
    priority float64     smaller is better
    text_hash, url_hash  16 bytes each; no url: null
    shingles int32       how many the text has
    signature            a list of uint32 or uint64, all of one length; null where shingles is 0
    key_NAME uint64      for each band NAME its keys, ascending, those of one key in row order
    order_NAME uint32    the row of the batch that has the key

Not every row has a key in every band: what is behind a band's entries is zero, and how many there
are is in the schema's metadata `entries`, as JSON. A local file is mapped into memory; of a remote
one as much is fetched as is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from tamis.filters.kernels.arrays import Bytes, Floats, Hashes, Ints
from tamis.pipeline.dedup.image import Image, image
from tamis.pipeline.errors import Damaged
from tamis.pipeline.files import atomic
from tamis.pipeline.storage.location import Location

Entries = tuple[Hashes, npt.NDArray[np.uint32]]
"""Keys, and the rows that have them."""
HASH = 16
PLAIN = ("row", "id", "priority", "text_hash", "url_hash", "shingles", "signature")


@dataclass
class Rows:
    """The signed documents of a shard, arrays of one length n.

    `url_hash` is zero where there is none; `signature` has a row of any values where `shingles` is
    0. The entries of a band come in any order.
    """

    row: Ints
    id: pa.StringArray
    priority: Floats
    text_hash: Bytes
    """uint8[n, 16], as `url_hash`."""
    url_hash: Bytes
    shingles: Ints
    signature: npt.NDArray[Any]
    """uint32 or uint64[n, permutations]."""
    bands: Mapping[str, Entries] = field(default_factory=dict)


def table(rows: Rows) -> pa.RecordBatch:
    """The batch that stands for these rows, its bands sorted."""
    count = len(rows.row)
    ids = rows.id.cast(pa.string())
    columns = {
        "row": pa.array(rows.row, pa.int32()),
        "id": ids,
        "priority": pa.array(rows.priority, pa.float64()),
        "text_hash": _hashes(rows.text_hash, np.ones(count, np.bool_)),
        "url_hash": _hashes(rows.url_hash, (rows.url_hash != 0).any(axis=1)),
        "shingles": pa.array(rows.shingles, pa.int32()),
        "signature": _signature(rows.signature, rows.shingles > 0),
    }
    for name, (keys, order) in rows.bands.items():
        columns[f"key_{name}"], columns[f"order_{name}"] = _band(keys, order, count)
    entries = {name: len(keys) for name, (keys, _) in rows.bands.items()}
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    return batch.replace_schema_metadata({"entries": orjson.dumps(entries)})


def _hashes(values: Bytes, valid: Any) -> pa.Array:
    data = pa.py_buffer(np.ascontiguousarray(values, np.uint8))
    return pa.Array.from_buffers(pa.binary(HASH), len(values), [_bits(valid), data])


def _signature(values: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    kind = pa.list_(flat.type, values.shape[1])
    return pa.Array.from_buffers(kind, len(values), [_bits(valid)], children=[flat])


def _bits(valid: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _band(keys: Hashes, order: npt.NDArray[np.uint32], count: int) -> tuple[pa.Array, pa.Array]:
    sorted_keys, sorted_order = np.zeros(count, np.uint64), np.zeros(count, np.uint32)
    by_row = np.argsort(order, kind="stable")  # the sort by key keeps it among equal ones
    sorted_keys[: len(keys)], sorted_order[: len(keys)] = keys[by_row], order[by_row]
    from tamis.filters.kernels import radix  # loads Numba, which readers are spared

    radix.sort(sorted_keys[: len(keys)], sorted_order[: len(keys)])
    return pa.array(sorted_keys), pa.array(sorted_order)


def write(place: Location, rows: Rows) -> None:
    """Writes a file of signatures, whole or not at all."""
    batch = table(rows)
    with atomic(place) as draft, pa.ipc.new_file(str(draft.path), batch.schema) as writer:
        writer.write_batch(batch)


class Signatures:
    """A file of signatures that is open; its arrays are views of it and cannot be written to.

    `n` rows, `permutations` values of a signature, `bands` by name.
    """

    def __init__(self, place: Location, held: Image, batch: pa.RecordBatch) -> None:
        self.place, self.n, self._held, self._batch = place, batch.num_rows, held, batch
        self._entries: dict[str, int] = orjson.loads(batch.schema.metadata[b"entries"])
        self.bands = tuple(self._entries)
        self.permutations: int = batch.schema.field("signature").type.list_size
        needed = {*PLAIN, *(f"{part}_{name}" for part in ("key", "order") for name in self.bands)}
        if missing := sorted(needed - set(batch.schema.names)):
            raise KeyError(", ".join(missing))

    @classmethod
    def open(cls, place: Location) -> Signatures:
        """Opens a file; raises WorkError if it is missing, Damaged if it is not a whole one."""
        held = image(place)
        try:
            return cls(place, held, held.batch())
        except (pa.ArrowException, KeyError, TypeError, AttributeError, ValueError) as error:
            why = str(error).splitlines()[0][:200]
            raise Damaged(
                f"{place} is not a whole file of signatures ({why}): "
                "delete it and run the same command again"
            ) from error

    def entries(self, band: str) -> int:
        """How many rows have a key in a band."""
        return self._entries[band]

    def ids(self, positions: Sequence[int] | npt.NDArray[Any]) -> list[str]:
        """The ids of some rows."""
        column = self._batch.column("id")
        self._held.need(column.buffers())
        found: list[str] = column.take(pa.array(np.asarray(positions, np.int64))).to_pylist()
        return found

    @cached_property
    def row(self) -> Ints:
        return self._column("row", np.int32)

    @cached_property
    def priority(self) -> Floats:
        return self._column("priority", np.float64)

    @cached_property
    def text_hash(self) -> Bytes:
        """uint8[n, 16]."""
        return self._column("text_hash", np.uint8).reshape(-1, HASH)

    @cached_property
    def url_hash(self) -> Bytes:
        """uint8[n, 16], zero where there is none."""
        return self._column("url_hash", np.uint8).reshape(-1, HASH)

    @cached_property
    def shingles(self) -> Ints:
        return self._column("shingles", np.int32)

    @cached_property
    def signature(self) -> npt.NDArray[Any]:
        """uint32 or uint64[n, permutations]; what it holds where `shingles` is 0 means nothing."""
        kind = self._batch.schema.field("signature").type.value_type.to_pandas_dtype()
        return self._column("signature", kind).reshape(self.n, self.permutations)

    def slice(self, band: str, low: int, high: int) -> Entries:
        """The entries of a band with low <= key < high, by key; high may be 2**64."""
        count, key = self._entries[band], f"key_{band}"
        start, stop = self._first(key, low, count), self._first(key, high, count)
        keys = self._part(key, np.dtype(np.uint64), start, stop)
        return keys, self._part(f"order_{band}", np.dtype(np.uint32), start, stop)

    def _first(self, column: str, bound: int, stop: int) -> int:
        """Where the first key is that is not below a bound, by halving: few pages are touched."""
        start, kind = 0, np.dtype(np.uint64)
        while start < stop:
            middle = (start + stop) // 2
            if int(self._part(column, kind, middle, middle + 1)[0]) < bound:
                start = middle + 1
            else:
                stop = middle
        return start

    def _column(self, name: str, kind: Any) -> npt.NDArray[Any]:
        buffer = self._batch.column(name).buffers()[-1]
        if buffer is None:  # an empty column may have none
            return np.zeros(0, kind)
        self._held.need([buffer])
        return np.frombuffer(buffer, kind)[: self.n * self._width(name)]

    def _width(self, name: str) -> int:
        """Values in a row of a column as its array has them."""
        return {"signature": self.permutations, "text_hash": HASH, "url_hash": HASH}.get(name, 1)

    def _part(self, name: str, kind: np.dtype[Any], start: int, stop: int) -> npt.NDArray[Any]:
        if start == stop:
            return np.zeros(0, kind)
        size, buffer = kind.itemsize, self._batch.column(name).buffers()[-1]
        part = buffer.slice(start * size, (stop - start) * size)
        self._held.need([part])
        return np.frombuffer(part, kind)
