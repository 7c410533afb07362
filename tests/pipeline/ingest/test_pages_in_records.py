"""Records that hold a page in place of a text: as a string, as bytes, in base64."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Ingest = Callable[..., Any]
REAL = Path(__file__).parents[4] / "shared/data/html_pages"

WORDS = "Der Müller trug das Mehl über die Brücke, bevor der Regen kam, und sang dabei."
PAGE = f"<html><head><title>Mühle</title></head><body><main><p>{WORDS}</p></main></body></html>"
LATIN = PAGE.replace("<head>", '<head><meta charset="iso-8859-1">').encode("latin-1")


def lines(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_pages_become_texts(tmp_path: Path, read_in: Ingest) -> None:
    """The page would stay in meta, its bytes be read in the wrong charset, its title be lost."""
    folded = "\n".join(b64(LATIN)[i : i + 76] for i in range(0, len(b64(LATIN)), 76))
    records = [
        {"id": "str", "html": PAGE, "n": 1},
        {"id": "base64", "html_b64": b64(LATIN)},
        {"id": "folded", "html_b64": folded, "title": None},
        {"id": "titled", "html": PAGE, "title": "mine"},
        {"id": "empty text", "text": "", "html": PAGE},
    ]
    rows = read_in(lines(tmp_path / "in.jsonl", *records)).rows()
    assert [row["text"].strip() for row in rows] == [WORDS] * 5
    metas = {row["id"]: json.loads(row["meta"]) for row in rows}
    assert metas["str"] == {"n": 1, "title": "Mühle"}
    assert metas["base64"] == metas["folded"] == metas["empty text"] == {"title": "Mühle"}
    assert metas["titled"] == {"title": "mine"}


def test_a_text_goes_before_a_page(tmp_path: Path, read_in: Ingest) -> None:
    (row,) = read_in(lines(tmp_path / "in.jsonl", {"text": "mine", "html": "<p>no"})).rows()
    assert (row["text"], json.loads(row["meta"])) == ("mine", {"html": "<p>no"})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"html": ""}, "no_text"),
        ({"html": 7}, "html_not_a_string"),
        ({"html": "<p></p>"}, "no_text"),
        ({"html_b64": "AAA"}, "invalid_base64"),
        ({"html_b64": "PHA+aGk8L3A+!"}, "invalid_base64"),
        ({"html_b64": "é"}, "invalid_base64"),
        ({"text": 7, "html": None}, "text_not_a_string"),
    ],
)
def test_pages_that_cannot_be_read(
    tmp_path: Path, read_in: Ingest, record: dict[str, Any], reason: str
) -> None:
    found = read_in(lines(tmp_path / "in.jsonl", {"text": "good"}, record))
    assert [(place, why) for _, place, why, _ in found.errors] == [("line 2", reason)]


def test_keys_and_extractor_are_options(tmp_path: Path, read_in: Ingest) -> None:
    path = lines(tmp_path / "in.jsonl", {"page": {"raw": PAGE}}, {"b": b64(LATIN)})
    options = {"html_key": "page.raw", "html_base64_key": "b", "extractor": "trafilatura"}
    rows = read_in(path, **options).rows()
    assert [row["text"].strip() for row in rows] == [WORDS] * 2
    assert json.loads(rows[0]["meta"]) == {"page": {}, "title": "Mühle"}


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
def test_pages_in_parquet(tmp_path: Path, read_in: Ingest, kind: pa.DataType) -> None:
    """Bytes say their charset themselves; a file without texts is not refused for it."""
    table = pa.table({"html": pa.array([LATIN, PAGE.encode(), None], kind)})
    pq.write_table(table, tmp_path / "in.parquet")
    found = read_in(tmp_path / "in.parquet")
    assert [text.strip() for text in found.texts] == [WORDS] * 2
    assert [(place, why) for _, place, why, _ in found.errors] == [("row 2", "no_text")]


def test_pages_in_csv(tmp_path: Path, read_in: Ingest) -> None:
    quoted = PAGE.replace('"', '""')
    (tmp_path / "in.csv").write_text(f'html_b64;html\n{b64(LATIN)};\n;"{quoted}"\n', "utf-8")
    assert [text.strip() for text in read_in(tmp_path / "in.csv").texts] == [WORDS] * 2


@pytest.mark.skipif(not REAL.is_dir(), reason="the real pages lie beside the checkout")
@pytest.mark.parametrize("path", sorted(REAL.glob("*.jsonl.gz")), ids=lambda path: path.name)
def test_every_real_page_is_a_document_or_an_error(
    tmp_path: Path, read_in: Ingest, path: Path
) -> None:
    """A page that is neither was lost in silence."""
    with gzip.open(path) as file:
        records = [json.loads(line) for line in file]
    found = read_in(path)
    assert len(found.texts) + sum(lost for *_, lost in found.errors) == len(records)
    assert len(found.texts) > 0.95 * len(records)
    assert {row["id"] for row in found.rows()} <= {record["id"] for record in records}
    assert not any("html" in json.loads(row["meta"] or "{}") for row in found.rows())
