"""Writing a report: report.json, and from what that file holds the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import WorkError
from tamis.pipeline.files import atomic, read_json, write_json
from tamis.pipeline.progress import Progress
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.report.build import Report
from tamis.pipeline.report.experiment import Experiment
from tamis.pipeline.report.page import page
from tamis.pipeline.storage.location import Location

DATA, PAGE = "report.json", "index.html"
FOLDER = "report"
"""Where an experiment has its page; its report.json lies beside its verdict.json."""


def report(corpus: Corpus, recipe: Recipe, out: Location, quiet: bool = False) -> dict[str, Any]:
    """Writes report.json and index.html into a directory and answers what the first holds."""
    made = Report(corpus, recipe)
    size = sum(shard.text_bytes for shard in corpus.shards)
    with Progress("report", size, quiet) as progress:
        content = made.content(progress)
    return _publish(content, out / DATA, out / PAGE)


def publish_experiment(
    folder: Path, quiet: bool = False, out: Location | None = None
) -> dict[str, Any]:
    """Writes report.json and report/index.html of an experiment and answers what the first holds.

    Both go into `out` where that is given. Raises CallError if the folder is no experiment,
    WorkError if a file of it is damaged; of what is not there yet the page says so.
    """
    made = Experiment(folder)
    data, html = (
        (folder / DATA, folder / FOLDER / PAGE) if out is None else (out / DATA, out / PAGE)
    )
    try:
        with Progress("report", made.size, quiet) as progress:
            content = made.content(progress)
        return _publish(content, data, html)
    except KeyError as error:
        raise WorkError(
            f"{folder}: a file of this experiment lacks {error}: was it made by another version of "
            "tamis? Run `tamis ablate` anew with the version that is installed"
        ) from error


def _publish(content: dict[str, Any], data: Location, html: Location) -> dict[str, Any]:
    write_json(data, content)
    written: dict[str, Any] = read_json(data)
    with atomic(html) as draft:
        draft.path.write_text(page(written), encoding="utf-8")
    return written
