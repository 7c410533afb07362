"""Bytes out of files, compressed or not, in bounded blocks, with their place in the file.

gzip goes through igzip, three times as fast as zlib; all four decompressors share one interface,
and none may answer with more than a block at once, so that a bomb is read like any other file.
"""

from __future__ import annotations

import bz2
import hashlib
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from backports import zstd
from isal import igzip_lib

from tamis.pipeline.ingest.inputs import Input, Unreadable

READ = 1 << 18  # small enough that what it expands to stays in the processor's cache
BLOCK = 1 << 20

_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gz": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=1 << 28),
    "zst": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27}),
}
_BROKEN: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    lzma.LZMAError,
    zstd.ZstdError,
    igzip_lib.IsalError,
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
        """Pairs of a place in the file and at most a megabyte of what begins there.

        start is a byte to begin at, for files that are not compressed. Raises Unreadable where the
        file cannot be opened, differs from what was planned, is truncated or corrupt; what came
        before was good.
        """
        with opened(self.input) as file:
            raw = self._read(file, start)
            if not self.input.compression:
                yield from raw
                return
            yield from _decompress(raw, self.input.compression)

    def _read(self, file: BinaryIO, start: int) -> Iterator[tuple[int, bytes]]:
        file.seek(start)
        place = start
        while data := file.read(READ):
            self._sha256.update(data)
            yield place, data
            place += len(data)
        self._whole = start == 0


def opened(source: Input) -> BinaryIO:
    """The open file of an input; raises Unreadable if it is gone or not what it was."""
    try:
        file = Path(source.path).open("rb")  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise Unreadable("unreadable_file", f"cannot be opened: {error.strerror}") from error
    size = file.seek(0, 2)
    if size != source.bytes:
        file.close()
        raise Unreadable("changed_file", f"was {source.bytes} bytes when planned, now {size}")
    file.seek(0)
    return file


def _decompress(raw: Iterator[tuple[int, bytes]], compression: str) -> Iterator[tuple[int, bytes]]:
    """Members, streams or frames one after the other, as one."""
    decompressor, place, ended = None, 0, 0
    for place, data in raw:
        while data:
            if decompressor is None:
                if ended and not data.strip(b"\0"):
                    break  # padding, as tar and tape leave it
                decompressor = _DECOMPRESSORS[compression]()
            try:
                block = decompressor.decompress(data, BLOCK)
                while block or not (decompressor.needs_input or decompressor.eof):
                    if block:
                        yield place, block
                    if decompressor.eof:
                        break
                    block = decompressor.decompress(b"", BLOCK)
            except _BROKEN as error:
                where = f"near byte {place} of the file, after {ended} whole parts"
                raise Unreadable(
                    "corrupt_file", f"corrupt {compression} data {where}: {error}"
                ) from error
            if not decompressor.eof:
                break
            data, decompressor, ended = decompressor.unused_data, None, ended + 1
    if decompressor is not None:
        raise Unreadable("truncated_file", f"truncated {compression} data after byte {place}")


def whole(source: Source, limit: int) -> bytes:
    """All of an input, if it is no longer than the limit."""
    parts, size = [], 0
    for _, block in source.blocks():
        size += len(block)
        if size > limit:
            raise Unreadable("too_long", f"over {limit} bytes (--max-document-bytes)")
        parts.append(block)
    return b"".join(parts)
