"""Inputs that a server holds: their bytes in a stream or by range, and what went wrong in words."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from tamis.pipeline.errors import CallError, TamisError
from tamis.pipeline.ingest.inputs import READ, Input, Unreadable, changed
from tamis.pipeline.storage import web
from tamis.pipeline.storage.location import Remote
from tamis.pipeline.storage.reading import RangeFile
from tamis.pipeline.storage.retries import Failed, Retries
from tamis.pipeline.storage.web import Changed, Facts

FETCH = 32 * READ  # of a store at a time: 8 MB, so that the wait for each counts little
KEPT = 16  # blocks of 4 MB that a reader may jump about in


def parts(source: Input, start: int) -> Generator[bytes, None, None]:
    """What an input holds from a byte on, READ bytes at a time, whatever the network does.

    The places of these parts decide which shard a record goes to: they may not depend on where a
    connection broke. Raises Unreadable once it cannot be read on, after giving what had come.
    """
    held = bytearray()
    pieces = _web(source, start) if _on_the_web(source) else _store(source, start)
    try:
        for piece in pieces:
            held += piece
            while len(held) >= READ:
                yield bytes(held[:READ])
                del held[:READ]
    except Unreadable:
        if held:
            yield bytes(held)
        raise
    if held:
        yield bytes(held)


def opened(source: Input) -> BinaryIO:
    """An input in which any byte can be read; raises Unreadable if it is not what it was.

    From a server that only sends whole files it is fetched whole, to a file without a name.
    """
    if not source.ranges or source.bytes < 0:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked for it closes it
        for part in parts(source, 0):
            file.write(part)
        file.seek(0)
        return cast(BinaryIO, file)
    place = Remote(source.url)
    with _explained(source):
        _check(source, place.facts())

    def fetch(start: int, stop: int) -> bytes:
        with _explained(source):
            return place.read(start, stop)

    return cast(BinaryIO, RangeFile(fetch, source.bytes, KEPT))


def _web(source: Input, start: int) -> Iterator[bytes]:
    known = Facts(source.bytes, source.tag, source.ranges)
    with _explained(source):
        yield from web.stream(source.url, start, known, Retries.from_environment())


def _store(source: Input, start: int) -> Iterator[bytes]:
    """A file of a store in large pieces; that it was one file all along is asked at the end."""
    place = Remote(source.url)
    with _explained(source):
        facts = place.facts()
        _check(source, facts)
        for at in range(start, facts.bytes, FETCH):
            yield place.read(at, min(at + FETCH, facts.bytes))
        _check(source, place.facts())


def _check(source: Input, facts: Facts) -> None:
    if source.bytes != facts.bytes or (source.tag and facts.tag and source.tag != facts.tag):
        raise changed(source, facts.bytes)


@contextmanager
def _explained(source: Input) -> Iterator[None]:
    """Turns what a server did into the error row that it means for an input."""
    try:
        yield
    except Changed as error:
        raise Unreadable("changed_file", str(error)) from error
    except Failed as error:
        raise Unreadable("server_error", error.what) from error
    except (CallError, OSError) as error:
        raise Unreadable("unreadable_url", str(error)) from error
    except TamisError as error:
        raise Unreadable("server_error", str(error)) from error


def _on_the_web(source: Input) -> bool:
    return not Remote(source.url).writable
