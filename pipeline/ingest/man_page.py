"""The text of a man page as it is being put together: paragraphs, headings and tags."""

from __future__ import annotations

import re

from tamis.pipeline.ingest.roff import GLUE, join

_SHORT_TAG = re.compile(r"[^\w\s]{1,2}|[(\[]?\w{1,2}[.)\]]")  # a bullet, 1. or (a)


class Page:
    """What has been printed so far."""

    def __init__(self) -> None:
        self.fill = True
        """Whether lines are joined into paragraphs (.fi) or stay as they are (.nf)."""
        self.expected = ""
        """What the next text is: heading, tag or nothing special."""
        self.section = ""
        """The last heading."""
        self._blocks: list[str] = []  # finished paragraphs and headings
        self._block: list[list[str]] = [[]]  # the lines of the current one, in pieces

    def text(self) -> str:
        """Everything printed, a blank line between two blocks."""
        self.end_paragraph()
        return "\n\n".join(self._blocks)

    def write(self, text: str) -> None:
        """Adds text to the current block, or makes it the heading or tag that was expected."""
        if self.fill:
            if text[:1] in (" ", "\t"):
                self.end_line()
            text = " ".join(text.split())
        if not text.strip():
            return  # an escape alone: a font, a zero-width space
        if self.expected == "heading":
            self.heading(text)
        elif self.expected == "tag":
            self.expected = ""
            self.add(text)
            self.end_line()
        else:
            self.add(text)
            if not self.fill:
                self.end_line()

    def add(self, text: str) -> None:
        """Adds text to the current line."""
        self._block[-1].append(text)

    def end_line(self) -> None:
        """Ends the line, unless it says that it goes on (\\c)."""
        if self._block[-1] and not self._block[-1][-1].endswith(GLUE):
            self._block.append([])

    def end_paragraph(self) -> None:
        """Ends the block."""
        text = "\n".join(join(pieces) for pieces in self._block if pieces).replace(GLUE, "")
        if text.strip():
            self._blocks.append(text.rstrip() if self.fill else text.strip("\n").rstrip())
        self._block = [[]]

    def heading(self, text: str) -> None:
        """Adds a heading, a block of its own."""
        self.expected = ""
        self.end_paragraph()
        self.fill = True
        self.section = text.strip()
        self.add(text.strip())
        self.end_paragraph()

    def tag(self, text: str) -> None:
        """A list item's tag: bullets and numbers go before the text, words on a line above it."""
        self.end_paragraph()
        text = " ".join(text.split())
        if text:
            self.add(text)
            if not _SHORT_TAG.fullmatch(text):
                self.end_line()
