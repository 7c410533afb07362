"""Records out of the text of a web archive, WARC or ARC; what is malformed costs itself.

A record's length is believed as far as there is text; nothing of that size is asked for before. It
ends early where a gzip member begins with another record, or with the file. Where no record begins
the text is passed until one does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tamis.pipeline.ingest.http_payload import HEADER_BYTES, fields
from tamis.pipeline.ingest.inputs import Unreadable
from tamis.pipeline.ingest.warc_members import BEGIN, LEAD, Fault, Part

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_ZEROS = re.compile(rb"\0*")
_SPACE = re.compile(rb"\s*")
_NEXT = re.compile(rb"\n(?=%b)" % BEGIN.pattern)
_LENGTH = re.compile(r"\d{1,18}")


class PassedOver(Exception):
    """A record that is by nature no document; reason is a stable key, counted in the ledger."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Record:
    """One record: its header, and its block if it may be a document."""

    at: int
    """About where in the file it begins; never before the record that came first."""
    place: int
    """Where exactly: the byte of its gzip member plus that of the member's text."""
    header: dict[str, str]
    """Names in lower case; an ARC record's as WARC would have them."""
    body: bytes = b""
    outcome: PassedOver | Unreadable | None = None
    """Why there is no document in it, if that is known already."""


Judge = Callable[[dict[str, str], bytes], None]


class Reader:
    """Takes parts of a text, gives its records and what was wrong among them.

    judge raises PassedOver or Unreadable for a header and the first HEADER_BYTES of a block, and
    one, that hold no document: the rest is not kept, nor is a block over the limit. size is that of
    the file if the text is the file.
    """

    def __init__(
        self, parts: Iterator[Part | Fault], judge: Judge, limit: int, size: int | None
    ) -> None:
        self.parts, self.judge, self.limit, self.size = parts, judge, limit, size
        self.data, self.position = b"", 0  # text in hand, and how much of it was taken
        self.at = self.member = self.within = 0  # of the text in hand
        self.ahead = next(parts, None)

    def records(self) -> Iterator[Record]:
        """The records in their order; one with an Unreadable may stand for several."""
        while True:
            self._skip_space()
            if self.position < len(self.data):
                record = self._record()
                self._skip_space()
                if isinstance(self.ahead, Fault) and self.ahead.member == self.member:
                    record.outcome = self._fault() or record.outcome  # it may be damaged itself
                yield record
            elif fault := self._fault():
                yield Record(self.at, self.member, {}, outcome=fault)
            else:
                return

    def _record(self) -> Record:
        while b"\n" not in self.data[self.position : self.position + LEAD]:
            if len(self.data) - self.position >= LEAD or not self._more():
                break
        record = Record(self.at, self.member + self.within + self.position, {})
        begin = BEGIN.match(self.data, self.position)
        if begin is None:
            return self._junk(record)
        if begin["url"] is not None:
            self.position = begin.end()
            record.header = _arc_header(begin)
        elif (header := self._header()) is not None:
            record.header = fields(header)
        else:
            self.position = begin.end()
            return self._malformed(record, f"no end of its header in {HEADER_BYTES} bytes")
        said = record.header.get("content-length", "none")
        if not _LENGTH.fullmatch(said):
            return self._malformed(record, f"its length is {said[:40]!r}")
        return self._block(record, int(said))

    def _block(self, record: Record, length: int) -> Record:
        begin = self.member + self.within + self.position
        if self.size is not None and begin + length > self.size:
            what = f"a length of {length} bytes, where {self.size - begin} are left of the file"
            return self._malformed(record, what, "truncated_file")
        head = self._take(min(length, HEADER_BYTES + 1))
        try:
            self.judge(record.header, head)
        except (PassedOver, Unreadable) as outcome:
            record.outcome, record.header = outcome, {}
        rest = length - len(head)
        if record.outcome is None and length > self.limit + HEADER_BYTES:
            what = f"a record of {length} bytes, over {self.limit} (--max-document-bytes)"
            record.outcome = Unreadable("too_long", what)
        if record.outcome is None:
            record.body = b"".join([head, *self._pieces(rest)])
            rest = length - len(record.body)
        else:
            rest -= self._skip(rest)
        if rest:
            record.body = b""
            what = f"{rest} bytes short of the {length} of its length"
            reason = "truncated_file" if self.ahead is None else "malformed_record"
            record.outcome = Unreadable(reason, what)
        return record

    def _junk(self, record: Record) -> Record:
        start = self.data[self.position : self.position + 40]
        hint = "; gzip: --format warc finds that out" if start.startswith(b"\x1f\x8b") else ""
        return self._malformed(record, f"no record begins with {start!r}{hint}")

    def _malformed(self, record: Record, detail: str, as_last: str = "malformed_record") -> Record:
        """Goes on where the next record begins; as_last is the reason if there is none."""
        self._find()
        ended = self.position == len(self.data) and self.ahead is None
        record.outcome = Unreadable(as_last if ended else "malformed_record", detail)
        return record

    def _header(self) -> bytes | None:
        """The lines up to the next that is blank, None if there is none in time."""
        while True:
            end = self.position + HEADER_BYTES
            if found := _BLANK_LINE.search(self.data, self.position, end):
                header = self.data[self.position : found.start()]
                self.position = found.end()
                return header
            if len(self.data) >= end or not self._more():
                return None

    def _find(self) -> None:
        """Goes to the next line that begins a record, or to where the text ends."""
        if self._zeros() and BEGIN.match(self.data, self.position):
            return  # a hole that a crash left
        self.position -= self.data[self.position - 1 : self.position] == b"\n"
        while True:
            if found := _NEXT.search(self.data, self.position):
                self.position = found.end()
                return
            self.position = max(self.position, len(self.data) - LEAD)
            if not self._more():
                self.position = len(self.data)
                return

    def _zeros(self) -> bool:
        """Passes zero bytes by; whether there were any."""
        found = False
        while zeros := _ZEROS.match(self.data, self.position):
            found = found or zeros.end() > self.position
            self.position = zeros.end()
            if self.position < len(self.data) or not self._more():
                break
        return found

    def _more(self) -> bool:
        """Takes another part in hand; False if the text ends here, or another record begins."""
        part = self.ahead
        if not isinstance(part, Part) or (part.within == 0 and _begins(part)):
            return False
        if self.position == len(self.data):
            self._load(part)
        else:
            self.data = self.data[self.position :] + part.data
            self.within, self.position = self.within + self.position, 0
            self.at, self.ahead = part.at, next(self.parts, None)
        return True

    def _load(self, part: Part) -> None:
        self.at, self.member, self.within, self.data = part
        self.position, self.ahead = 0, next(self.parts, None)

    def _skip_space(self) -> None:
        while True:
            self.position = _SPACE.match(self.data, self.position).end()  # type: ignore[union-attr]
            if self.position < len(self.data) or not isinstance(self.ahead, Part):
                return
            self._load(self.ahead)

    def _fault(self) -> Unreadable | None:
        """What went wrong where the text in hand ends; reading goes on after it."""
        if self.position < len(self.data) or not isinstance(self.ahead, Fault):
            return None
        (self.member, error), self.ahead = self.ahead, next(self.parts, None)
        return error

    def _take(self, size: int) -> bytes:
        """The next bytes of the text, fewer if it ends before."""
        return b"".join(self._pieces(size))

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.data[self.position : self.position + size]
            self.position += len(piece)
            size -= len(piece)
            yield piece
            if size and not self._more():
                return

    def _skip(self, size: int) -> int:
        """Passes bytes by; returns how many there were."""
        skipped = 0
        while True:
            step = min(size - skipped, len(self.data) - self.position)
            self.position += step
            skipped += step
            if skipped == size or not self._more():
                return skipped


def _begins(part: Part) -> bool:
    return BEGIN.match(part.data[:LEAD].lstrip()) is not None


def _arc_header(line: re.Match[bytes]) -> dict[str, str]:
    url, date, kind, length = (
        line[name].decode("utf-8", "replace") for name in ("url", "date", "type", "length")
    )
    return {
        "warc-type": "arc_header" if url.startswith("filedesc:") else "response",
        "warc-target-uri": url,
        "warc-date": f"{date[:8]}T{date[8:14]}Z",
        "arc-content-type": kind,
        "content-length": length,
    }
