"""Clusters are settled in two rounds: which answer of a dedup stage is read where.

A keeper is chosen by what is known before its stage. Where it then fails a later rule, the other
members of its cluster are measured too, and the best one that passes stays. So such a stage has two
answers: `first`, which decides what the stages after it measure and what quantiles fall on, and the
final one, which decides what is kept. A stage that looks at all documents reads the final answers
of those before it; until it is known, everything else reads the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.files import fingerprint
from tamis.pipeline.signals import promise
from tamis.pipeline.stage import Stage

FIRST, CHANCE = "first", "chance"


def clusters(stage: Stage) -> bool:
    """Whether a stage elects keepers."""
    return stage.scope == "corpus"


def first(stage: Stage) -> Stage:
    """A stage in its first view, if it elects keepers."""
    return replace(stage, view=FIRST) if clusters(stage) else stage


def viewed(stages: Sequence[Stage], view: str = FIRST) -> list[Stage]:
    """Stages as those after them see them: the last that elects keepers in a view of it."""
    places = [place for place, stage in enumerate(stages) if clusters(stage)]
    seen = [replace(stage, view="") if stage.view else stage for stage in stages]
    if places:
        seen[places[-1]] = replace(seen[places[-1]], view=view)
    return seen


def before(stages: Sequence[Stage], stage: Stage) -> list[Stage]:
    """Stages as this one, which comes after them, sees them."""
    return viewed(stages, "" if clusters(stage) else FIRST)


def judges(stages: Sequence[Stage], stage: Stage) -> list[Stage]:
    """Whose rules a keeper of a stage has to pass: those after it, up to the next of its kind."""
    names = [other.name for other in stages]
    found: list[Stage] = []
    for later in stages[names.index(stage.name) + 1 :]:
        if clusters(later):
            break
        found.append(later)
    return found


def settled_key(stages: Sequence[Stage], stage: Stage, fingerprints: Mapping[str, str]) -> str:
    """What the final answer of a stage depends on: its first one, and the rules of its judges.

    stages have their quantiles resolved.
    """
    judged = promise(judges(stages, stage), dict(fingerprints))
    return fingerprint([fingerprints[stage.name], repr(stage.rules), judged])


def is_settled(corpus: Corpus, stage: Stage, key: str) -> bool:
    """Whether a stage's final answer is there for every shard, by the present rules of judges."""
    return all(record and record.get("settled") == key for record in corpus.records(stage.name))
