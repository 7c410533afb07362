"""A remote file as one that can be seeked in: each read is a request for just these bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

BLOCK = 1 << 22


class RangeFile(io.RawIOBase):
    """Bytes by range, of a file whose size is known.

    kept is how many blocks of 4 MB are kept, the last used ones: for a reader that jumps about in
    small steps. Without, nothing but what is asked for is fetched. A request that failed for good
    is not made again: every later read fails at once.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, kept: int = 0) -> None:
        super().__init__()
        self.size, self._place, self._fetch = size, 0, fetch
        self._error: Exception | None = None
        self._block = lru_cache(maxsize=kept)(self._fetch_block) if kept else None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = (0, self._place, self.size)[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, fewer than asked for only at the end of the file."""
        stop = self.size if size < 0 else min(self.size, self._place + size)
        data = self._between(self._place, stop) if self._place < stop else b""
        self._place += len(data)
        return data

    def _between(self, start: int, stop: int) -> bytes:
        if self._error is not None:
            raise self._error
        try:
            if self._block is None:
                return self._fetch(start, stop)
            numbers = range(start // BLOCK, -(-stop // BLOCK))
            data = b"".join(self._block(number) for number in numbers)
            return data[start - numbers[0] * BLOCK :][: stop - start]
        except Exception as error:
            self._error = error
            raise

    def _fetch_block(self, number: int) -> bytes:
        return self._fetch(number * BLOCK, min(self.size, (number + 1) * BLOCK))
