"""Which arms a recipe has, and what is compared with what."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import pytest

from tamis.pipeline.ablate.arms import Arm, arms_of, comparisons_of, decontaminated
from tamis.pipeline.errors import CallError
from tamis.pipeline.recipe import Recipe, build, load

ALL = ("raw", "cumulative", "full", "without", "random")


def recipe(*kinds: str, name: str = "mine") -> Recipe:
    entries = [{"kind": "noop", "name": kind} for kind in kinds]
    return build({"name": name, "stage": entries})


def named(arms: list[Arm]) -> dict[str, list[str]]:
    return {arm.name: [stage.name for stage in arm.recipe.stages] for arm in arms}


def test_arms_of_three_stages() -> None:
    arms = arms_of(recipe("one", "two", "three"), ALL, [recipe("four", name="other")])
    assert named(arms) == {
        "raw": [],
        "+one": ["one"],
        "+two": ["one", "two"],
        "full": ["one", "two", "three"],
        "-one": ["two", "three"],
        "-two": ["one", "three"],
        "random": [],
        "other": ["four"],
    }


def test_every_question_is_asked_once() -> None:
    judged = recipe("one", "two", "three")
    found = [astuple(one) for one in comparisons_of(arms_of(judged, ALL, []), judged)]
    assert found == [
        ("full against raw", "full", "raw", "main"),
        ("one", "+one", "raw", "cumulative"),
        ("two", "+two", "+one", "cumulative"),
        ("three", "full", "+two", "cumulative"),
        ("without one", "-one", "full", "leave one out"),
        ("without two", "-two", "full", "leave one out"),
        ("without three", "+two", "full", "leave one out"),
        ("random against raw", "random", "raw", "control"),
    ]


@pytest.mark.parametrize(
    ("wanted", "arms", "families"),
    [
        (("raw",), ["raw"], set()),
        (("raw", "full"), ["raw", "full"], {"main"}),
        (("without",), ["raw", "full", "-one", "-two"], {"main", "leave one out"}),
        (("random",), ["raw", "full", "random"], {"main", "control"}),
        (("cumulative",), ["raw", "+one", "full"], {"main", "cumulative"}),
    ],
)
def test_groups(wanted: tuple[str, ...], arms: list[str], families: set[str]) -> None:
    judged = recipe("one", "two")
    found = arms_of(judged, wanted, [])
    assert [arm.name for arm in found] == arms
    assert {one.family for one in comparisons_of(found, judged)} == families


def test_one_stage_has_no_steps() -> None:
    judged = recipe("one")
    arms = arms_of(judged, ALL, [])
    assert [arm.name for arm in arms] == ["raw", "full", "random"]
    assert {one.family for one in comparisons_of(arms, judged)} == {"main", "control"}


def test_a_stage_that_others_read_stays_and_rejects_nothing() -> None:
    arms = {arm.name: arm.recipe for arm in arms_of(load("quickstart"), ("without",), [])}
    first = arms["-language"].stages[0]
    assert (first.name, first.rules) == ("language", ())
    left = [stage.name for stage in arms["-dedup"].stages]
    assert left == ["language", "perplexity", "heuristics"]


def test_what_cannot_be() -> None:
    with pytest.raises(CallError, match="--arms some: take raw, full"):
        arms_of(recipe("one"), ("some",), [])
    with pytest.raises(CallError, match="has no stage"):
        arms_of(recipe(), ALL, [])
    with pytest.raises(CallError, match="an arm of this name"):
        arms_of(recipe("one"), ALL, [recipe("two", name="full")])
    with pytest.raises(CallError, match="cannot name a folder"):
        arms_of(recipe("one"), ALL, [recipe("two", name="a/b")])


def test_the_recipe_may_decontaminate_too(tmp_path: Path) -> None:
    path = tmp_path / "held.jsonl"
    path.write_text('{"text": "' + "word " * 20 + '"}\n')
    own = build(
        {"name": "own", "stage": [{"kind": "decontaminate", "against": [str(path)], "rules": {}}]}
    )
    rules = {"contaminated": {"column": "decontaminate_ngrams", "max": 0}}
    entry = {"kind": "decontaminate", "against": [str(path)], "rules": rules}
    assert decontaminated(recipe("one"), entry).stages[0].rules[0].column == "decontaminate_ngrams"
    found = decontaminated(own, entry)
    assert found.stages[0].rules[0].column == "heldout_ngrams"
    assert [stage.name for stage in found.stages] == ["heldout", "decontaminate"]
