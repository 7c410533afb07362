"""Web archives made for tests: pages, records and gzip members."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from itertools import count

SENTENCE = "The ferry crosses the river at noon when the bells of both banks ring."


def page(text: str) -> bytes:
    """An HTML page that says a text."""
    body = f"<main><p>{text}</p><p>{SENTENCE}</p></main>"
    return f"<!DOCTYPE html><html><head><title>T</title></head><body>{body}</body></html>".encode()


def http(body: bytes, *headers: str, kind: str = "text/html", status: str = "200 OK") -> bytes:
    """A response with a body; without a media type if kind is empty."""
    lines = [f"HTTP/1.1 {status}", *([f"Content-Type: {kind}"] if kind else []), *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def warc(
    block: bytes, *headers: str, kind: str = "response", length: int | None = None, url: str = ""
) -> bytes:
    """A WARC record; length is what it says of itself."""
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: {url or 'http://a.example/'}",
        "WARC-Date: 2024-05-18T01:58:10Z",
        *headers,
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def arc(block: bytes, url: str = "http://a.example/", kind: str = "text/html") -> bytes:
    """An ARC record."""
    return f"{url} 127.0.0.1 20080430204825 {kind} {len(block)}\n".encode() + block + b"\n"


def good(text: str = "good") -> bytes:
    """A WARC record whose document says a text."""
    return warc(http(page(text)))


def members(records: Iterable[bytes]) -> bytes:
    """Records as they are compressed: each in a gzip member of its own."""
    return b"".join(gzip.compress(record, 1, mtime=0) for record in records)


def crawl(pages: int) -> list[bytes]:
    """Pages with the requests for them, and a picture in between."""
    numbers = count()
    records = [warc(b"software: tests\r\n", kind="warcinfo")]
    for _ in range(pages):
        number = next(numbers)
        identifier = f"WARC-Record-ID: <urn:uuid:page-{number}>"
        url = f"http://site{number % 7}.example/{number}"
        text = f"Page number {number}. " + f"{number * 7919} {SENTENCE} " * (number % 40)
        records.append(warc(b"GET / HTTP/1.1\r\n\r\n", kind="request", url=url))
        records.append(warc(http(page(text)), identifier, url=url))
        if number % 5 == 0:
            records.append(warc(http(bytes(range(256)) * 40, kind="image/png"), url=url))
    return records
