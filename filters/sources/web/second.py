"""Trafilatura as a second extractor: ten times slower, better at news articles."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tamis.filters.sources.web.bounds import Unfit, is_deep, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from resiliparse.parse.html import HTMLTree


class MissingExtractor(ImportError):
    """Trafilatura is asked for and not installed; the message says how to install it."""


def extract_with_trafilatura(html: str, tree: HTMLTree) -> str:
    """The main text as trafilatura sees it, with the settings that depend on the page alone.

    Its `deduplicate` is left off: it remembers what other pages said. Raises Unfit("too_deep")
    where its recursion would not end well, and MissingExtractor.
    """
    extract = _extract()
    if is_plain(html.encode("utf-8")) or (tree.body is not None and is_deep(tree.body)):
        raise Unfit("too_deep", "more or deeper elements than trafilatura takes: use resiliparse")
    return extract(html, deduplicate=False) or ""


def require_trafilatura() -> None:
    """Raises MissingExtractor now rather than at the first page."""
    _extract()


@cache
def _extract() -> Callable[..., str | None]:
    try:
        from trafilatura import extract
    except ImportError as error:
        raise MissingExtractor(
            "the extractor 'trafilatura' is not installed: pip install 'tamis[trafilatura]', or "
            "leave the extractor at 'resiliparse'"
        ) from error
    return extract
