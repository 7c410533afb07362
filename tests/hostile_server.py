"""A web server that misbehaves in the way that the first part of a path says."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = 300_000  # what a connection that is reset carries before


class Hostile(ThreadingHTTPServer):
    """Serves `files`, counts requests by path and keeps the ranges that were asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.seen: Counter[str] = Counter()
        self.ranges: list[tuple[str, str]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients that give up are what this is for."""


@contextmanager
def serving() -> Iterator[Hostile]:
    server = Hostile()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hostile

    def log_message(self, *arguments: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self.close_connection = True
        path = self.path.partition("?")[0]
        way, _, name = path.lstrip("/").partition("/")
        self.time = self.server.seen[path]
        self.server.seen[path] += 1
        self.server.ranges.append((path, self.headers.get("Range", "")))
        self.body = self.server.files.get(name.rpartition("/")[2], b"")
        getattr(self, f"_{way}", self._missing)()

    def _send(
        self,
        body: bytes,
        ranges: bool = True,
        length: int | None = None,
        upto: int | None = None,
        tag: str = "",
    ) -> None:
        """A right answer, but for what the arguments say."""
        asked = self.headers.get("Range", "")
        tag = tag or f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        start, stop = 0, len(body)
        if ranges and asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1 if last else len(body), len(body))
        if ranges and asked and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if ranges and asked else 200)
        if ranges and asked:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(body)}")
        self.send_header("ETag", tag)
        if length != -1:
            self.send_header("Content-Length", str(stop - start if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[start : stop if upto is None else min(stop, start + upto)])

    def _refuse(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _reset(self) -> None:
        """Closes as a machine that lost power does."""
        self.wfile.flush()
        option = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        self.connection.close()

    def _missing(self) -> None:
        self._refuse(404)

    def _plain(self) -> None:
        self._send(self.body)

    def _noranges(self) -> None:
        self._send(self.body, ranges=False)

    def _nolength(self) -> None:
        self._send(self.body, ranges=False, length=-1)

    def _cut(self) -> None:
        """Every connection ends after PIECE bytes."""
        self._send(self.body, upto=PIECE)

    def _cutonce(self) -> None:
        """Cannot go on in the middle, and its second answer is reset."""
        broken = self.time == 1
        self._send(self.body, ranges=False, upto=PIECE if broken else None)
        if broken:
            self._reset()

    def _cutsmall(self) -> None:
        """After the first look, every connection ends after 1,000 bytes."""
        self._send(self.body, upto=1000 if self.time else None)

    def _flaky(self) -> None:
        if self.time % 3 == 2:
            self._send(self.body)
        else:
            self._refuse(503, Retry_After="0")

    def _busy(self) -> None:
        self._refuse(503, Retry_After="86400")

    def _late(self) -> None:
        """Down after the first look."""
        self._refuse(503) if self.time else self._send(self.body)

    def _hang(self) -> None:
        """After the first look, begins to answer and never ends."""
        self._send(self.body, upto=1000 if self.time else None)
        if self.time:
            self.wfile.flush()
            self.server.over.wait(60)

    def _silent(self) -> None:
        self.server.over.wait(60)

    def _drip(self) -> None:
        """After the first look, a byte now and then."""
        if not self.time:
            return self._send(self.body)
        self._send(self.body, upto=0)
        while not self.server.over.wait(0.02):
            self.wfile.write(b"{")
            self.wfile.flush()
        return None

    def _longer(self) -> None:
        """Promises more than there is."""
        self._send(self.body, ranges=False, length=len(self.body) + 1000)

    def _loop(self) -> None:
        self._refuse(302, Location=self.path)

    def _away(self) -> None:
        self._refuse(302, Location="file:///etc/passwd")

    def _moved(self) -> None:
        self._refuse(301, Location=self.path.replace("/moved/", "/plain/"))

    def _forbidden(self) -> None:
        self._refuse(403)

    def _gone(self) -> None:
        self._refuse(410)

    def _changed(self) -> None:
        """Another file after the first look, of the same size."""
        self._send(self.body, tag=f'"{min(self.time, 1)}"')

    def _secret(self) -> None:
        """For one user, and by a link that is signed."""
        right = "Basic " + base64.b64encode(b"ann:pass word").decode()
        if self.headers.get("Authorization") == right and "sig=abc" in self.path:
            self._send(self.body)
        else:
            self._refuse(403)
