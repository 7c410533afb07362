"""The arms of an experiment: the recipes that are trained on beside each other, and who with whom.

Every arm is what a user of its recipe would get. All begin with the same decontamination, so that
no arm is cleaner of the held-out documents than another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tamis.pipeline.errors import CallError
from tamis.pipeline.recipe import Recipe, build
from tamis.pipeline.stage import Stage

Kind = Literal["raw", "cumulative", "full", "without", "random", "recipe"]
DECONTAMINATION, HELDOUT = "decontaminate", "heldout"
RAW, FULL, RANDOM = "raw", "full", "random"
COPIES = "clusters"
"""No arm: the answer in which only copies are looked for."""
RESERVED = {RAW, FULL, RANDOM, COPIES, "macro"}
"""What no other recipe's arm can be called."""
GROUPS = {
    "raw": "the extracted text",
    "full": "the recipe",
    "cumulative": "the recipe up to each stage",
    "without": "the recipe without each stage",
    "random": "raw, dropped by chance to what full keeps",
}
"""What --arms takes."""


@dataclass(frozen=True)
class Arm:
    """A recipe that is trained on."""

    name: str
    kind: Kind
    stage: str | None
    recipe: Recipe


@dataclass(frozen=True)
class Comparison:
    """An arm against another."""

    name: str
    treated: str
    control: str
    family: str

    def fields(self) -> dict[str, str]:
        return asdict(self)


def arms_of(recipe: Recipe, wanted: Sequence[str], others: Sequence[Recipe]) -> list[Arm]:
    """The arms that were asked for; raw is always one, as all are measured by its curve.

    Arms of the same stages are one: the recipe up to its last stage is full, and the recipe without
    its last stage is the one up to the last but one. Raises CallError for an unknown group, and for
    a recipe whose name cannot be an arm's.
    """
    for name in wanted:
        if name not in GROUPS:
            raise CallError(f"--arms {name}: take {', '.join(GROUPS)}")
    names = [stage.name for stage in recipe.stages]
    if not names and not others:
        raise CallError(f"recipe '{recipe.name}' has no stage: there is nothing to measure")
    found = [Arm(RAW, "raw", None, recipe.only([]))]
    if "cumulative" in wanted:
        found += [
            Arm(f"+{name}", "cumulative", name, recipe.only(names[: place + 1]))
            for place, name in enumerate(names[:-1])
        ]
    if names and {"cumulative", "full", "without", "random"} & set(wanted):
        found.append(Arm(FULL, "full", None, recipe))
    if "without" in wanted and len(names) > 1:
        found += [
            Arm(f"-{name}", "without", name, left_out(recipe, name))
            for place, name in enumerate(names)
            if place + 1 < len(names) or "cumulative" not in wanted
        ]
    if "random" in wanted and names:
        found.append(Arm(RANDOM, "random", None, recipe.only([])))
    taken = {arm.name for arm in found} | RESERVED
    for other in others:
        if other.name in taken:
            raise CallError(f"--against {other.name}: there is an arm of this name already")
        if set(other.name) & set("/\\\0") or other.name in ("", ".", ".."):
            raise CallError(f"--against: '{other.name}' cannot name a folder: give it another name")
        taken.add(other.name)
        found.append(Arm(other.name, "recipe", None, other))
    return found


def left_out(recipe: Recipe, name: str) -> Recipe:
    """The recipe without a stage; one whose columns later stages read stays, without its rules."""
    place = [stage.name for stage in recipe.stages].index(name)
    given = set(recipe.stages[place].schema.names) - {"text"}
    if not any(given & _read_by(stage) for stage in recipe.stages[place + 1 :]):
        return recipe.without(name)
    entries = list(recipe.raw["stage"])
    entries[place] = {key: value for key, value in entries[place].items() if key != "rules"}
    named = f"{recipe.name} without the rules of {name}"
    return build({**recipe.raw, "name": named, "stage": entries})


def _read_by(stage: Stage) -> set[str]:
    """The columns that a stage and its rules read."""
    return {*stage.measure.needs, *stage.only, *(c for rule in stage.rules for c in rule.columns)}


def comparisons_of(arms: Sequence[Arm], recipe: Recipe) -> list[Comparison]:
    """Which arms are compared: all that answer a question, each pair once."""
    there = {arm.name for arm in arms}
    names = [stage.name for stage in recipe.stages]
    found = []
    if FULL in there:
        found.append(Comparison("full against raw", FULL, RAW, "main"))
    found += [
        Comparison(f"{arm.name} against raw", arm.name, RAW, "main")
        for arm in arms
        if arm.kind == "recipe"
    ]
    upto = [RAW, *(f"+{name}" for name in names[:-1]), FULL]
    if len(names) > 1 and there.issuperset(upto):
        steps = zip(names, upto[1:], upto[:-1], strict=True)
        found += [Comparison(name, arm, before, "cumulative") for name, arm, before in steps]
    last_but_one = f"+{names[-2]}" if len(names) > 1 else RAW
    for place, name in enumerate(names):
        arm = f"-{name}"
        if arm not in there and place + 1 == len(names) and last_but_one in there:
            arm = last_but_one if f"-{names[0]}" in there else ""
        if arm in there and FULL in there:
            found.append(Comparison(f"without {name}", arm, FULL, "leave one out"))
    if RANDOM in there:
        found.append(Comparison("random against raw", RANDOM, RAW, "control"))
    return found


def decontaminated(recipe: Recipe, stage: Mapping[str, Any]) -> Recipe:
    """A recipe that has a stage of decontamination before all others."""
    entry = dict(stage)
    if any(one.name == DECONTAMINATION for one in recipe.stages):
        entry["name"] = HELDOUT  # the recipe's own one is of other texts, and stays
        rules = {"contaminated": {"column": f"{HELDOUT}_ngrams", "max": 0}}
        entry["rules"] = rules
    return build({**recipe.raw, "stage": [entry, *recipe.raw.get("stage", [])]})
