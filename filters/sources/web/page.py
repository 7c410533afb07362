"""HTML to text: what a page says, without its menus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from resiliparse.parse.html import HTMLTree

Extractor = Literal["resiliparse", "trafilatura"]


class Unfit(Exception):
    """A page that cannot become text.

    reason: a stable key, counted in the ledger; detail: what was found and what to do about it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Page:
    """What was read out of a page."""

    text: str
    title: str | None
    encoding: str


def read_page(
    data: bytes, charset: str | None = None, extractor: Extractor = "resiliparse"
) -> Page:
    """The main text and the title of a page, as bytes and the charset its server declared.

    Raises Unfit for a page that is beyond the limits or holds no text.
    """
    encoding = charset or detect_encoding(data) or "utf-8"
    tree = HTMLTree.parse(bytes_to_str(data, encoding))
    text = extract_plain_text(tree, main_content=True)
    if not text.strip():
        raise Unfit("no_text", "the page holds no text")
    return Page(text, tree.title or None, encoding)
