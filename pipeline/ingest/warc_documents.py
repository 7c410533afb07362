"""Records of web archives to documents: which are documents by nature, and what their text is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tamis.filters.sources.web.charset import decode
from tamis.filters.sources.web.page import Extractor as PageExtractor
from tamis.filters.sources.web.page import Unfit, read_page
from tamis.pipeline.ingest import http_payload
from tamis.pipeline.ingest.http_payload import Message
from tamis.pipeline.ingest.inputs import Unreadable
from tamis.pipeline.ingest.warc_records import PassedOver, Record

_NO_DOCUMENTS = ("warcinfo", "request", "metadata", "revisit", "continuation", "arc_header")
_DOCUMENTS = ("response", "resource", "conversion")
_HTML = ("text/html", "application/xhtml+xml")
_UNTOLD = ("", "malformed", "unknown/unknown", "application/unknown", "*/*")
_NO_CONTENT = (204, 205)
_TOKEN = r"[\w!#$%&'*+.^`|~-]{1,60}"
_MEDIA_TYPE = re.compile(rf"\s*({_TOKEN}/{_TOKEN})\s*(?:[;,\s]|$)", re.ASCII)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.ASCII | re.IGNORECASE)
# What begins an HTML page, by the WHATWG's MIME sniffing standard.
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]{0,1000}<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div"
    rb"|font|table|a|style|title|b|body|br|p)[ \t\n\f\r>/])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Content:
    """What a record says of its content."""

    kind: str
    """The media type, without parameters; empty if none is given, `malformed` if it is none."""
    charset: str | None
    message: Message | None
    """The head of the HTTP response that the content is in."""


def judge(header: dict[str, str], block: bytes) -> None:
    """Raises PassedOver for what is no document by nature, Unreadable for malformed HTTP."""
    _content(header, block)


def _content(header: dict[str, str], block: bytes) -> _Content:
    record = header.get("warc-type", "").lower()
    if record not in _DOCUMENTS:
        raise PassedOver(record if record in _NO_DOCUMENTS else "unknown_type")
    scheme = header.get("warc-target-uri", "").lstrip("<").partition(":")[0].lower()
    if scheme in ("dns", "metadata"):  # wget keeps its log and its arguments as metadata:
        raise PassedOver(scheme)
    said, message = header.get("content-type", header.get("arc-content-type", "")), None
    if record == "response":
        message = http_payload.parse(block)
        if message is not None:
            if not 200 <= message.status < 300 or message.status in _NO_CONTENT:
                raise PassedOver(f"http_status {message.status}")
            said = message.headers.get("content-type", "")
        elif said.lower().startswith("application/http"):
            said = ""  # no head: HTTP/0.9, or it was lost
    kind = _media_type(said or header.get("warc-identified-payload-type", ""))
    if kind not in (*_HTML, *_UNTOLD, "text/plain"):
        raise PassedOver(f"content_type {kind}")
    charset = _CHARSET.search(said)
    return _Content(kind, charset[1] if charset else None, message)


def _media_type(said: str) -> str:
    found = _MEDIA_TYPE.match(said)
    return found[1].lower() if found else "malformed" if said.strip() else ""


def document(record: Record, limit: int, extractor: PageExtractor) -> dict[str, Any]:
    """The text of a record as `text`, its `id`, `url` and `date`, and what else is known.

    Raises PassedOver or Unreadable if there is no document in it.
    """
    content = _content(record.header, record.body)
    data = record.body
    if content.message is not None:
        data = http_payload.payload(content.message, data, limit)
    if len(data) > limit:
        raise Unreadable("too_long", f"a block over {limit} bytes (--max-document-bytes)")
    kind, title = content.kind, None
    if kind in _UNTOLD:
        if not _HTML_START.match(data):
            raise PassedOver(f"content_type {'malformed' if kind == 'malformed' else 'none'}")
        kind = "text/html"
    if kind in _HTML:
        text, title, encoding = _page(data, content.charset, extractor)
    else:
        text, encoding = decode(data, content.charset)
        if "\0" in text and record.header["warc-type"] != "conversion":
            raise Unreadable("binary_file", "text/plain with NULs: not a text")
    if not text or text.isspace():
        raise Unreadable("no_text", "nothing but white space in it" if data else "it is empty")
    header = record.header
    fields = {
        "id": header.get("warc-record-id", "").strip("<>").removeprefix("urn:uuid:"),
        "url": header.get("warc-target-uri", "").strip("<>"),
        "date": header.get("warc-date"),
        "title": title,
        "content_type": content.kind if content.kind not in _UNTOLD else None,
        "encoding": encoding,
        "http_status": content.message and content.message.status,
        "language": header.get("warc-identified-content-language"),
        "truncated": header.get("warc-truncated"),
    }
    found = {name: value for name, value in fields.items() if value}
    return {"text": text, **found}


def _page(
    data: bytes, charset: str | None, extractor: PageExtractor
) -> tuple[str, str | None, str]:
    try:
        page = read_page(data, charset, extractor)
    except Unfit as error:
        raise Unreadable(error.reason, error.detail) from None
    except Exception as error:  # noqa: BLE001 - what breaks a parser costs its page, not the run
        raise Unreadable("bad_page", f"{type(error).__name__} in the extractor") from None
    return page.text, page.title, page.encoding
