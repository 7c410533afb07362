"""The three sentences, read whole: they are what most people will ever read of an experiment."""

from __future__ import annotations

from typing import Any

import pytest

from tamis.model.verdict.judge import judge
from tamis.model.verdict.plan import Plan, read_plan
from tamis.model.verdict.words import listed, sentences

T = 1_024_000


def macro(value: float, verdict: str, seeds: int | None = 9, half: float = 0.1) -> dict[str, Any]:
    return {
        "value": value,
        "low": value - half,
        "high": value + half,
        "se": half / 4.3,
        "se_seeds": half / 5,
        "se_groups": half / 9,
        "p": 0.04,
        "p_holm": 0.04,
        "verdict": verdict,
        "seeds_to_decide": seeds,
    }


def gain(value: float, low: float, high: float, beyond: str = "") -> dict[str, Any]:
    ends = {"value": value, "low": low, "high": high}
    return {**ends, "value_beyond": "", "low_beyond": "", "high_beyond": beyond}


def compared(
    name: str, treated: str, control: str, family: str, of: dict[str, Any], worth: Any = None
) -> dict[str, Any]:
    return {
        "name": name,
        "treated": treated,
        "control": control,
        "family": family,
        "macro": of,
        "gain": worth,
    }


@pytest.fixture
def plan(experiment: Any) -> Plan:
    arms = experiment.plan["arms"]
    for name in ("dedup", "heuristics"):
        arms.append({"name": f"-{name}", "kind": "without", "stage": name, "sizes": [T]})
    arms.append({"name": "+dedup", "kind": "cumulative", "stage": "dedup", "sizes": [T]})
    arms.append({"name": "c4", "kind": "recipe", "stage": None, "sizes": [T]})
    experiment.save()
    return read_plan(experiment.folder)


def said(plan: Plan, *comparisons: dict[str, Any]) -> list[str]:
    points = {"raw": 3.26, "full": 2.89, "c4": 2.95}
    arms = [{"name": n, "points": [{"tokens": T, "macro": x}]} for n, x in points.items()]
    return sentences(plan, arms, comparisons)


FULL = ("full against raw", "full", "raw", "main")


def test_what_was_compared(plan: Plan) -> None:
    assert said(plan, compared(*FULL, macro(-0.37, "better")))[0] == (
        "Llama models of the preset 300k (344,640 parameters) were trained on 1,024,000 tokens of "
        "each of 8 versions of a corpus, with 3 seeds (random starts) each, and compared by "
        "the bits that they need for a byte of held-out text, averaged over 2 domains (docs and "
        "news); at 2.97 tokens per parameter, where 20 are usual, they are under-trained."
    )


def test_a_result(plan: Plan) -> None:
    found = said(plan, compared(*FULL, macro(-0.37, "better"), gain(1.8, 1.4, 2.0, ">")))
    assert found[1] == (
        "Trained on the text that the recipe quickstart keeps, the models need 2.89 bits per "
        "byte, and on raw text 3.26: a difference of -0.37 (95 % interval: -0.47 to -0.27), so "
        "the text that the recipe quickstart keeps is better, worth 1.8 times as many tokens of "
        "raw text (95 %: 1.4 to more than 2)."
    )
    assert found[2] == ("No stage was measured by itself, so which of them matters is not known.")


def test_no_result(plan: Plan) -> None:
    """An undecided difference says how many seeds would decide it, and is no finding."""
    for seeds, needed in ((9, "9 seeds would decide"), (None, "1,000 seeds would not decide")):
        one = compared(*FULL, macro(-0.05, "undecided", seeds), gain(1.1, 0.8, 1.5))
        assert said(plan, one)[1] == (
            "Trained on the text that the recipe quickstart keeps, the models need 2.89 bits per "
            "byte, and on raw text 3.26: a difference of -0.05 (95 % interval: -0.15 to "
            f"+0.05), which is undecided: {needed} at this difference; in tokens it would be "
            "worth 1.1 times as much raw text (95 %: 0.8 to 1.5)."
        )


def test_a_result_that_the_correction_takes_back(plan: Plan) -> None:
    """The interval has no 0 in it, so the reader has to be told why that is not enough."""
    others = [compared(name, "c4", "raw", "main", macro(0.2, "worse")) for name in "ab"]
    found = said(plan, compared(*FULL, macro(-0.2, "undecided", 4)), *others)
    assert "which is undecided once all 3 comparisons count: 4 seeds" in found[1]
    assert found[2] == "'a' is worse by 0.20 bits per byte; 'b' is worse by 0.20 bits per byte."


def test_a_worse_recipe_of_others(plan: Plan) -> None:
    found = said(
        plan, compared("c4 against full", "c4", "full", "main", macro(0.06, "worse", 2, 0.01))
    )
    assert found[1] == (
        "Trained on the text that the recipe c4 keeps, the models need 2.950 bits per byte, and "
        "on the text that the recipe quickstart keeps 2.890: a difference of +0.060 (95 % "
        "interval: +0.050 to +0.070), so the text that the recipe c4 keeps is worse."
    )


def test_stages(plan: Plan) -> None:
    """Left out, a stage that helps makes the text worse: the sign turns."""
    found = said(
        plan,
        compared(*FULL, macro(-0.37, "better")),
        compared("language", "+language", "raw", "cumulative", macro(-0.3, "better")),
        compared("dedup", "+dedup", "+language", "cumulative", macro(-0.03, "undecided", 12)),
        compared("without dedup", "-dedup", "full", "leave one out", macro(0.2, "worse")),
        compared(
            "without heuristics", "-heuristics", "full", "leave one out", macro(-0.2, "better")
        ),
        compared("random", "random", "raw", "control", macro(0.0, "undecided")),
    )
    assert found[2] == (
        "With each stage added to those before it, language is shown to help and dedup is "
        "undecided (12 seeds would decide at this difference); with each stage left out of the "
        "whole recipe, dedup is shown to help and heuristics is shown to hurt."
    )


def test_the_control(plan: Plan) -> None:
    """A control that is decided casts doubt on everything, stages or not."""
    control = compared("random", "random", "raw", "control", macro(0.0, "undecided"))
    assert said(plan, compared(*FULL, macro(-0.37, "better")), control)[2] == (
        "The control, raw text dropped at random until as little is left, is undecided against "
        "raw text, as it should be."
    )
    astray = compared("random", "random", "raw", "control", macro(-0.2, "better"))
    stage = compared("language", "+language", "raw", "cumulative", macro(-0.3, "better"))
    found = said(plan, compared(*FULL, macro(-0.37, "better")), stage, astray)[2]
    assert found.endswith(
        "language is shown to help; the control, raw text dropped at random until as little is "
        "left, is better than raw text although chance alone chose it, so the other differences "
        "may be chance too."
    )


@pytest.fixture
def pool(experiment: Any) -> Plan:
    """The same raw text for all: of it full is read 2 to 3.337 times, and random 1.5 times."""
    experiment.plan["budget"] = "equal pool"
    experiment.plan["training"]["pool_tokens"] = 2 * T
    for arm in experiment.plan["arms"]:
        arm["epochs"] = dict.fromkeys("012", {"random": 1.5}.get(arm["name"], 1.004))
    experiment.plan["arms"][1]["epochs"] = {"0": 2.0, "1": 3.337, "2": 3.0}
    experiment.save()
    return read_plan(experiment.folder)


def test_an_equal_pool_claims_text_and_amount(pool: Plan) -> None:
    found = said(pool, compared(*FULL, macro(-0.37, "better"), gain(1.8, 1.4, 2.0, ">")))
    assert found[0].startswith(
        "Starting from the same 2,048,000 tokens of raw text, Llama models of the preset 300k "
        "(344,640 parameters) were trained on 1,024,000 tokens of each of 4 versions of it, read "
        "up to 3.34 times, with 3 seeds (random starts) each, and compared by the bits"
    )
    assert found[1] == (
        "Starting from the same raw text, trained on the text that the recipe quickstart keeps, "
        "read up to 3.34 times, the models need 2.89 bits per byte, and on raw text 3.26: a "
        "difference of -0.37 (95 % interval: -0.47 to -0.27), so the text that the recipe "
        "quickstart keeps is better, worth 1.8 times as many tokens of raw text, read once (95 %: "
        "1.4 to more than 2)."
    )
    one = compared(*FULL, macro(-0.05, "undecided", 9), gain(1.1, 0.8, 1.5))
    assert said(pool, one)[1].endswith(
        "in tokens it would be worth 1.1 times as much raw text, read once (95 %: 0.8 to 1.5)."
    )


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (macro(0.2, "worse"), "worse than raw text by 0.20 bits per byte, which is what less text "
         "costs."),
        (macro(0.02, "undecided"), "undecided against raw text (9 seeds would decide at this "
         "difference)."),
        (macro(-0.2, "better"), "better than raw text although it is less of the same, so the "
         "other differences may be chance too."),
    ],
)  # fmt: skip
def test_the_control_of_an_equal_pool_is_for_less_text(
    pool: Plan, of: dict[str, Any], words: str
) -> None:
    """It is expected to be worse, and is said beside stages too."""
    control = compared("random", "random", "raw", "control", of)
    stage = compared("language", "+language", "raw", "cumulative", macro(-0.3, "better"))
    assert said(pool, compared(*FULL, macro(-0.37, "better")), stage, control)[2] == (
        "With each stage added to those before it, language is shown to help; the control for less "
        "text, raw text dropped at random until as little is left, read up to 1.5 times, is "
        f"{words}"
    )


def test_an_experiment_in_words(experiment: Any) -> None:
    found = judge(experiment.folder)["sentences"]
    assert all(one[0].isupper() and one.endswith(".") for one in found)
    assert "is better, worth" in found[1]
    assert found[2].startswith("With each stage added to those before it, language is undecided (")


def test_lists() -> None:
    assert [listed(["a", "b", "c"][:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
