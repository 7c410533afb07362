"""Writing a report: report.json, and from what that file holds the page."""

from __future__ import annotations

from typing import Any

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.files import atomic, read_json, write_json
from tamis.pipeline.progress import Progress
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.report.build import Report
from tamis.pipeline.report.page import page
from tamis.pipeline.storage.location import Location

DATA, PAGE = "report.json", "index.html"


def report(corpus: Corpus, recipe: Recipe, out: Location, quiet: bool = False) -> dict[str, Any]:
    """Writes report.json and index.html into a directory and answers what the first holds."""
    made = Report(corpus, recipe)
    size = sum(shard.text_bytes for shard in corpus.shards)
    with Progress("report", size, quiet) as progress:
        content = made.content(progress)
    return save(content, out / DATA, out / PAGE)


def save(content: dict[str, Any], data: Location, html: Location) -> dict[str, Any]:
    """Writes report.json, and the page that is made of it; answers what was written."""
    write_json(data, content)
    written: dict[str, Any] = read_json(data)
    with atomic(html) as draft:
        draft.path.write_text(page(written), encoding="utf-8")
    return written
