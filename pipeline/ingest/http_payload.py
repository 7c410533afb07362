"""HTTP responses as crawlers stored them: headers, and the payload behind its encodings.

Crawlers often stored the payload decoded and the headers as they were, so that what is declared
need not be so: an encoding is undone where it is there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastwarc.stream_io import BrotliReader, ZstdReader
from isal import igzip_lib

from tamis.pipeline.ingest.inputs import Unreadable

HEADER_BYTES = 1 << 17  # of HTTP or of a record; browsers allow twice as much for all of HTTP
_STATUS = re.compile(rb"(?:HTTP/\d[^ \r\n]{0,10}|ICY)[ \t]+(\d{3})(?!\d)")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_CHUNK = re.compile(rb"(?:\r?\n)?[ \t]*([0-9a-fA-F]{1,16})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
_MOST_ENCODINGS = 3


@dataclass(frozen=True)
class Message:
    """The head of a response."""

    status: int
    headers: dict[str, str]
    """Names in lower case; of names that repeat the first."""
    length: int
    """Of the head: the payload follows."""


def parse(block: bytes) -> Message | None:
    """The head of a response, None if there is none; raises Unreadable for one that is malformed.

    block is the response, or its first HEADER_BYTES and one.
    """
    if not block.startswith((b"HTTP/", b"ICY ")):
        return None
    status = _STATUS.match(block)
    if status is None:
        raise Unreadable("bad_http", f"the status line begins with {block[:40]!r}")
    end = _BLANK_LINE.search(block, 0, HEADER_BYTES)
    if end is None and len(block) > HEADER_BYTES:
        raise Unreadable("bad_http", f"no end of the headers in {HEADER_BYTES} bytes")
    head = block[: end.start() if end else len(block)]
    return Message(int(status[1]), fields(head), end.end() if end else len(block))


def fields(head: bytes) -> dict[str, str]:
    """Name, in lower case, and value of every line after the first; of equal names the first."""
    found: dict[str, str] = {}
    for line in _FOLD.sub(" ", head.decode("utf-8", "replace")).split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def payload(message: Message, block: bytes, limit: int) -> bytes:
    """The payload of a response without its encodings.

    Raises Unreadable if it is longer than the limit or its encoding is unknown or broken.
    """
    data = block[message.length :]
    encodings = message.headers.get("content-encoding", "").lower().replace(",", " ").split()
    transfer = message.headers.get("transfer-encoding", "").lower()
    if "chunked" in transfer:
        data = _joined(data)
    if len(encodings) > _MOST_ENCODINGS:
        raise Unreadable("bad_encoding", f"{len(encodings)} encodings, one in the other")
    for encoding in reversed(encodings):
        if encoding not in _DECODERS:
            if encoding != "identity":
                raise Unreadable("bad_encoding", f"the content encoding {encoding[:40]!r}")
            continue
        data = _decoded(data, encoding, limit)
    if len(data) > limit:
        raise Unreadable("too_long", f"a payload over {limit} bytes (--max-document-bytes)")
    return data


def _joined(data: bytes) -> bytes:
    """The chunks of a chunked transfer, as many as there are; the data itself if it has none."""
    joined, end, size, chunks = bytearray(), 0, -1, 0
    while size and (found := _CHUNK.match(data, end)):
        size = int(found[1], 16)
        end = min(found.end() + size, len(data))  # 16 digits are past what an index may be
        joined += data[found.end() : end]
        chunks += 1
    if size and chunks < 2 and end < len(data):
        return data  # not even a second chunk: the declaration was false
    return bytes(joined)


def _decoded(data: bytes, encoding: str, limit: int) -> bytes:
    """What some data is without an encoding; the data itself if it never had it."""
    try:
        decoded = _DECODERS[encoding](data, limit + 1)
    except (OSError, igzip_lib.IsalError) as error:  # type: ignore[misc]
        if b"\0" not in data[:1024] and _looks_like_text(data[:1024]):
            return data
        raise Unreadable("bad_encoding", f"declared as {encoding}: {error}") from None
    return decoded


def _looks_like_text(start: bytes) -> bool:
    """Whether bytes have few control characters, of which what is compressed is full."""
    controls = sum(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in start)
    return controls * 100 <= len(start)


def _gzip(data: bytes, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while data.startswith(b"\x1f\x8b") or not parts:
        decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        parts.append(decoder.decompress(data, most - size))
        size += len(parts[-1])
        data = decoder.unused_data if decoder.eof and size < most else b""
    return b"".join(parts)


def _deflate(data: bytes, most: int) -> bytes:
    """zlib as the standard has it, or bare deflate as some servers send it."""
    zlib = data[:1] and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    flag = igzip_lib.DECOMP_ZLIB if zlib else igzip_lib.DECOMP_DEFLATE
    return bytes(igzip_lib.IgzipDecompressor(flag=flag).decompress(data, most))


def _reading(reader: Any) -> Callable[[bytes, int], bytes]:
    return lambda data, most: reader(io.BytesIO(data)).read(most)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _reading(BrotliReader),
    "zstd": _reading(ZstdReader),
}
