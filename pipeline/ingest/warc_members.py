"""The text of a web archive, gzip member by member: damage costs the member that it is in.

A .warc.gz has, as a rule, one member for each record, so that each can be read alone. Where one is
corrupt, reading goes on at the next that begins with a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from isal import igzip_lib

from tamis.pipeline.ingest.inputs import Unreadable
from tamis.pipeline.ingest.streams import STEP, Source

ARC_LINE = (  # URL, IP address, time, media type, fields of ARC version 2, length
    rb"(?P<url>[A-Za-z][\w+.-]{0,30}:[^\n]{0,4000}) (?P<ip>[^\s]{1,64}) (?P<date>\d{8,20}) "
    rb"(?P<type>[^\s]{1,200})(?: [^\n]{0,500})? (?P<length>-?\w{1,20})[ \t]*\r?\n"
)
WARC_LINE = rb"WARC/\d{1,2}\.\d{1,2}[ \t]*\r?\n"
BEGIN = re.compile(rb"(?:%b|%b)" % (WARC_LINE, ARC_LINE))

SLICE = 1 << 15  # handed over at once: every end of a member copies what is left of it
LEAD = 1 << 13  # of a member's text, with which the lines that begin a record can be told
_PEEK = 1 << 11  # compressed bytes in which a member shows whether a record begins there
_MAGIC = b"\x1f\x8b\x08"


class Part(NamedTuple):
    """Some of the text; it begins a member where `within` is 0."""

    at: int
    """About where in the file it lies; never before the part that came first."""
    member: int
    """Where in the file its gzip member begins; 0 if the file is not gzip."""
    within: int
    """How much text of that member came before."""
    data: bytes


class Fault(NamedTuple):
    """Where the text of a member ends before the member does, and why."""

    member: int
    error: Unreadable


def parts(source: Source) -> Iterator[Part | Fault]:
    """The text of an archive, and the faults in it.

    Raises Unreadable for a file of which nothing can be read.
    """
    found = _Members(source).parts() if source.input.compression == "gz" else _blocks(source)
    part: Part | Fault | None = None
    try:
        for part in found:
            yield part
    except Unreadable as error:
        if part is None:
            raise
        yield Fault(part.member, error)


def _blocks(source: Source) -> Iterator[Part]:
    within = 0
    for at, data in source.blocks():
        yield Part(at, 0, within, data)
        within += len(data)


class _Members:
    """The members of a gzip file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.decoder: Any = None
        self.member = 0  # where the one in hand begins
        self.within = 0
        self.lead = b""  # its first bytes, until there are enough of them
        self.next = 0  # the byte of the file to go on from
        self.lost = False  # damage was met, and no whole member since
        self.at = 0  # how far reading got; what is found after damage may lie before it

    def parts(self) -> Iterator[Part | Fault]:
        start, held, block = 0, b"", b""  # held: the last block and the one before
        for place, following in self.source.raw():
            start, held, block = place - len(block), block + following, following
            yield from self._go_on(held, start)
        while self.decoder is not None or self.next < start + len(held):
            if self.decoder is None:
                yield from self._go_on(held, start, last=True)
            else:
                yield from self._cut_off(held, start)

    def _go_on(self, held: bytes, start: int, last: bool = False) -> Iterator[Part | Fault]:
        """Reads what is new in two blocks of the file; after damage also what was read before."""
        while self.next - start < len(held):
            if self.lost and not self._find(held, start, last):
                return
            try:
                yield from self._read(held[self.next - start : self.next - start + SLICE])
            except igzip_lib.IsalError as error:  # type: ignore[misc]
                yield from self._lead_out()
                yield self._fault("corrupt_file", f"is corrupt: {error}")
                self.decoder, self.lost = None, True
                self.next = max(self.member + 1, start)

    def _cut_off(self, held: bytes, start: int) -> Iterator[Part | Fault]:
        """The file has ended and the member has not; it is corrupt if there is another in it."""
        yield from self._lead_out()
        cut = self._fault("truncated_file", "is cut off")
        self.decoder, self.lost, self.next = None, True, max(self.member + 1, start)
        found = self._find(held, start, last=True)
        yield self._fault("corrupt_file", "is corrupt: it does not end") if found else cut

    def _read(self, data: bytes) -> Iterator[Part]:
        """Decompresses to the end of some bytes, or of the member that they are of."""
        if self.decoder is None:
            if self.next and not data.strip(b"\0"):
                self.next += len(data)  # padding, as tapes leave it
                return
            padding = len(data) - len(data.lstrip(b"\0")) if self.next else 0
            data, self.member = data[padding:], self.next + padding
            self.next, self.within, self.lead = self.member, 0, b""
            self.decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        self.at, decoder = max(self.at, self.next), self.decoder
        text = decoder.decompress(data, STEP)
        while True:
            if self.within or len(self.lead) + len(text) >= LEAD:
                text, self.lead = self.lead + text, b""
                if text:
                    yield Part(self.at, self.member, self.within, text)
                self.within += len(text)
            else:
                self.lead += text
            if decoder.needs_input or decoder.eof:
                break
            text = decoder.decompress(b"", STEP)
        self.next += len(data)
        if decoder.eof:
            self.next -= len(decoder.unused_data)
            yield from self._lead_out()
            self.decoder = None

    def _lead_out(self) -> Iterator[Part]:
        """The text of a member that is over before it got long."""
        if self.lead:
            yield Part(self.at, self.member, 0, self.lead)
            self.lead = b""

    def _fault(self, reason: str, what: str) -> Fault:
        where = f"byte {self.member}"
        return Fault(
            self.member, Unreadable(reason, f"the gzip member at {where} {what}", 1, where)
        )

    def _find(self, held: bytes, start: int, last: bool) -> bool:
        """Goes to the next member that begins with a record; False if it is not in hand."""
        place = self.next - start
        while (place := held.find(_MAGIC, place)) >= 0:
            if place + _PEEK > len(held) and not last:
                break
            if _begins_record(held[place : place + _PEEK]):
                self.next, self.lost = start + place, False
                return True
            place += 1
        self.next = start + (place if place >= 0 else max(len(held) - 2, 0))
        if last:
            self.next = start + len(held)
        return False


def _begins_record(data: bytes) -> bool:
    try:
        text = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP).decompress(data, LEAD)
    except igzip_lib.IsalError:  # type: ignore[misc]
        return False
    return BEGIN.match(text.lstrip()) is not None
