"""report.json: the figures of a corpus, all that its page shows, and nothing of when or where."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from tamis.pipeline import ledger
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.summary import in_short, summary
from tamis.pipeline.files import canonical
from tamis.pipeline.ledger import total
from tamis.pipeline.progress import Progress
from tamis.pipeline.recipe import Recipe
from tamis.pipeline.report.drawn import Drawn
from tamis.pipeline.report.figures import Numbers, Words
from tamis.pipeline.report.nearest import Samples
from tamis.pipeline.report.origins import origins
from tamis.pipeline.report.panels import Panel, drawn_bounds, panels
from tamis.pipeline.report.scan import Scan
from tamis.pipeline.report.texts import beginnings, shown
from tamis.pipeline.rounds import clusters
from tamis.pipeline.sift import Sift
from tamis.pipeline.signals import decision_columns
from tamis.pipeline.stage import Stage

FORMAT = 1


class Report:
    """The figures of a corpus under a recipe, gathered in two passes over its signals."""

    def __init__(self, corpus: Corpus, recipe: Recipe) -> None:
        self.corpus, self.recipe = corpus, recipe
        self.stages, self.missing = Sift(corpus, recipe).present()
        self.panels = panels(self.stages)
        self.figures = [self._figure(panel) for panel in self.panels if panel.is_drawn]
        self.samples = [
            Samples(place, stage, rule)
            for place, stage in enumerate(self.stages)
            for rule in stage.rules
        ]
        self.drawn, self.origins = Drawn(self.stages), origins(self.stages)

    def _figure(self, panel: Panel) -> Numbers | Words:
        place = self.stages.index(panel.stage)
        if not panel.is_number:
            return Words(panel, place)
        return Numbers(panel, place, drawn_bounds(panel, self.recipe.stage(panel.stage.name)))

    def content(self, progress: Progress) -> dict[str, Any]:
        """Reads the corpus; raises WorkError if a file of it is gone or damaged."""
        scan = Scan(self.corpus, self.stages, progress)
        tally = self._first_pass(scan)
        self._second_pass(scan)
        documents = beginnings(self.corpus, self.stages, self.samples, self.drawn.places)
        texts = shown(self.samples, documents)
        amounts = ledger.ledger(self.corpus, self.recipe.name, tally, self.missing)
        amounts["clusters"] = in_short(self.corpus, self.stages)
        counted = {stage["name"]: stage for stage in amounts["stages"]}
        counts = self.corpus.manifest.counts
        size = counts["bytes"], amounts["kept"], counts["documents"]
        return {
            "format": FORMAT,
            "of": "corpus",
            "recipe": {
                "name": self.recipe.name,
                "description": self.recipe.description,
                "is_the_corpus_own": _is_own(self.corpus, self.recipe),
            },
            "documents": counts["documents"],
            "bytes": counts["bytes"],
            "ledger": amounts,
            "origins": [one.content(*size) for one in self.origins],
            "clusters": [self._clusters(stage) for stage in self.stages if clusters(stage)],
            "drawn": self.drawn.content(documents),
            "stages": [
                self._stage(stage, counted.get(stage.name, {}), texts) for stage in self.stages
            ],
        }

    def _first_pass(self, scan: Scan) -> ledger.Tally:
        names = {figure.panel.column for figure in self.figures} | decision_columns(self.stages)
        names |= {one.column for one in self.origins}
        tallies = []
        for group in scan.row_groups(names):
            tallies.append(group.decision.tally(self.stages, group.sizes))
            for part in (*self.figures, *self.samples, *self.origins, self.drawn):
                part.first_pass(group)
        return total(tallies)

    def _second_pass(self, scan: Scan) -> None:
        numbers = [figure for figure in self.figures if isinstance(figure, Numbers)]
        names = {figure.panel.column for figure in numbers} | decision_columns(self.stages)
        for figure in numbers:
            figure.choose_axis()
        for group in scan.row_groups(names):
            for figure in numbers:
                figure.second_pass(group)

    def _clusters(self, stage: Stage) -> dict[str, Any]:
        found = summary(self.corpus, stage)
        keys = ("clusters", "documents", "sizes", "settled")
        return {"stage": stage.name, **{key: found[key] for key in keys}}

    def _stage(
        self, stage: Stage, counts: dict[str, Any], texts: dict[tuple[str, str], Any]
    ) -> dict[str, Any]:
        mine = [panel for panel in self.panels if panel.stage is stage]
        return {
            "name": stage.name,
            "kind": stage.kind,
            "not_measured": _not_measured(counts),
            "signals": [f.content() for f in self.figures if f.panel.stage is stage],
            "not_drawn": [
                {"column": panel.column, "type": str(panel.type)}
                for panel in mine
                if not panel.is_drawn
            ],
            "rules": [
                {
                    "rule": f"{stage.name}.{rule.name}",
                    "column": rule.column,
                    "bound": rule.bound(),
                    "written": self.recipe.stage(stage.name).rules[place].bound(),
                    "samples": texts.get((stage.name, rule.name), []),
                }
                for place, rule in enumerate(stage.rules)
            ],
        }


def _is_own(corpus: Corpus, recipe: Recipe) -> bool:
    """Whether a corpus holds the answer to this recipe, or this asks what another would do."""
    path = corpus.root / "recipe.toml"
    return path.is_file() and canonical(tomllib.loads(path.read_bytes().decode())) == canonical(
        recipe.raw
    )


def _not_measured(counts: dict[str, Any]) -> int:
    """The documents that reach a stage now and that it has never measured."""
    if not counts:
        return 0
    known = (counts["evaluated"], counts["not_applicable"], counts["rules"]["error"])
    left: int = counts["entered"]["documents"] - sum(amount["documents"] for amount in known)
    return left


def unmeasured(content: dict[str, Any]) -> Sequence[tuple[str, int]]:
    """The stages that lack documents which reach them, and how many."""
    return [(s["name"], s["not_measured"]) for s in content["stages"] if s["not_measured"]]
