"""Physical lines of delimited text, decoded, and their places: what a csv.reader is fed.

Lines come in pages, all that a block completes: decoding, splitting and measuring a page at once,
and no Python per line, is twice as fast on prose, where a record has a line for every sentence.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import BytesIO, StringIO
from itertools import accumulate, chain

from tamis.pipeline.ingest.inputs import Unreadable


class Lines:
    """The lines of some blocks; of one over the limit only pieces are ever held."""

    def __init__(self, blocks: Iterator[tuple[int, bytes]], limit: int, encoding: str) -> None:
        self.limit, self.encoding = limit, encoding
        self.block = 0
        """Where in the file the page in hand was read."""
        self.next = 1
        """The line to feed next."""
        self.ended = self.too_long = False
        """Why feeding stopped: no line is left, or the record would be too long with the next."""
        self.wrong: dict[int, Unreadable] = {}
        """What is wrong with the bytes of a line."""
        self._blocks = blocks
        self._first = 1  # number of the page's first line
        self._texts: list[str] = []  # its lines, or
        self._piece: tuple[bytes, bool] | None = None  # part of one, and whether it is the last
        self._ends = [0]  # the byte at which each line begins, and the last ends
        self._begun = (1, 0)  # line and byte of the record in hand
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._in_pieces = False
        self._load()

    @property
    def first(self) -> str:
        """The first line of the page."""
        return self._texts[0] if self._texts else ""

    def offset(self, number: int) -> int:
        """The byte at which a line of the page begins, or at which its last ends."""
        return self._ends[number - self._first]

    def begin(self, number: int) -> int:
        """Notes the line at which a record begins; returns its byte."""
        self._begun = number, self.offset(number)
        return self._begun[1]

    def feed(self) -> Iterator[str]:
        """The lines from the next on, as long as they make no record that is too long."""
        self.too_long = False
        while not self._piece and self._ends[0] - self._begun[1] <= self.limit:
            yield from self._texts[self.next - self._first :]
            if not self._load():
                self.ended = True
                return
            self.next = self._first
        self.too_long = True

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """The lines and pieces from the page in hand on, and whether a line ends with each."""
        while True:
            if self._piece:
                piece, whole = self._piece
                self._piece = None
                self.next += whole
                yield piece.decode("latin-1"), whole  # only quotes matter
            for text in self._texts[self.next - self._first :]:
                self.next += 1
                yield text, True
            if not self._load():
                self.ended = True
                return

    def _load(self) -> bool:
        """Makes a page of what the next blocks complete; False at the end."""
        for block, data in self._blocks:
            self.block = block
            if self._in_pieces:
                cut = data.find(b"\n") + 1
                self._blocks = chain([(block, data[cut:])] if cut else [], self._blocks)
                self._part(data[:cut] if cut else data, bool(cut))
                return True
            cut = data.rfind(b"\n") + 1
            self._tail.append(data[:cut] or data)
            self._tail_bytes += len(self._tail[-1])
            if cut:
                self._page(b"".join(self._tail))
                self._tail, self._tail_bytes = [data[cut:]], len(data) - cut
                return True
            if self._tail_bytes > self.limit:
                self._part(b"".join(self._tail), False)
                self._tail, self._tail_bytes = [], 0
                return True
        last, self._tail = b"".join(self._tail), []
        if last:
            self._page(last)
        return bool(last)

    def _part(self, data: bytes, whole: bool) -> None:
        """A page of a piece of a line."""
        self._first += len(self._texts)
        self._texts, self._piece, self._in_pieces = [], (data, whole), not whole
        self._first += whole
        self._ends = [self._ends[-1] + len(data)]

    def _page(self, data: bytes) -> None:
        self._first += len(self._texts)
        self.wrong = {line: why for line, why in self.wrong.items() if line >= self._begun[0]}
        raw = BytesIO(data).readlines()
        self._ends = list(accumulate(map(len, raw), initial=self._ends[-1]))
        try:
            text = data.decode(self.encoding)
            self._texts = StringIO(text).readlines()
        except UnicodeError:
            self._texts = []
        if len(self._texts) != len(raw) or b"\0" in data:
            self._texts = [self._decode(line, n) for n, line in enumerate(raw, self._first)]
        if self._first == 1:
            self._texts[0] = self._texts[0].removeprefix("\ufeff")

    def _decode(self, line: bytes, number: int) -> str:
        """A line that may not be what it should be."""
        if b"\0" in line:
            detail = "a NUL: a hole that a crash left, or UTF-16, which is not read (see iconv)"
            self.wrong[number] = Unreadable("invalid_csv", detail)
        else:
            try:
                return line.decode(self.encoding)
            except UnicodeError as error:
                self.wrong[number] = self._invalid(line, number, getattr(error, "start", 0))
        return line.decode(self.encoding, "replace")

    def _invalid(self, line: bytes, number: int, at: int) -> Unreadable:
        utf8 = codecs.lookup(self.encoding).name == "utf-8"
        detail = f"byte {line[at]:#04x} at {at} of line {number} is not {self.encoding}"
        reason = "invalid_utf8" if utf8 else "invalid_encoding"
        return Unreadable(reason, f"{detail} (see --encoding)")
