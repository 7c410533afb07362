"""HTTP(S), for reading: what a URL holds, its bytes in a stream or by range, tried again.

A stream that breaks goes on at the byte reached, by a Range request where the server can, else from
the beginning with what was read already skipped. Nothing here tells a URL's password or query.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from tamis.pipeline.storage.retries import Failed, Retries

READ = 1 << 18
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)
_MISSING = (404, 410)
_REFUSED = (401, 403, 407, 451)
_PART, _BEYOND = 206, 416
_SAFE = "%/:=&?~#+!$,;'@()*[]"  # what is quoted already stays as it is


class Changed(Exception):
    """What a URL holds is not what it held before."""


@dataclass(frozen=True)
class Facts:
    """What is known of a file: its bytes (-1: not known), a tag that changes with it, ranges."""

    bytes: int
    tag: str = ""
    ranges: bool = True


def public(url: str) -> str:
    """A URL without what may be secret: user, password, query; not even their place."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    web = parts.scheme.lower() in ("http", "https")
    return urlunsplit((parts.scheme, host, parts.path, "", "")) if web or "@" in url else url


def facts(url: str, retries: Retries) -> Facts:
    """What a server says of a URL; raises FileNotFoundError, PermissionError, OSError or Failed.

    By a GET of one byte: some servers refuse HEAD, and links that are signed for GET do too.
    """

    def ask() -> Facts:
        with _open(url, {"Range": "bytes=0-0"}, retries.timeout) as response:
            if response.status == _PART:
                total = response.headers.get("Content-Range", "").rpartition("/")[2]
                return Facts(int(total) if total.isdigit() else -1, _tag(response))
            if response.status == _BEYOND:
                return Facts(0, _tag(response), ranges=False)
            return Facts(_length(response), _tag(response), ranges=False)

    return retries.call(ask)


def read(url: str, start: int, stop: int | None, retries: Retries) -> bytes:
    """Bytes start to stop of a URL; raises as facts does."""

    def ask() -> bytes:
        headers = {} if stop is None else {"Range": f"bytes={start}-{stop - 1}"}
        with _open(url, headers, retries.timeout) as response:
            skip = 0 if stop is None or response.status == _PART else start
            wanted = None if stop is None else stop - start
            data = b"".join(_arriving(response, retries.timeout, skip, wanted))
        if wanted is not None and len(data) != wanted:
            raise Failed(f"{len(data)} of {wanted} bytes came")
        return data

    return b"" if start == stop else retries.call(ask)


def stream(url: str, start: int, known: Facts, retries: Retries) -> Iterator[bytes]:
    """What a URL holds from a byte on; raises Changed, or as facts does, where it cannot go on.

    Tries are counted anew whenever 256 KB have arrived, so that a server that drips is given up.
    """
    place, failures, mark = start, 0, start
    while True:
        try:
            for data in _from(url, place, known, retries.timeout):
                place += len(data)
                if place - mark >= READ:
                    failures, mark = 0, place
                yield data
            return
        except Failed as error:
            failures += 1
            where = f"{error.what} at byte {place}"
            retries.wait(failures, Failed(where, error.wait))


def _from(url: str, place: int, known: Facts, timeout: float) -> Iterator[bytes]:
    headers = {}
    if place:
        headers["Range"] = f"bytes={place}-"
        if known.tag.startswith('"'):  # a weak tag or a date may not be compared byte for byte
            headers["If-Range"] = known.tag
    with _open(url, headers, timeout) as response:
        tag, total = _tag(response), _total(response, place)
        if (known.tag and tag and tag != known.tag) or -1 < known.bytes != total > -1:
            raise Changed(f"was {known.bytes} bytes when planned, now {total}")
        if response.status == _BEYOND:
            if total not in (-1, place):
                raise Failed("cannot go on")
            return
        skip = 0 if response.status == _PART else place
        yield from _arriving(response, timeout, skip)


def _arriving(
    response: Any, timeout: float, skip: int, wanted: int | None = None
) -> Iterator[bytes]:
    """The body in pieces as they come; raises Failed if it stops, drips or is cut."""
    expected, got = _length(response), 0
    mark, since = 0, time.monotonic()
    try:
        while data := response.read1(READ):
            got += len(data)
            if kept := data[max(0, len(data) - (got - skip)) :] if got > skip else b"":
                if wanted is not None and got - skip > wanted:
                    kept = kept[: len(kept) - (got - skip - wanted)]
                yield kept
            if wanted is not None and got - skip >= wanted:
                return
            if got - mark >= READ:
                mark, since = got, time.monotonic()
            elif time.monotonic() - since > timeout:
                raise Failed(f"{got - mark} bytes came in {timeout:g} s")
    except (OSError, http.client.HTTPException) as error:
        raise error if isinstance(error, Failed) else Failed(_said(error, timeout)) from error
    if got < expected:
        raise Failed(f"the connection ended after {got} of {expected} bytes")


@lru_cache(maxsize=1)
def _opener() -> urllib.request.OpenerDirector:
    """Follows ten redirects at most, to HTTP(S) alone; proxies are those of the environment."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _open(url: str, headers: dict[str, str], timeout: float) -> Any:
    """The response to a GET, with status 200, 206 or 416; raises what it means otherwise."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    plain = quote(urlunsplit((parts.scheme, host, parts.path, parts.query, "")), safe=_SAFE)
    try:
        request = urllib.request.Request(plain, headers={"User-Agent": "tamis", **headers})
        if user:  # of no concern to where this may be redirected to
            secret = base64.b64encode(unquote(user).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {secret}")
        return _opener().open(request, timeout=timeout)
    except HTTPError as error:
        if error.code == _BEYOND:
            return error
        with error:
            raise _refusal(error) from None
    except (ValueError, http.client.InvalidURL):
        raise OSError("no valid URL") from None
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError | str):
            raise OSError(_said(reason, timeout)) from None
        raise Failed(_said(reason, timeout)) from None


def _refusal(error: HTTPError) -> OSError:
    what = f"{error.code} {http.client.responses.get(error.code, '')}".rstrip()
    if 300 <= error.code < 400:
        return OSError(f"{what}: redirected in a circle, too often, or out of the web")
    if error.code in _MISSING:
        return FileNotFoundError(what)
    if error.code in _REFUSED:
        return PermissionError(what)
    if error.code in _TRANSIENT:
        return Failed(what, _retry_after(error.headers.get("Retry-After")))
    return OSError(what)


def _retry_after(text: str | None) -> float | None:
    """The seconds that a server asks to wait: it says a number, or a date."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None


def _said(error: Any, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {timeout:g} s"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError):
        return "the server closed the connection"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection ended in the middle"
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"[:200]


def _tag(response: Any) -> str:
    found = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    return str(found)


def _length(response: Any) -> int:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else -1


def _total(response: Any, place: int) -> int:
    """The bytes of the whole file by what a response says, -1 if it does not."""
    if response.status in (_PART, _BEYOND):
        unit, _, total = response.headers.get("Content-Range", "").rpartition("/")
        if response.status == _PART and not unit.startswith(f"bytes {place}-"):
            raise Failed(f"asked for bytes from {place} on, got {unit or 'others'}")
        return int(total) if total.isdigit() else -1
    return _length(response)
