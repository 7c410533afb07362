"""Held-out text without boilerplate, and by what the pool is to be decontaminated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.heldout.boilerplate import FILE, boilerplate, phrases
from tamis.pipeline.heldout.domains import DomainFacts, Say, domains
from tamis.pipeline.heldout.drawing import Limits
from tamis.pipeline.heldout.seen import Seen


@dataclass(frozen=True)
class HeldOut:
    """What is held out."""

    domains: list[DomainFacts]
    boilerplate: int
    """Held-out documents that left as such."""
    phrases: int
    """N-grams of the held-out text that count for nothing."""
    stage: dict[str, Any]
    """The entry of a recipe that takes out of the pool what shares others of its n-grams."""


def make(
    places: Sequence[Path],
    corpus: Corpus,
    out: Path,
    *,
    seen: Seen | None = None,
    sources: Sequence[str] = (),
    limits: Limits | None = None,
    seed: int = 0,
    ngram: int = 13,
    say: Say = lambda message: None,
) -> HeldOut:
    """Draws the domains as `domains` does, until none of their documents is boilerplate.

    The stage's paths are those of `out` as given. Raises CallError if nothing is a domain.
    """
    avoid: set[str] = set()
    while True:  # what replaces boilerplate may be some as well
        heard: list[str] = []
        facts = domains(
            places,
            corpus,
            out,
            seen=seen,
            sources=sources,
            limits=limits,
            seed=seed,
            avoid=avoid,
            say=heard.append,
        )
        common = phrases(corpus, out, ngram)
        more = boilerplate(out, common, ngram) - avoid
        if not more:
            break
        avoid |= more
    for message in heard:
        say(message)
    stage = {
        "kind": "decontaminate",
        "against": [str(out)],
        "ignore": str(out / FILE),
        "ngram": ngram,
        "rules": {"contaminated": {"column": "decontaminate_ngrams", "max": 0}},
    }
    return HeldOut(facts, len(avoid), len(common), stage)
