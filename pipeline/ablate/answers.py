"""The corpora of arms: they borrow the documents, and measure what is not measured yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tamis.pipeline import files, ledger
from tamis.pipeline.ablate.candidates import Sources
from tamis.pipeline.answer import measure_jobs, settle_jobs
from tamis.pipeline.arms import borrow
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.summary import in_short
from tamis.pipeline.engine import Local, in_turn
from tamis.pipeline.errors import WorkError
from tamis.pipeline.files import canonical
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.sift import Sift
from tamis.pipeline.stage import Stage, assets


@dataclass(frozen=True)
class Answer:
    """A corpus that holds the answer of a recipe."""

    corpus: Corpus
    recipe: Recipe
    sift: Sift

    @property
    def sources(self) -> Sources:
        return Sources(self.corpus, self.sift.present()[0])


def answer(corpus: Corpus, root: Path, recipe: Recipe, runner: Local) -> Answer:
    """A corpus at root with the answer of a recipe to these documents, its ledger beside it.

    One that was interrupted is gone on with, shard by shard; one whose documents, recipe or assets
    (the held-out texts are some of decontamination) are others by now is made anew.
    """
    mark = root / "answer.json"
    raw = orjson.loads(canonical(recipe.raw))
    read = {stage.name: _digests(stage) for stage in recipe.stages}
    wanted = files.fingerprint([corpus.documents_digest, raw, read])
    there = files.read_json(mark) if mark.is_file() else {}
    if there.get("of") != wanted:
        files.remove_below(root)
        borrow(corpus, root, recipe)
        there = {"of": wanted, "whole": False}
        files.write_json(mark, there)
    made = Corpus(root)
    if not (there["whole"] and not Sift(made, recipe).present()[1]):
        with made.lock():
            in_turn([*measure_jobs(root, recipe), *settle_jobs(root, recipe)], runner)
            _count(Sift(made, recipe), recipe, runner)
        files.write_json(mark, {"of": wanted, "whole": True})
    return Answer(made, recipe, Sift(made, recipe))


def _digests(stage: Stage) -> dict[str, str]:
    """SHA-256 of the files that a stage reads."""
    return {name: one["sha256"] for name, one in assets(stage.measure).items()}


def _count(sift: Sift, recipe: Recipe, runner: Local) -> dict[str, Any]:
    """Writes the ledger; raises WorkError where a stage has no answer."""
    sift.settle(sift.recipe.stages, runner)
    stages, missing = sift.present()
    if missing:
        raise WorkError(
            f"{sift.corpus.root}: stage '{missing[0].name}' has no answer: run the command again"
        )
    content = ledger.ledger(sift.corpus, recipe.name, sift.tally(stages, runner), [])
    content["clusters"] = in_short(sift.corpus, stages)
    ledger.save(sift.corpus, content)
    return content
