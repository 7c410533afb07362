"""HTTP as crawlers stored it: heads in any shape, encodings that are there and that are not."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable

import pytest
from archives import http, page
from backports import zstd
from fastwarc.stream_io import BrotliWriter
from hypothesis import given
from hypothesis import strategies as st

from tamis.pipeline.ingest.http_payload import HEADER_BYTES, parse, payload
from tamis.pipeline.ingest.inputs import Unreadable

LIMIT = 100_000
PAGE = page("a page " * 200)


def content(data: bytes, *headers: str) -> bytes:
    block = http(data, *headers)
    message = parse(block)
    assert message is not None
    return payload(message, block, LIMIT)


def chunked(data: bytes, size: int) -> bytes:
    chunks = [data[n : n + size] for n in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


def brotli(data: bytes) -> bytes:
    file = io.BytesIO()
    writer = BrotliWriter(file)
    writer.write(data)
    writer.close()
    return file.getvalue()


def bare(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "DEFLATE": bare,
    "zstd": zstd.compress,
    "br": brotli,
    "identity": bytes,
    "gzip, deflate": lambda data: zlib.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("encoding", ENCODE)
def test_encodings_are_undone_where_they_are(encoding: str) -> None:
    """Crawlers keep `Content-Encoding: gzip` over a page that they stored as text."""
    declared = f"Content-Encoding: {encoding}"
    assert content(ENCODE[encoding](PAGE), declared) == PAGE
    assert content(PAGE, declared) == PAGE
    both = chunked(ENCODE[encoding](PAGE), 700)
    assert content(both, declared, "Transfer-Encoding: chunked") == PAGE


@given(st.binary(max_size=3000), st.integers(1, 1000))
def test_chunks_are_joined(data: bytes, size: int) -> None:
    """Whatever their size, and whatever bytes are in them."""
    assert content(chunked(data, size), "Transfer-Encoding: chunked") == data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"4;name=value\r\npage\r\n0\r\nTrailer: x\r\n\r\n", b"page"),
        (b"4\npage\n0\n\n", b"page"),
        (b"0004  \r\npage\r\n0\r\n\r\n", b"page"),
        (b"4\r\npage\r\n4\r\nand", b"pageand"),
        (b"4\r\npage\r\nzz\r\n", b"4\r\npage\r\nzz\r\n"),
        (b"4\r\npage\r\n4\r\nmore\r\nzz\r\n", b"pagemore"),
        (b"ffffffffffffffff\r\npage", b"page"),
        (b"a line of text\r\n", b"a line of text\r\n"),
        (b"<html>", b"<html>"),
        (b"0\r\n\r\n", b""),
        (b"", b""),
    ],
)
def test_chunks_as_they_are_found(data: bytes, expected: bytes) -> None:
    """Extensions, bare line feeds, an end too early, and no chunks at all."""
    assert content(data, "Transfer-Encoding: chunked") == expected


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress, zstd.compress, brotli, bare])
def test_a_bomb_is_too_long_before_it_is_large(encode: Callable[[bytes], bytes]) -> None:
    names = {gzip.compress: "gzip", zstd.compress: "zstd", brotli: "br"}
    bomb = encode(bytes(20_000_000))
    with pytest.raises(Unreadable, match="too_long"):
        content(bomb, f"Content-Encoding: {names.get(encode, 'deflate')}")
    assert len(content(encode(bytes(LIMIT)), f"Content-Encoding: {names.get(encode, 'deflate')}"))


def test_what_broke_says_so() -> None:
    """A text made of what a decompressor left of a page would be no text."""
    broken = bytearray(gzip.compress(bytes(range(256)) * 50))
    broken[60] ^= 0xFF
    for data, declared in ((bytes(broken), "gzip"), (gzip.compress(PAGE), "sdch"), (b"", ",".join)):
        name = declared if isinstance(declared, str) else ",".join(["gzip"] * 50)
        with pytest.raises(Unreadable, match="bad_encoding"):
            content(data, f"Content-Encoding: {name}")
    cut = content(gzip.compress(PAGE)[:-20], "Content-Encoding: gzip")
    assert PAGE.startswith(cut) and len(cut) > 100, "a crawler's limit cut it: what came is kept"


def test_heads_in_any_shape() -> None:
    """Line feeds alone, folded lines, NULs, lines without a colon, names twice, no body."""
    block = (
        b"HTTP/1.1 200\nContent-Type: text/html;\n charset=x\nbad line\n\0: nul\n"
        b"content-type: text/plain\nX:\xff\n\nbody"
    )
    message = parse(block)
    assert message is not None and (message.status, block[message.length :]) == (200, b"body")
    assert message.headers["content-type"] == "text/html; charset=x"
    assert message.headers["x"] == "\ufffd"
    bodiless = parse(b"HTTP/1.0 404 Not Found\r\nServer: x")
    assert bodiless is not None and (bodiless.status, bodiless.headers) == (404, {"server": "x"})
    assert parse(b"<html>") is None and parse(b"") is None
    assert getattr(parse(b"ICY 200 OK\r\n\r\n"), "status", None) == 200


def test_malformed_heads_are_errors() -> None:
    endless = b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * HEADER_BYTES
    for block in (b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 2000\r\n\r\n", b"HTTP/", endless):
        with pytest.raises(Unreadable, match="bad_http"):
            parse(block)
