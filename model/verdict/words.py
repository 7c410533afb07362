"""The verdict in three sentences: what was compared, what came out, which stages it is due to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tamis.model.verdict.interval import MOST_SEEDS
from tamis.model.verdict.plan import Plan

ENOUGH = 20
"""Tokens per parameter, below which a model is called under-trained."""
STAGES = {
    "cumulative": "with each stage added to those before it",
    "leave one out": "with each stage left out of the whole recipe",
}
"""Families of comparisons that are about stages."""
CONTROL = "control"
_TURNED = {"better": "worse", "worse": "better", "undecided": "undecided"}


def sentences(
    plan: Plan, arms: Sequence[Mapping[str, Any]], compared: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Three sentences; arms and compared as in verdict.json."""
    tokens = plan.training.tokens
    macros = {
        arm["name"]: point["macro"]
        for arm in arms
        for point in arm["points"]
        if point["tokens"] == tokens
    }
    main = next((one for one in compared if one["family"] == "main"), compared[0])
    others = [one for one in compared if one is not main]
    return [_setting(plan), _result(plan, macros, main, len(compared)), _causes(plan, others)]


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _setting(plan: Plan) -> str:
    training = plan.training
    per = training.tokens / training.parameters
    seeds = counted(len(plan.seeds), "seed")
    starts = "random starts" if len(plan.seeds) > 1 else "a random start"
    models = f"Llama models of the preset {training.preset} ({training.parameters:,} parameters)"
    trained = f"were trained on {training.tokens:,} tokens"
    versions = counted(len(plan.arms), "version")
    said = f"{models} {trained} of each of {versions} of a corpus,"
    if plan.pool is not None:
        said = (
            f"Starting from the same {plan.pool:,} tokens of raw text, {models} {trained} of each "
            f"of {versions} of it{_again([arm.name for arm in plan.arms], plan)},"
        )
    said += (
        f" with {seeds} ({starts}) each, and compared by the bits that they need for a byte of "
        "held-out text, averaged over "
        f"{counted(len(plan.counted), 'domain')} ({listed(plan.counted)})"
    )
    if per < ENOUGH:
        said += f"; at {_short(per)} tokens per parameter, where {ENOUGH} are usual, they are "
        said += "under-trained"
    return said + "."


def _again(arms: Sequence[str], plan: Plan) -> str:
    """How often text is read where it is less than the tokens: ", read up to 3.4 times"."""
    most = _short(max(plan.arm(name).epochs for name in arms))
    return "" if most == "1" else f", read up to {most} times"


def _result(
    plan: Plan, macros: Mapping[str, float], one: Mapping[str, Any], comparisons: int
) -> str:
    macro = one["macro"]
    places = _places(macro)
    own, other = (f"{macros[one[arm]]:.{places}f}" for arm in ("treated", "control"))
    treated, control = (_text(plan, one[arm]) for arm in ("treated", "control"))
    again = [_again([one[arm]], plan) for arm in ("treated", "control")]
    first, second = (f"{said}," if said else "" for said in again)
    said = (
        f"Trained on {treated}{first or ','} the models need {own} bits per byte, and on "
        f"{control}{second} {other}: a difference of {macro['value']:+.{places}f}"
    )
    percent = _percent(plan)
    if macro["low"] is not None:
        ends = f"{macro['low']:+.{places}f} to {macro['high']:+.{places}f}"
        said += f" ({percent} interval: {ends})"
    if plan.pool is not None:
        said = f"Starting from the same raw text, {said[0].lower()}{said[1:]}"
    worth = _worth(plan, one["gain"], macro["verdict"], percent)
    if macro["verdict"] != "undecided":
        return f"{said}, so {treated} is {macro['verdict']}{worth}."
    crossed = macro["low"] is not None and macro["low"] * macro["high"] <= 0
    why = "" if crossed or macro["p"] is None else f" once all {comparisons} comparisons count"
    return f"{said}, which is undecided{why}: {_needed(plan, macro)}{worth}."


def _worth(plan: Plan, gain: Mapping[str, Any] | None, verdict: str, percent: str) -> str:
    if gain is None:
        return ""
    value, low, high = (_times(gain, key) for key in ("value", "low", "high"))
    inside = ""
    if gain["low"] is not None:
        ends = low if low == high else f"{low} to {high}"
        inside = f" ({percent}: {ends})"
    once = "" if plan.pool is None else ", read once"  # raw, which the gain is measured by
    if verdict == "undecided":
        return f"; in tokens it would be worth {value} times as much raw text{once}{inside}"
    return f", worth {value} times as many tokens of raw text{once}{inside}"


def _times(gain: Mapping[str, Any], key: str) -> str:
    if gain[key] is None:
        return ""
    return {"": "", ">": "more than ", "<": "less than "}[gain[f"{key}_beyond"]] + _short(gain[key])


def _causes(plan: Plan, others: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for family, how in STAGES.items():
        turned = family == "leave one out"
        if mine := [_stage(plan, one, turned) for one in others if one["family"] == family]:
            parts.append(f"{how}, {_outcomes(plan, mine)}")
    control = [one for one in others if one["family"] == CONTROL]
    telling = control  # of an equal pool: what less text costs
    if parts and plan.pool is None:
        telling = [one for one in control if one["macro"]["verdict"] != "undecided"]
    parts += [_control(plan, one) for one in telling]
    rest = [one for one in others if one["family"] not in (*STAGES, CONTROL)]
    parts += [f"'{one['name']}' is {_short_outcome(plan, one['macro'])}" for one in rest]
    if not parts:
        parts = ["no stage was measured by itself, so which of them matters is not known"]
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


def _stage(plan: Plan, one: Mapping[str, Any], turned: bool) -> tuple[str, str, Mapping[str, Any]]:
    """The stage, what it does to the text, and the difference that says so."""
    name = one["name"].removeprefix("without ")  # the last left out is the arm up to the one before
    verdict = one["macro"]["verdict"]
    return name, _TURNED[verdict] if turned else verdict, one["macro"]


def _outcomes(plan: Plan, stages: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
    parts = []
    for verdict, said in (("better", "shown to help"), ("worse", "shown to hurt")):
        if names := [name for name, found, _ in stages if found == verdict]:
            parts.append(f"{listed(names)} {_are(names)} {said}")
    needed = {name: _needed(plan, macro) for name, found, macro in stages if found == "undecided"}
    if len(needed) > 1:
        parts.append(f"{listed([f'{one} ({n})' for one, n in needed.items()])} are undecided")
    parts += [f"{one} is undecided ({n})" for one, n in needed.items() if len(needed) == 1]
    return listed(parts)


def _control(plan: Plan, one: Mapping[str, Any]) -> str:
    name, verdict = _text(plan, one["treated"]), one["macro"]["verdict"]
    if plan.pool is not None:
        return _less(plan, one)
    said = f"the control, {name}, is"
    if verdict == "undecided":
        return f"{said} undecided against {_text(plan, one['control'])}, as it should be"
    return (
        f"{said} {verdict} than {_text(plan, one['control'])} although chance alone chose it, so "
        "the other differences may be chance too"
    )


def _less(plan: Plan, one: Mapping[str, Any]) -> str:
    """The control of an equal pool: chance chose as little text as the recipe keeps."""
    verdict = one["macro"]["verdict"]
    again = _again([one["treated"]], plan)
    said = f"the control for less text, {_text(plan, one['treated'])}{again}, is"
    control = _text(plan, one["control"])
    if verdict == "undecided":
        return f"{said} undecided against {control} ({_needed(plan, one['macro'])})"
    if verdict == "worse":
        cost = f"{one['macro']['value']:.{_places(one['macro'])}f} bits per byte"
        return f"{said} worse than {control} by {cost}, which is what less text costs"
    return (
        f"{said} better than {control} although it is less of the same, so the other differences "
        "may be chance too"
    )


def _short_outcome(plan: Plan, macro: Mapping[str, Any]) -> str:
    if macro["verdict"] == "undecided":
        return f"undecided ({_needed(plan, macro)})"
    return f"{macro['verdict']} by {abs(macro['value']):.{_places(macro)}f} bits per byte"


def _needed(plan: Plan, macro: Mapping[str, Any]) -> str:
    """How many seeds would decide."""
    if macro["seeds_to_decide"] is not None:
        return f"{macro['seeds_to_decide']:,} seeds would decide at this difference"
    if len(plan.seeds) == 1:
        return "one seed cannot decide"
    if macro["se_groups"] is None:
        return "a domain with a single group of documents cannot decide"
    return f"{MOST_SEEDS:,} seeds would not decide at this difference"


def _text(plan: Plan, name: str) -> str:
    """What an arm is trained on."""
    arm = plan.arm(name)
    return {
        "raw": "raw text",
        "full": f"the text that the recipe {plan.recipe} keeps",
        "cumulative": f"the text that the recipe {plan.recipe} keeps up to {arm.stage}",
        "without": f"the text that the recipe {plan.recipe} keeps without {arm.stage}",
        "random": "raw text dropped at random until as little is left",
        "recipe": f"the text that the recipe {name} keeps",
    }[arm.kind]


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _places(macro: Mapping[str, Any]) -> int:
    """Decimals that show a digit of the standard error, or of the value where there is none."""
    scale = macro["se"] or abs(macro["value"])
    return min(6, max(2, -math.floor(math.log10(scale)))) if scale else 2


def _percent(plan: Plan) -> str:
    return f"{plan.statistics.confidence * 100:g} %"


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
