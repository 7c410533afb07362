"""HTML to text: what a page says, without its menus.

    bytes -> text by its real encoding -> bounds -> one parse -> main content -> lines

docs/extraction.md says how well, beside other libraries, and what is still wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from tamis.filters.sources.web.bounds import (
    MAX_BYTES,
    MAX_LISTS,
    Unfit,
    check_markup,
    check_size,
    has_deep_lists,
    is_plain,
    without_scripts,
)
from tamis.filters.sources.web.charset import decode, to_utf8
from tamis.filters.sources.web.content import CONTROLS, Content, TooDear
from tamis.filters.sources.web.second import extract_with_trafilatura

__all__ = ["Extractor", "Page", "Unfit", "decode", "read_page", "tidy"]

Extractor = Literal["resiliparse", "trafilatura"]
TITLE_LENGTH = 300

# Control characters but the newline and the tab.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NEWLINE = re.compile("\r\n?|[\x0b\x0c\x85]")
_GAP = re.compile("\n{3,}")


@dataclass(frozen=True)
class Page:
    """What was read out of a page."""

    text: str
    title: str | None
    encoding: str


def read_page(
    data: bytes,
    charset: str | None = None,
    extractor: Extractor = "resiliparse",
    max_bytes: int = MAX_BYTES,
) -> Page:
    """The main text and the title of a page, as bytes and the charset its server declared.

    Raises Unfit for a page that is beyond the limits or holds no text, and MissingExtractor if
    trafilatura is asked for and not installed.
    """
    check_size(data, max_bytes)
    html, encoding = to_utf8(data, charset)
    markup = without_scripts(html)
    check_markup(markup)
    tree = _parse(markup)
    title = _title(tree)
    if extractor == "trafilatura":
        text = tidy(extract_with_trafilatura(html.decode("utf-8"), tree))
    else:
        text = tidy(_main_text(tree, markup, html))
        if not text:  # it took too long, or all of the page is called clutter
            text = tidy(_all_text(_parse(markup), markup))
    if not text:
        raise Unfit("no_text", "the page holds no text")
    return Page(text, title, encoding)


def _parse(markup: bytes) -> HTMLTree:
    return HTMLTree.parse_from_bytes(markup, "utf-8")


def _main_text(tree: HTMLTree, markup: bytes, html: bytes) -> str:
    """What the page says; all its text if it has too many elements, none if they lie too deep."""
    if tree.body is None or is_plain(markup):
        return _all_text(tree, markup)
    content = Content(tree.body, html)
    try:
        content.keep()
    except TooDear:
        return ""
    return _all_text(tree, markup if content.lists > MAX_LISTS else b"")


def _all_text(tree: HTMLTree, lists: bytes) -> str:
    """The text of a tree, in lines unless the markup that its lists come from is too deep."""
    text: str = extract_plain_text(
        tree,
        preserve_formatting=not has_deep_lists(lists),
        main_content=False,
        alt_texts=False,
        noscript=True,
        skip_elements=CONTROLS,
    )
    return text


def _title(tree: HTMLTree) -> str | None:
    """What the page is called: its title, what it tells others, or its first heading."""
    found = tree.title
    if not (found and found.strip()) and tree.head is not None:
        meta = tree.head.query_selector('meta[property="og:title"]')
        found = meta and meta.getattr("content")
    if not (found and found.strip()) and tree.body is not None:
        heading = tree.body.query_selector("h1")
        found = heading and heading.text_content
    # Looks at no more than may be kept, however long the title pretends to be.
    words = tidy((found or "")[: 4 * TITLE_LENGTH]).split()
    return " ".join(words)[:TITLE_LENGTH].strip() or None


def tidy(text: str) -> str:
    """Text with one kind of newline, no control characters, no empty lines in a row."""
    if _CONTROL.search(text):
        text = _CONTROL.sub("", _NEWLINE.sub("\n", text))
    if not text.isascii():
        text = text.replace("\u2028", "\n").replace("\u2029", "\n").replace("\ufeff", "")
    if " \n" in text or "\t\n" in text:
        text = "\n".join([line.rstrip() for line in text.split("\n")])
    if "\n\n\n" in text:
        text = _GAP.sub("\n\n", text)
    return text.rstrip().strip("\n")
