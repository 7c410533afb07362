"""Records to documents: which field becomes which column, and what cannot become a document."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.options import IngestOptions


@dataclass
class Rows:
    """Documents on their way into a shard, column by column, and the errors met among them."""

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    sources: list[str | None] = field(default_factory=list)
    urls: list[str | None] = field(default_factory=list)
    dates: list[datetime | None] = field(default_factory=list)
    metas: list[str | None] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    """What a document is set aside with: its host or package; empty if nothing is set aside."""
    errors: list[tuple[str, Unreadable]] = field(default_factory=list)
    """Place and what was wrong there."""


class Extractor:
    """Turns the records of one input into rows."""

    def __init__(self, source: Input, options: IngestOptions) -> None:
        self.input, self.options = source, options
        self.source = options.source or source.source
        self._salt = source.name.encode()
        self._groups = any(options.set_aside.values())

    def add(self, rows: Rows, record: Any, place: int) -> None:
        """Appends a record's document; raises Unreadable if it has no text."""
        options = self.options
        if type(record) is not dict:
            raise Unreadable("not_an_object", f"a JSON {_kind(record)}, not an object with a text")
        text = _take(record, options.text_key)
        if type(text) is not str:
            raise self._no_text(record, text)
        identifier = _take(record, options.id_key)
        if type(identifier) is int:
            identifier = str(identifier)
        elif type(identifier) is not str or not identifier:
            if identifier is not None and "." not in options.id_key:
                record[options.id_key] = identifier
            identifier = self._stable_id(text, place)
        url = self._string(record, options.url_key)
        source = self.source or self._string(record, options.source_key)
        date = self._date(record)
        rows.ids.append(identifier)
        rows.texts.append(text)
        rows.sources.append(source)
        rows.urls.append(url)
        rows.dates.append(date)
        rows.metas.append(_json(record) if record else None)
        rows.places.append(place)
        if self._groups:
            package = record.get("package")
            rows.groups.append(_host(url) or str(package or self.input.package or self.input.name))

    def _stable_id(self, text: str, place: int) -> str:
        """An id that the same record in the same place always gets."""
        digest = hashlib.blake2b(self._salt + b"\0%d\0" % place, digest_size=16)
        digest.update(text.encode())
        return digest.hexdigest()

    def _no_text(self, record: dict[str, Any], text: Any) -> Unreadable:
        key = self.options.text_key
        if text is not None:
            return Unreadable("text_not_a_string", f"'{key}' holds a JSON {_kind(text)}")
        has = ", ".join(sorted(map(str, record))[:12]) or "nothing"
        return Unreadable("no_text", f"no '{key}'; the record has: {has} (see --text-key)")

    def _string(self, record: dict[str, Any], key: str) -> str | None:
        value = _take(record, key)
        if value is None or type(value) is str:
            return value
        if "." not in key:
            record[key] = value  # not what we took it for: it stays among the rest
        return None

    def _date(self, record: dict[str, Any]) -> datetime | None:
        key = self.options.date_key
        value = _take(record, key)
        if value is None:
            return None
        date = parse_date(value)
        if date is None and "." not in key:
            record[key] = value
        return date


def parse_date(value: Any) -> datetime | None:
    """A UTC time without zone from ISO 8601 or seconds or milliseconds since 1970, else None."""
    try:
        if type(value) is str:
            date = datetime.fromisoformat(value)
        elif type(value) in (int, float):
            date = datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
        elif isinstance(value, datetime):
            date = value
        else:
            return None
        return date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date
    except (ValueError, OverflowError, OSError):
        return None


def _take(record: dict[str, Any], key: str) -> Any:
    """A field taken out of a record; one reached by a dotted key stays where it is."""
    if key in record:
        return record.pop(key)
    value: Any = record
    for part in key.split(".") if "." in key else ():
        value = value.get(part) if type(value) is dict else None
    return value if value is not record else None


def _host(url: str | None) -> str | None:
    """The host of a URL, lower case, without user, port and `www.`."""
    if not url or "://" not in url:
        return None
    host = url.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0].rpartition("@")[2]
    return host.partition(":")[0].lower().removeprefix("www.") or None


def _json(record: dict[str, Any]) -> str:
    return orjson.dumps(record, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: Any) -> str:
    """What JSON has no word for: bytes as base64, anything else as Python prints it."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _kind(value: Any) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")
