"""Bytes out of files, compressed or not, in bounded blocks, with their place in the file.

gzip goes through igzip, three times as fast as zlib; all four decompressors share one interface,
and none may answer with more than a step at once, so that a bomb is read like any other file.
"""

from __future__ import annotations

import bz2
import hashlib
import lzma
import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, BinaryIO

from backports import zstd
from isal import igzip_lib

from tamis.pipeline.ingest import remote
from tamis.pipeline.ingest.inputs import READ, Input, Unreadable, changed

BLOCK = 1 << 20
STEP = 1 << 14  # what a fault costs at most of the text before it; 1 MB steps are 5 % faster
WINDOW = 27  # 128 MB: the most that a frame or stream may make its reader hold

_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gz": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=(1 << WINDOW) + (1 << 24)),
    "zst": lambda: zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: WINDOW}
    ),
}
_IsalError: Any = igzip_lib.IsalError  # its stubs take the class for an instance
_BROKEN: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    lzma.LZMAError,
    zstd.ZstdError,
    _IsalError,
)


class Source:
    """An input that is open: its blocks, and its SHA-256 once it was read to the end."""

    def __init__(self, source: Input) -> None:
        self.input = source
        self._sha256 = hashlib.sha256()
        self._whole = False

    @property
    def sha256(self) -> str | None:
        """The digest of the file, None unless it was read from first byte to last."""
        return self._sha256.hexdigest() if self._whole else None

    def blocks(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Pairs of a place in the file and at most a megabyte or so of what begins there.

        start is a byte to begin at, for files that are not compressed. Raises Unreadable where the
        file cannot be opened, differs from what was planned, is truncated or corrupt; what came
        before was good.
        """
        raw = self.raw(start)
        with closing(raw):
            if not self.input.compression:
                yield from raw
                return
            yield from _decompress(raw, self.input.compression)

    def raw(self, start: int = 0) -> Generator[tuple[int, bytes], None, None]:
        """The same of the file as it lies there, compressed or not."""
        self._sha256, self._whole = hashlib.sha256(), False
        place = start
        parts = remote.parts(self.input, start) if self.input.url else _parts(self.input, start)
        with closing(parts):
            for data in parts:
                self._sha256.update(data)
                yield place, data
                place += len(data)
        if self.input.bytes not in (-1, place):
            raise changed(self.input, place)
        self._whole = start == 0


def _parts(source: Input, start: int) -> Generator[bytes, None, None]:
    """What a file of this machine holds from a byte on, READ bytes at a time."""
    with opened(source) as file:
        file.seek(start)
        place = start
        while data := _read_some(file, place):
            yield data
            place += len(data)


def opened(source: Input) -> BinaryIO:
    """The open file of an input, here or on a server, in which any byte can be read.

    Raises Unreadable if it is gone or not what it was.
    """
    if source.url:
        return remote.opened(source)
    try:
        # Without O_NONBLOCK a pipe that took the file's place would wait for a writer.
        descriptor = os.open(source.path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise Unreadable("unreadable_file", f"cannot be opened: {error.strerror}") from error
    file = os.fdopen(descriptor, "rb")
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size != source.bytes:
        file.close()
        raise changed(source, status.st_size)
    return file


def _read_some(file: BinaryIO, place: int) -> bytes:
    try:
        return file.read(READ)
    except OSError as error:
        detail = f"cannot be read from byte {place} on: {error.strerror}"
        raise Unreadable("unreadable_file", detail) from error


def _decompress(raw: Iterator[tuple[int, bytes]], compression: str) -> Iterator[tuple[int, bytes]]:
    """Members, streams or frames one after the other, as one."""
    decoder, place = _Decoder(compression), 0
    for place, data in raw:
        parts: list[bytes] = []
        size, fault = 0, None
        steps = decoder.steps(data)
        while not fault:
            try:
                part = next(steps, None)
            except _BROKEN as error:
                fault, part = decoder.fault(place, error), None
            if part is not None:
                parts.append(part)
                size += len(part)
            if size and (part is None or size >= BLOCK):
                yield place, b"".join(parts)
                parts, size = [], 0
            if part is None:
                break
        if fault:
            raise fault
    if decoder.unfinished:
        raise Unreadable("truncated_file", f"truncated {compression} data after byte {place}")


class _Decoder:
    """A decompressor after the other, each for one member, stream or frame."""

    def __init__(self, compression: str) -> None:
        self.compression = compression
        self.unfinished: Any = None
        self.ended = 0

    def steps(self, data: bytes) -> Iterator[bytes]:
        """What some compressed bytes expand to."""
        while data:
            if self.unfinished is None:
                if self.ended and not (data := data.lstrip(b"\0")):
                    return  # padding, as xz, tar and tape leave it; no member begins with a zero
                self.unfinished = _DECOMPRESSORS[self.compression]()
            one = self.unfinished
            yield one.decompress(data, STEP)
            while not (one.needs_input or one.eof):
                yield one.decompress(b"", STEP)
            if not one.eof:
                return
            data, self.unfinished, self.ended = one.unused_data, None, self.ended + 1

    def fault(self, place: int, error: Exception) -> Unreadable:
        """What went wrong, and about where."""
        where = f"near byte {place} of the file, after {self.ended} whole parts"
        if "memory" in str(error).lower():
            detail = f"needs over {1 << WINDOW - 20} MB to decompress, {where}: compress it again"
            return Unreadable("too_large_window", detail)
        return Unreadable("corrupt_file", f"corrupt {self.compression} data {where}: {error}")


def whole(source: Source, limit: int) -> bytes:
    """All of an input, if it is no longer than the limit."""
    parts, size = [], 0
    for _, block in source.blocks():
        size += len(block)
        if size > limit:
            raise Unreadable("too_long", f"over {limit} bytes (--max-document-bytes)")
        parts.append(block)
    return b"".join(parts)
