"""Which sources the assets of a recipe were trained on: domains of these are out of the mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tamis.pipeline.recipe import Recipe
from tamis.pipeline.reference import SET_ASIDE


@dataclass(frozen=True)
class Seen:
    """Sources that some asset was trained on."""

    sources: frozenset[str] = frozenset()
    everything: bool = False
    """Whether it was trained on all sources there are."""

    def any_of(self, sources: Iterable[str | None]) -> bool:
        """Whether one of these is among them; a document without a source is of an unknown one."""
        return self.everything or any(source in self.sources for source in sources)


def seen_by(*recipes: Recipe) -> Seen:
    """The sources that models of the recipes are trained on, out of what ingest set aside.

    A model that is given as a file says nothing of its text, and text that is given as files has no
    source: whoever gives them knows whether a domain is of the same kind.
    """
    sources: set[str] = set()
    everything = False
    for stage in (stage for recipe in recipes for stage in recipe.stages):
        measure: Any = stage.measure
        if getattr(measure, "asked", lambda: None)() is None:
            continue
        if SET_ASIDE in measure.reference:
            chosen = getattr(measure, "reference_sources", ())
            sources |= set(chosen)
            everything = everything or not chosen
    return Seen(frozenset(sources), everything)
