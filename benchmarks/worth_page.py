"""The tables of docs/worth.md, from the verdicts of experiments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from heuristics_page import put
from texts import ROOT

PAGE = ROOT / "docs/worth.md"
Content = dict[str, Any]


def publish(experiment: Path, part: str = "known origin") -> None:
    """Puts the arms and the comparisons of an experiment into their part of the page."""
    plan, verdict = (
        json.loads((experiment / name).read_text()) for name in ("plan.json", "verdict.json")
    )
    text = "\n\n".join(
        [
            " ".join(verdict["sentences"]),
            "\n".join(arms(plan, verdict)),
            "\n".join(comparisons(verdict)),
        ]
    )
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(put(page, part, text), encoding="utf-8")


def arms(plan: Content, verdict: Content) -> Iterator[str]:
    """What each arm keeps, and the bits a byte that its models need of each domain."""
    domains = [one["name"] for one in plan["domains"]]
    yield f"| arm | documents | MB | mean | {' | '.join(domains)} | seeds apart |"
    yield f"|---|---|---|---|{'---|' * len(domains)}---|"
    tokens = plan["training"]["tokens"]
    points = {
        one["name"]: next(point for point in one["points"] if point["tokens"] == tokens)
        for one in verdict["arms"]
    }
    for arm in plan["arms"]:
        kept, point = arm["kept"], points[arm["name"]]
        values = " | ".join(f"{point['domains'][name]:.3f}" for name in domains)
        apart = max(point["seeds"]) - min(point["seeds"])
        yield (
            f"| `{arm['name']}` | {kept['documents']:,} | {kept['bytes'] / 1e6:.1f} | "
            f"{point['macro']:.3f} | {values} | {apart:.3f} |"
        )


def comparisons(verdict: Content) -> Iterator[str]:
    """Every comparison with its interval."""
    yield "| | bits a byte | 95 % interval | p (Holm) | | seeds that would decide |"
    yield "|---|---|---|---|---|---|"
    for one in verdict["comparisons"]:
        macro = one["macro"]
        seeds = macro["seeds_to_decide"]
        wanted = "" if macro["verdict"] != "undecided" else seeds or "more than all"
        yield (
            f"| {named(one)} | {macro['value']:+.3f} | {macro['low']:+.3f} to {macro['high']:+.3f} "
            f"| {macro['p_holm']:.3f} | {macro['verdict']} | {wanted} |"
        )


def named(one: Content) -> str:
    """A comparison in words: the treated arm against the other."""
    return f"`{one['treated']}` against `{one['control']}`"


def table(rows: Iterable[tuple[str, Content]]) -> str:
    """What several experiments found of their recipes."""
    lines = [
        "| taken out of the text | share | bits a byte | 95 % interval | | gain | A/A |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in rows:
        found = {each["name"]: each for each in one["verdict"]["comparisons"]}
        full, random = found["full against raw"], found["random against raw"]["macro"]
        macro, gain = full["macro"], full["gain"]
        lines.append(
            f"| {name} | {one['share']:.2f} | {macro['value']:+.3f} | {macro['low']:+.3f} to "
            f"{macro['high']:+.3f} | {macro['verdict']} | {times(gain)} | "
            f"{random['value']:+.3f} ({random['verdict']}) |"
        )
    return "\n".join(lines)


def times(gain: Content) -> str:
    """A gain in tokens with its interval."""
    low, value, high = (
        f"{gain[f'{name}_beyond']} {gain[name]:.2f}".strip() for name in ("low", "value", "high")
    )
    return f"{value} ({low} to {high})"
