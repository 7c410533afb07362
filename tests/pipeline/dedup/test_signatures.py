"""The file of signatures: what is written is read, here and from afar, and damage is said."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from reference.signed import signed

from tamis.pipeline.dedup import image
from tamis.pipeline.dedup.signatures import Rows, Signatures, write
from tamis.pipeline.errors import Damaged, WorkError
from tamis.pipeline.storage.location import Location, Remote, filesystem

Fetched = list[tuple[int, int]]


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Remote, Fetched]]:
    """A place in an object store, and the ranges that were fetched of it."""
    place, fetched, read = Remote("memory://store/00000.arrow"), [], Remote.read

    def counted(self: Remote, start: int, stop: int | None) -> bytes:
        fetched.append((start, stop or 0))
        return read(self, start, stop)

    monkeypatch.setattr(Remote, "read", counted)
    monkeypatch.setattr(image, "BLOCK", 1 << 12)
    yield place, fetched
    filesystem(place.url)[0].rm("/store", recursive=True)


def same(file: Signatures, rows: Rows) -> None:
    """Whether a file has just these rows."""
    assert (file.n, file.permutations) == rows.signature.shape
    for name in ("row", "priority", "text_hash", "url_hash", "shingles", "signature"):
        read, written = getattr(file, name), getattr(rows, name)
        assert read.dtype == written.dtype
        assert np.array_equal(read, written)
    assert file.ids(range(file.n)) == rows.id.to_pylist()
    for band, (keys, rows_of_keys) in rows.bands.items():
        assert file.entries(band) == len(keys)
        order = np.lexsort((rows_of_keys, keys))
        read_keys, read_rows = file.slice(band, 0, 1 << 64)
        assert np.array_equal(read_keys, keys[order])
        assert np.array_equal(read_rows, rows_of_keys[order])


@pytest.mark.parametrize("count", [0, 1, 1000])
@pytest.mark.parametrize("kind", [np.uint32, np.uint64])
def test_what_is_written_is_read(tmp_path: Path, count: int, kind: type) -> None:
    rows = signed(count, count)
    rows.signature = rows.signature.astype(kind)
    write(tmp_path / "00000.arrow", rows)
    same(Signatures.open(tmp_path / "00000.arrow"), rows)
    before = (tmp_path / "00000.arrow").read_bytes()
    write(tmp_path / "00000.arrow", signed(count, count) if kind is np.uint32 else rows)
    assert (tmp_path / "00000.arrow").read_bytes() == before


def test_the_file_is_plain_arrow_and_says_what_is_null(tmp_path: Path) -> None:
    rows = signed(3, 100)
    write(tmp_path / "00000.arrow", rows)
    with pa.ipc.open_file(tmp_path / "00000.arrow") as reader:
        batch = reader.read_all()
    batch.validate(full=True)
    assert batch["signature"].null_count == np.count_nonzero(rows.shingles == 0) > 0
    assert batch["url_hash"].null_count == np.count_nonzero(~rows.url_hash.any(axis=1)) > 0
    assert batch["url_hash"][1].as_py() == rows.url_hash[1].tobytes()
    assert batch["signature"].type == pa.list_(pa.uint32(), 4)


def test_slices_share_all_keys_out(tmp_path: Path) -> None:
    write(tmp_path / "00000.arrow", signed(1, 500))
    file = Signatures.open(tmp_path / "00000.arrow")
    every = file.slice("00", 0, 1 << 64)[0]
    assert every[0] == 0
    assert every[-1] == 2**64 - 1
    bounds = [0, 1, int(every[200]), int(every[200]) + 1, 1 << 63, 2**64 - 1, 1 << 64]
    parts = [file.slice("00", *pair) for pair in pairwise(bounds)]
    assert np.array_equal(np.concatenate([keys for keys, _ in parts]), every)
    for (keys, _), (low, high) in zip(parts, pairwise(bounds), strict=True):
        assert all(low <= key < high for key in keys.tolist())


def test_of_a_remote_file_only_what_is_needed_is_fetched(remote: tuple[Remote, Fetched]) -> None:
    place, fetched = remote
    rows = signed(1, 20_000, keys=10**6)
    write(place, rows)
    size = place.facts().bytes
    file = Signatures.open(place)
    keys, _ = file.slice("00", 1 << 60, 1 << 61)
    assert 0 < len(keys) == sum(1 << 60 <= key < 1 << 61 for key in rows.bands["00"][0].tolist())
    assert sum(stop - start for start, stop in fetched) < size / 10
    assert np.array_equal(file.row, rows.row)
    assert sum(stop - start for start, stop in fetched) < size / 5
    same(file, rows)
    blocks = [block for start, stop in fetched for block in range(start >> 12, -(-stop >> 12))]
    assert len(blocks) == len(set(blocks))


def test_a_small_remote_file_is_fetched_whole(
    remote: tuple[Remote, Fetched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "BLOCK", 1 << 20)
    write(remote[0], signed(1, 300))
    same(Signatures.open(remote[0]), signed(1, 300))
    assert len(remote[1]) == 1


@pytest.mark.parametrize("left", [0, 5, 8, 100, -1, -100, -5000])
def test_a_file_that_is_cut_off_is_named(
    tmp_path: Path, remote: tuple[Remote, Fetched], left: int
) -> None:
    local = tmp_path / "00000.arrow"
    write(local, signed(1, 2000))
    local.write_bytes(local.read_bytes()[:left])
    remote[0].write_bytes(local.read_bytes())
    places: list[Location] = [local, remote[0]]
    for place in places:
        with pytest.raises(Damaged, match=r"00000\.arrow .*run the same command again"):
            Signatures.open(place)


def test_other_files_are_not_taken_for_signatures(tmp_path: Path) -> None:
    table = pa.table({"id": ["a"]})
    for metadata in ({}, {"entries": "{}"}, {"entries": "["}):
        other = table.replace_schema_metadata(metadata)
        with pa.ipc.new_file(tmp_path / "00000.arrow", other.schema) as writer:
            writer.write_table(other)
        with pytest.raises(Damaged, match="not a whole file of signatures"):
            Signatures.open(tmp_path / "00000.arrow")


def test_a_missing_file_is_named(tmp_path: Path, remote: tuple[Remote, Fetched]) -> None:
    places: list[Location] = [tmp_path / "00000.arrow", remote[0].parent / "none.arrow"]
    write(remote[0], signed(1, 1))
    for place in places:
        with pytest.raises(WorkError, match=r"\.arrow is missing"):
            Signatures.open(place)


def test_an_open_file_costs_no_descriptor(tmp_path: Path) -> None:
    """There may be more shards than a process may open files."""
    write(tmp_path / "00000.arrow", signed(1, 10))
    before = len(list(Path("/proc/self/fd").iterdir()))
    files = [Signatures.open(tmp_path / "00000.arrow") for _ in range(20)]
    assert [file.row[1] for file in files] == [2] * 20
    assert len(list(Path("/proc/self/fd").iterdir())) == before
