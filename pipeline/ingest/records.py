"""Records to documents: which field becomes which column, and what cannot become a document."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import date as date_only
from typing import Any

import orjson

from tamis.filters.sources.web.page import Unfit, read_page
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
    passed_over: Counter[str] = field(default_factory=Counter)
    """Records that are by nature no documents, by what they are."""

    def lose(self, place: str, error: Unreadable) -> None:
        """Notes an error, without the frames and records that an exception drags along."""
        error.__traceback__ = error.__context__ = error.__cause__ = None
        self.errors.append((place, error))


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
        holder, key = _find(record, options.text_key)
        used = [(holder, key)]
        text = holder.get(key) or self._page(record, used) or holder.get(key)
        text = self._text(record, text)
        identifier = _wanted(record, options.id_key, _identifier, used)
        if identifier is None:
            identifier = self._stable_id(text, place)
        url = _wanted(record, options.url_key, _string, used)
        date = _wanted(record, options.date_key, parse_date, used)
        source = self.source or _wanted(record, options.source_key, _string, used)
        for holder, key in used:  # at the end: one field may serve as id and URL
            holder.pop(key, None)
        meta = _json(record) if record else None
        if meta is not None and len(meta) > options.max_document_bytes:
            raise self._too_long("other fields")
        rows.ids.append(identifier)
        rows.texts.append(text)
        rows.sources.append(source)
        rows.urls.append(url)
        rows.dates.append(date)
        rows.metas.append(meta)
        rows.places.append(place)
        if self._groups:
            package = record.get("package")
            rows.groups.append(_host(url) or str(package or self.input.package or identifier))

    def _page(self, record: dict[str, Any], used: list[tuple[dict[str, Any], str]]) -> str | None:
        """The text of the page that a record holds in place of one; its title stays beside it."""
        found = _html(record, self.options, used)
        if found is None:
            return None
        data, charset = found
        try:
            page = read_page(data, charset, self.options.extractor)
        except Unfit as error:
            raise Unreadable(error.reason, error.detail) from None
        if page.title and record.get("title") is None:
            record["title"] = page.title
        return page.text

    def _text(self, record: dict[str, Any], text: Any) -> str:
        limit = self.options.max_document_bytes
        if type(text) is bytes:
            text = _decoded(text)
        if type(text) is not str:
            raise self._no_text(record, text)
        if len(text) * 4 > limit and len(text.encode()) > limit:
            raise self._too_long("a text")
        return text

    def _too_long(self, what: str) -> Unreadable:
        limit = self.options.max_document_bytes
        return Unreadable("too_long", f"{what} over {limit} bytes (--max-document-bytes)")

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


def _html(
    record: dict[str, Any], options: IngestOptions, used: list[tuple[dict[str, Any], str]]
) -> tuple[bytes, str | None] | None:
    """The bytes of a record's page and their charset, None where it is the page's to say."""
    for key in (options.html_key, options.html_base64_key):
        holder, name = _find(record, key)
        value = holder.get(name)
        if not value:
            continue
        used.append((holder, name))
        if type(value) not in (str, bytes):
            raise Unreadable("html_not_a_string", f"'{key}' holds a JSON {_kind(value)}")
        if key == options.html_base64_key:
            return _from_base64(value, key), None
        return (value, None) if type(value) is bytes else (_encoded(value), "utf-8")
    return None


def _encoded(page: str) -> bytes:
    try:
        return page.encode()
    except UnicodeEncodeError as error:  # which JSON can spell
        raise Unreadable("invalid_utf8", f"half a surrogate pair at {error.start}") from None


def _from_base64(value: str | bytes, key: str) -> bytes:
    """Bytes out of base64, which may be in lines; nothing else is let pass."""
    data = value.encode() if isinstance(value, str) else value
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error as error:
        raise Unreadable("invalid_base64", f"'{key}': {error}") from None


def without_text(names: Sequence[str], options: IngestOptions) -> str:
    """What to say of columns of which none can hold a text; nothing where one can."""
    keys = (options.text_key, options.html_key, options.html_base64_key)
    if any(key in names or key.partition(".")[0] in names for key in keys):
        return ""
    has = ", ".join(names[:12])
    return f"no column '{options.text_key}'; it has: {has} (see --text-key)"


def parse_date(value: Any) -> datetime | None:
    """A UTC time without zone from ISO 8601 or seconds or milliseconds since 1970, else None."""
    try:
        if type(value) is str:
            date = datetime.fromisoformat(value)
        elif type(value) in (int, float):
            date = datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
        elif isinstance(value, datetime):
            date = value
        elif isinstance(value, date_only):
            date = datetime(value.year, value.month, value.day)
        else:
            return None
        return date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date
    except (ValueError, OverflowError, OSError):
        return None


def _find(record: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """The object that holds a field, and its name there; a dotted key reaches into objects."""
    if "." not in key or key in record:
        return record, key
    *path, name = key.split(".")
    holder: Any = record
    for part in path:
        holder = holder.get(part)
        if type(holder) is not dict:
            return record, key
    return holder, name


def _wanted(
    record: dict[str, Any],
    key: str,
    read: Callable[[Any], Any],
    used: list[tuple[dict[str, Any], str]],
) -> Any:
    """A field read as what it should be; one that is not that stays among the others."""
    holder, name = _find(record, key)
    value = holder.get(name)
    found = None if value is None else read(value)
    if found is not None or value is None:
        used.append((holder, name))
    return found


def _identifier(value: Any) -> str | None:
    return str(value) if type(value) is int else _string(value) or None


def _string(value: Any) -> str | None:
    return value if type(value) is str else None


def _host(url: str | None) -> str | None:
    """The host of a URL, lower case, without user, port, `www.` and the dot of the root."""
    if not url or "://" not in url:
        return None
    host = re.split(r"[/?#\\]", url.split("://", 1)[1], maxsplit=1)[0].rpartition("@")[2].lower()
    if not host.startswith("["):  # an IPv6 address has colons of its own
        host = host.partition(":")[0]
    return host.partition("]")[0].removesuffix(".").removeprefix("www.") or None


def _json(record: dict[str, Any]) -> str:
    try:
        return orjson.dumps(record, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # past 64 bits, or nested 254 deep
        pass
    try:
        return json.dumps(record, default=_plain, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError) as error:
        raise Unreadable("invalid_json", f"other fields cannot be kept: {error}") from None


def _plain(value: Any) -> str:
    """What JSON has no word for: bytes as base64, anything else as Python prints it."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _kind(value: Any) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        where = f"byte {data[error.start]:#04x} at {error.start}"
        raise Unreadable("invalid_utf8", where) from None
