"""Parquet of every type and in every state: what is read, what is lost, how much is held."""

from __future__ import annotations

import decimal
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tamis.pipeline.ingest import columns, pages, parquet

Ingest = Callable[..., Any]


def write(path: Path, table: dict[str, Any] | pa.Table, **options: Any) -> Path:
    pq.write_table(pa.table(table) if isinstance(table, dict) else table, path, **options)
    return path


def invalid(values: list[bytes]) -> pa.Array:
    """Strings that are not UTF-8, as careless writers leave them."""
    made = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(made), made.buffers())


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.binary_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()),
    ],
    ids=str,
)
def test_text_of_every_type(tmp_path: Path, read_in: Ingest, kind: pa.DataType) -> None:
    texts = ["one", None, "drei ÄÖ \U0001f600", "", "one", "nul \0 nul"]
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    binary = "binary" in str(values)
    array = pa.array([t.encode() if t is not None and binary else t for t in texts], values)
    if pa.types.is_dictionary(kind):
        array = array.dictionary_encode().cast(kind)
    found = read_in(write(tmp_path / "in.parquet", {"text": array}))
    assert found.texts == [t for t in texts if t is not None]
    assert found.errors == [("in.parquet", "row 1", "no_text", 1)]


def test_text_that_is_not_utf8(tmp_path: Path, read_in: Ingest) -> None:
    bad = invalid([b"good", b"b\xffd", "gööd".encode()])
    found = read_in(write(tmp_path / "in.parquet", {"text": bad, "id": bad, "more": bad}))
    assert found.texts == ["good", "gööd"]
    assert [row["id"] for row in found.rows()] == found.texts
    assert found.errors == [("in.parquet", "row 1", "invalid_utf8", 1)]
    beside = read_in(
        write(tmp_path / "beside.parquet", {"text": ["a", "b", "c"], "id": bad}), name="beside"
    )
    assert beside.texts == ["a", "b", "c"]
    assert json.loads(beside.rows()[1]["meta"]) == {"id": "Yv9k"}, "bytes are kept as base64"


def test_columns_of_every_type_survive(tmp_path: Path, read_in: Ingest) -> None:
    when = datetime(2020, 1, 2, 3, 4, 5)
    table = {
        "text": ["t"],
        "int": pa.array([2**64 - 1], pa.uint64()),
        "money": pa.array([decimal.Decimal("12.30")], pa.decimal128(9, 2)),
        "bytes": [b"\xff\x00"],
        "micro": pa.array([when], pa.timestamp("us", "UTC")),
        "nano": pa.array([1577934245123456789], pa.timestamp("ns")),
        "late": pa.array([10**18], pa.timestamp("us")),
        "zone": pa.array([0], pa.timestamp("us", "Nowhere/AtAll")),
        "span": pa.array([timedelta(seconds=1)], pa.duration("us")),
        "nested": [{"list": [{"a": 1, "when": when}], "none": None}],
        "deep": pa.array([{"ns": [1001]}], pa.struct([("ns", pa.list_(pa.timestamp("ns"), -1))])),
        "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        "bad": pa.StructArray.from_arrays([invalid([b"\xff"]), pa.array([1])], ["s", "n"]),
        "float": [float("inf")],
        "null": pa.nulls(1),
    }
    found = read_in(write(tmp_path / "in.parquet", table))
    assert found.texts == ["t"]
    meta = json.loads(found.rows()[0]["meta"])
    assert meta == {
        "int": 2**64 - 1,
        "money": "12.30",
        "bytes": "/wA=",
        "micro": "2020-01-02T03:04:05+00:00",
        "nano": "2020-01-02T03:04:05.123456",
        "late": 10**18,
        "zone": 0,
        "span": "0:00:01",
        "nested": {"list": [{"a": 1, "when": "2020-01-02T03:04:05"}], "none": None},
        "deep": {"ns": ["1970-01-01T00:00:00.000001"]},
        "map": [["k", 1]],
        "bad": {"s": "/w==", "n": 1},
        "float": None,
    }


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("s", "UTC"), pa.date32()])
def test_dates_of_every_type(tmp_path: Path, read_in: Ingest, kind: pa.DataType) -> None:
    dates = pa.array([datetime(2020, 1, 2)]).cast(kind)
    found = read_in(write(tmp_path / "in.parquet", {"text": ["t"], "date": dates}))
    assert found.rows()[0]["date"] == datetime(2020, 1, 2)
    assert found.rows()[0]["meta"] is None


def test_a_dotted_key_reaches_into_structs(tmp_path: Path, read_in: Ingest) -> None:
    table = {"doc": [{"text": "a", "n": 1}, {"text": None, "n": 2}, None], "id": [7, 8, 9]}
    found = read_in(write(tmp_path / "in.parquet", table), text_key="doc.text")
    assert [(row["id"], row["text"], row["meta"]) for row in found.rows()] == [
        ("7", "a", '{"doc":{"n":1}}')
    ]
    assert [place for _, place, _, _ in found.errors] == ["row 1", "row 2"]


def test_two_columns_of_one_name(tmp_path: Path, read_in: Ingest) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"])
    found = read_in(write(tmp_path / "in.parquet", table))
    assert (found.texts, found.rows()[0]["meta"]) == (["a"], '{"text#2":"b"}')


def test_without_the_column_one_error_stands_for_all_rows(tmp_path: Path, read_in: Ingest) -> None:
    write(tmp_path / "a.parquet", {"body": ["x"] * 700}, row_group_size=100)
    write(tmp_path / "b.parquet", {"text": ["y"]})
    found = read_in(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert found.texts == ["y"]
    assert found.errors == [("a.parquet", "file", "no_text", 700)]
    assert found.rows("errors")[0]["detail"] == "no column 'text'; it has: body (see --text-key)"


def test_damage_costs_the_row_group_it_is_in(tmp_path: Path, read_in: Ingest) -> None:
    path = write(
        tmp_path / "in.parquet",
        {"text": [f"text number {n} " * 20 for n in range(900)]},
        row_group_size=300,
        compression="zstd",
        write_page_checksum=True,
    )
    chunk = pq.read_metadata(path).row_group(1).column(0)
    data = bytearray(path.read_bytes())
    data[chunk.dictionary_page_offset + chunk.total_compressed_size // 2] ^= 0xFF
    path.write_bytes(data)
    found = read_in(path)
    assert len(found.texts) == 600
    assert found.errors == [("in.parquet", "rows 300 to 599", "corrupt_file", 300)]


def test_files_that_are_not_parquet(tmp_path: Path, read_in: Ingest) -> None:
    whole = write(tmp_path / "whole.parquet", {"text": ["x"]}).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    (tmp_path / "empty.parquet").write_bytes(b"")
    (tmp_path / "page.parquet").write_bytes(b"<html>not found</html>")
    write(tmp_path / "rowless.parquet", {"text": pa.array([], pa.string())})
    found = read_in(tmp_path)
    assert found.texts == ["x"]
    assert [(name, reason) for name, _, reason, _ in found.errors] == [
        ("cut.parquet", "corrupt_file"),
        ("empty.parquet", "corrupt_file"),
        ("page.parquet", "corrupt_file"),
    ]


def test_any_flipped_byte_is_survived(tmp_path: Path, read_in: Ingest) -> None:
    """Whatever the damage to the rows or the footer, ingest ends, and the law holds."""
    table = {"text": [f"number {n}" for n in range(50)], "n": list(range(50))}
    data = write(tmp_path / "whole", table, compression="zstd").read_bytes()
    (tmp_path / "good.md").write_text("good")
    for place in range(4, len(data), 29):
        bad = bytearray(data)
        bad[place] ^= 0x55
        (tmp_path / "bad.parquet").write_bytes(bad)
        found = read_in(tmp_path / "bad.parquet", tmp_path / "good.md", name=f"corpus-{place}")
        assert found.manifest["counts"]["documents"] >= 1


def test_a_value_over_the_limit_is_one_error_and_is_never_a_python_object(
    tmp_path: Path, read_in: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["a", "x" * 5000, "é" * 600, "é" * 400]
    path = write(tmp_path / "in.parquet", {"text": texts, "more": ["y" * 3000, "", "", ""]})
    made = []
    real = columns.values
    monkeypatch.setattr(columns, "values", lambda column: made.append(column) or real(column))
    found = read_in(path, max_document_bytes=1000)
    assert found.texts == ["é" * 400]
    assert found.errors == [("in.parquet", f"row {n}", "too_long", 1) for n in (0, 1, 2)]
    assert max(column.nbytes for column in made) < 2000


def test_a_page_that_would_fill_the_memory_is_not_opened(
    tmp_path: Path, read_in: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "PAGE_BYTES", 3_000_000)
    texts = ["small"] * 99 + ["x" * 4_000_000] + ["small"] * 100
    path = write(tmp_path / "in.parquet", {"text": texts}, row_group_size=100)
    found = read_in(path, max_document_bytes=1_000_000)
    assert found.texts == ["small"] * 100
    assert found.errors == [("in.parquet", "rows 0 to 99", "too_long", 100)]
    assert "column 'text'" in found.rows("errors")[0]["detail"]


@pytest.mark.parametrize("options", [{}, {"data_page_version": "2.0"}, {"compression": "none"}])
@pytest.mark.parametrize("dictionary", [True, False])
def test_pages_are_measured(tmp_path: Path, dictionary: bool, options: dict[str, Any]) -> None:
    texts = ["x" * 3_000_000, *(f"{n} " * 300 for n in range(2000))]
    path = write(
        tmp_path / "in.parquet",
        {"n": list(range(2001)), "text": texts},
        use_dictionary=dictionary,
        data_page_size=100_000,
        write_statistics=True,
        **options,
    )
    with path.open("rb") as file:
        found = pages.measure(file, pq.read_metadata(path).row_group(0))
    assert found.column == "text"
    assert 3_000_000 < found.largest < 6_000_000
    assert (found.dictionary > 3_000_000) == dictionary


def test_a_dictionary_s_longest_value_bounds_the_batch(
    tmp_path: Path, read_in: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One value of 2 MB, a thousand times, is 2 MB in the file and 2 GB as a batch."""
    path = write(tmp_path / "in.parquet", {"text": ["x" * 2_000_000] * 40}, compression="zstd")
    assert path.stat().st_size < 10_000
    held = []
    real = parquet.rows
    monkeypatch.setattr(parquet, "BATCH_BYTES", 10_000_000)
    monkeypatch.setattr(
        parquet,
        "rows",
        lambda batch, *rest: held.append(batch.columns.nbytes) or real(batch, *rest),
    )
    assert len(read_in(path).texts) == 40
    assert max(held) < 11_000_000


def test_row_groups_are_cut_into_shards(tmp_path: Path, read_in: Ingest) -> None:
    draw = random.Random(1)
    texts = [draw.randbytes(500).hex() for n in range(400)]
    path = write(tmp_path / "in.parquet", {"text": texts}, row_group_size=50)
    found = read_in(path, shard_bytes=90_000)
    assert found.texts == texts
    assert [row["place"] for row in found.rows("signals/ingest")] == list(range(400))
    assert len(found.manifest["shards"]) > 3
    assert [row["id"] for row in found.rows()] == [
        row["id"] for row in read_in(path, name="whole").rows()
    ]


def test_what_tamis_wrote_reads_back_the_same(tmp_path: Path, read_in: Ingest) -> None:
    lines = [{"text": "a", "id": "1", "n": {"x": [1]}}, {"text": "b", "date": "2020-01-02"}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    first = read_in(tmp_path / "in.jsonl")
    again = read_in(first.root / "documents", name="again")
    assert again.rows() == first.rows()
