"""Fields to columns: keys, ids, dates, hosts, and the rest that stays in `meta`."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.records import Extractor, Rows, parse_date

WEB = {"heldout": 0.5}


def extract(*records: Any, name: str = "in.jsonl", **options: Any) -> Rows:
    source = Input(name, f"/{name}", 1, "jsonl", package=options.pop("package", None))
    extractor, rows = Extractor(source, IngestOptions(**options)), Rows()
    for place, record in enumerate(records):
        extractor.add(rows, record, place)
    return rows


def meta(rows: Rows) -> Any:
    return json.loads(rows.metas[0] or "null")


def test_fields_go_to_their_columns_and_the_rest_to_meta() -> None:
    rows = extract(
        {
            "views": 3,
            "text": "t",
            "id": "a",
            "url": "http://x.example/",
            "date": "2020-01-02T03:04:05Z",
            "source": "web",
            "tags": ["b", {"c": None}],
        }
    )
    assert (rows.texts, rows.ids, rows.urls) == (["t"], ["a"], ["http://x.example/"])
    assert (rows.dates, rows.sources) == ([datetime(2020, 1, 2, 3, 4, 5)], ["web"])
    assert rows.metas == ['{"views":3,"tags":["b",{"c":null}]}']
    assert extract({"text": "t"}).metas == [None]


def test_other_keys_and_dotted_keys() -> None:
    record = {"doc": {"body": "t", "lang": "en", "info": {"key": 7}}, "link": "http://x.example/"}
    keys = {"text_key": "doc.body", "id_key": "doc.info.key", "url_key": "link"}
    rows = extract(record, **keys)
    assert (rows.texts, rows.ids, rows.urls) == (["t"], ["7"], ["http://x.example/"])
    assert meta(rows) == {"doc": {"lang": "en", "info": {}}}, "the text stands once, not twice"


def test_a_field_whose_name_has_a_dot_goes_before_a_path() -> None:
    rows = extract({"a.b": "flat", "a": {"b": "nested"}}, text_key="a.b")
    assert rows.texts == ["flat"]
    assert meta(rows) == {"a": {"b": "nested"}}


@pytest.mark.parametrize("record", [{"a": "text"}, {"a": {"c": "x"}}, {"a": None}, {"a": ["b"]}])
def test_a_path_that_leads_nowhere_is_no_text(record: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match=r"no_text: no 'a.b'; the record has: a "):
        extract(record, text_key="a.b")


def test_one_field_may_be_id_and_url() -> None:
    rows = extract({"text": "t", "url": "http://x.example/1"}, id_key="url")
    assert rows.ids == rows.urls == ["http://x.example/1"]
    assert rows.metas == [None]


def test_ids_are_given_or_made_of_content_and_place() -> None:
    assert extract({"text": "t", "id": 2**70}).ids == [str(2**70)]
    made = extract({"text": "t"}, {"text": "t"}, {"text": "u"}).ids
    assert len(set(made)) == 3
    assert made == extract({"text": "t"}, {"text": "t"}, {"text": "u"}).ids
    assert made[0] != extract({"text": "t"}, name="other.jsonl").ids[0]
    assert made[0] == "77b5d789eb4c9c9ca6282b10924d6837", "ids of today must be those of tomorrow"


@pytest.mark.parametrize("value", ["", 1.5, True, ["a"], {"a": 1}])
def test_what_is_no_id_stays_in_meta(value: Any) -> None:
    rows = extract({"text": "t", "id": value})
    assert rows.ids == extract({"text": "t"}).ids
    assert meta(rows) == {"id": value}


def test_values_of_other_types_stay_in_meta() -> None:
    rows = extract({"text": "t", "url": 7, "date": "yesterday", "source": ["web"]})
    assert (rows.urls, rows.dates, rows.sources) == ([None], [None], [None])
    assert meta(rows) == {"url": 7, "date": "yesterday", "source": ["web"]}
    assert extract({"text": "t", "url": None, "date": None}).metas == [None]


def test_the_source_that_is_asked_for_goes_before_the_record_s() -> None:
    rows = extract({"text": "t", "source": "blog"}, source="web")
    assert rows.sources == ["web"]
    assert meta(rows) == {"source": "blog"}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2020-01-02", datetime(2020, 1, 2)),
        ("2020-01-02T03:04:05.678901Z", datetime(2020, 1, 2, 3, 4, 5, 678901)),
        ("2020-01-02 03:04+02:00", datetime(2020, 1, 2, 1, 4)),
        (1577934245, datetime(2020, 1, 2, 3, 4, 5)),
        (1577934245000, datetime(2020, 1, 2, 3, 4, 5)),
        (1577934245.5, datetime(2020, 1, 2, 3, 4, 5, 500000)),
        (-86400, datetime(1969, 12, 31)),
        (date(2020, 1, 2), datetime(2020, 1, 2)),
        (datetime(2020, 1, 2, tzinfo=timezone(timedelta(hours=1))), datetime(2020, 1, 1, 23)),
        (datetime(2020, 1, 2, tzinfo=UTC), datetime(2020, 1, 2)),
        ("0001-01-01T00:00:00+10:00", None),
        ("2020-13-01", None),
        ("", None),
        (float("nan"), None),
        (1e30, None),
        (2**70, None),
        (True, None),
        ([2020], None),
    ],
)
def test_dates(value: Any, wanted: datetime | None) -> None:
    assert parse_date(value) == wanted


@pytest.mark.parametrize(
    ("url", "group"),
    [
        ("http://X.Example/a", "x.example"),
        ("https://www.x.example:8080/", "x.example"),
        ("https://user:pw@x.example?q=http://y.example/", "x.example"),
        ("https://x.example.#top", "x.example"),
        ("https://x.example\\@y.example/", "x.example"),
        ("https://[2001:DB8::1]:80/", "[2001:db8::1"),
        ("https://[2001:db8::2]/", "[2001:db8::2"),
        ("x.example/page", "the id"),
        ("http:///path", "the id"),
        (None, "the id"),
    ],
)
def test_a_document_belongs_to_its_host(url: str | None, group: str) -> None:
    assert extract({"text": "t", "id": "the id", "url": url}, set_aside=WEB).groups == [group]


def test_without_a_host_a_document_belongs_to_its_package_else_to_nobody() -> None:
    rows = extract({"text": "t", "package": "a"}, {"text": "t"}, package="b", set_aside=WEB)
    assert rows.groups == ["a", "b"]
    assert extract({"text": "t", "id": 7}, set_aside=WEB).groups == ["7"]
    assert extract({"text": "t"}).groups == []


def test_long_fields_are_errors_like_long_texts() -> None:
    with pytest.raises(Unreadable, match="too_long: other fields over 20"):
        extract({"text": "t", "field": "x" * 20}, max_document_bytes=20)
    with pytest.raises(Unreadable, match="too_long: a text over 20"):
        extract({"text": "é" * 11}, max_document_bytes=20)
    assert extract({"text": "é" * 10}, max_document_bytes=20).texts == ["é" * 10]


def test_a_record_that_is_lost_leaves_nothing_behind() -> None:
    rows = Rows()
    extractor = Extractor(
        Input("in.jsonl", "/in", 1, "jsonl"), IngestOptions(max_document_bytes=30, set_aside=WEB)
    )
    for bad in ({}, {"text": 1}, {"text": "x" * 31}, {"text": "x", "field": "y" * 40}, []):
        with pytest.raises(Unreadable):
            extractor.add(rows, bad, 0)
    columns = (rows.ids, rows.texts, rows.urls, rows.dates, rows.metas, rows.places, rows.groups)
    assert columns == ([],) * 7


def test_an_error_keeps_no_frame_alive() -> None:
    rows = Rows()
    try:
        raise Unreadable("no_text", "none")
    except Unreadable as error:
        rows.lose("line 1", error)
    assert rows.errors[0][1].__traceback__ is None
