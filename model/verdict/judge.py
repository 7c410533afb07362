"""verdict.json: what an experiment has shown, and what it has not."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tamis.model.verdict.gain import Curve, curve, factor
from tamis.model.verdict.interval import Interval, holm, seeds_to_decide
from tamis.model.verdict.levels import MACRO, Level, levels
from tamis.model.verdict.plan import Comparison, Plan, read_plan
from tamis.model.verdict.runs import read_runs
from tamis.model.verdict.words import sentences

VERDICT = "verdict.json"
FORMAT = 1


def judge(folder: Path) -> dict[str, Any]:
    """The content of an experiment's verdict.json; it has no times and no paths.

    ModelError names what is missing, broken, or differs between runs in anything but the arm.
    """
    plan = read_plan(folder)
    measured = read_runs(plan)
    found = levels(measured.nats, measured.bytes, plan.counted, plan.statistics)
    made = Judged(plan, {point: n for n, point in enumerate(measured.points)}, found)
    arms, compared = made.arms(), made.comparisons()
    return {
        "format": FORMAT,
        "plan": plan.digest,
        "runs": made.runs(),
        "arms": arms,
        "comparisons": compared,
        "sentences": sentences(plan, arms, compared),
    }


def write(folder: Path) -> dict[str, Any]:
    """Judges an experiment and writes its verdict.json, which it returns; errors as of `judge`."""
    made = judge(folder)
    draft = folder / f".{VERDICT}.draft"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(made, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / VERDICT)
    return made


@dataclass(frozen=True)
class Judged:
    """An experiment with its levels; each method makes a part of the verdict."""

    plan: Plan
    places: dict[tuple[str, int], int]
    """Where an arm at a size stands in the levels."""
    levels: dict[str, Level]

    def runs(self) -> list[dict[str, Any]]:
        """Every run at every size, by arm, seed and tokens."""
        rows = []
        for (arm, tokens), place in self.places.items():
            for number, seed in enumerate(self.plan.seeds):
                value = {n: float(one.per_seed[place, number]) for n, one in self.levels.items()}
                macro = value.pop(MACRO)
                row = {"arm": arm, "seed": seed, "tokens": tokens}
                rows.append({**row, MACRO: macro, "domains": value})
        return sorted(rows, key=lambda row: (row["arm"], row["seed"], row["tokens"]))

    def arms(self) -> list[dict[str, Any]]:
        """The loss curve of every arm, in the order of the plan."""
        return [
            {"name": arm.name, "points": [self._point(arm.name, size) for size in arm.sizes]}
            for arm in self.plan.arms
        ]

    def _point(self, arm: str, tokens: int) -> dict[str, Any]:
        place = self.places[arm, tokens]
        macro = self.levels[MACRO].of(place, self.plan.statistics.confidence)
        return {
            "tokens": tokens,
            "macro": macro.value,
            "low": macro.low,
            "high": macro.high,
            "seeds": self.levels[MACRO].per_seed[place].tolist(),
            "domains": {
                one.name: float(self.levels[one.name].per_seed[place].mean())
                for one in self.plan.domains
            },
        }

    def comparisons(self) -> list[dict[str, Any]]:
        """Every comparison of the plan, in its order; Holm's correction is over their macros."""
        effects = [self._between(MACRO, one) for one in self.plan.comparisons]
        # A stage that is last is the same two arms in the waterfall and left out: one test.
        pairs = [frozenset((one.treated, one.control)) for one in self.plan.comparisons]
        family = dict(zip(pairs, effects, strict=True))
        return [
            {
                "name": one.name,
                "treated": one.treated,
                "control": one.control,
                "family": one.family,
                "tokens": self.plan.training.tokens,
                MACRO: effect(found, list(family.values()), list(family).index(pair)),
                "domains": {
                    domain.name: self._alone(domain.name, one) for domain in self.plan.domains
                },
                "gain": self._gain(one, found),
            }
            for one, pair, found in zip(self.plan.comparisons, pairs, effects, strict=True)
        ]

    def _alone(self, name: str, one: Comparison) -> dict[str, Any]:
        """The difference in a domain, which no correction is made for."""
        found = self._between(name, one)
        return effect(found, [found], 0) | {"p_holm": None}

    def _between(self, name: str, one: Comparison) -> Interval:
        tokens = self.plan.training.tokens
        treated, control = self.places[one.treated, tokens], self.places[one.control, tokens]
        return self.levels[name].between(treated, control, self.plan.statistics.confidence)

    def _gain(self, one: Comparison, macro: Interval) -> dict[str, Any] | None:
        """What the macro is worth in tokens of raw text; None where it was not measured by them."""
        raw = self.plan.arm(one.control)
        if raw.kind != "raw" or len(raw.sizes) < 2:
            return None
        tokens = self.plan.training.tokens
        along = self._curve(raw.name, raw.sizes)
        # Fewer bits are worth more tokens: the low end of the difference is the high one of these.
        ends = {"value": macro.value, "low": macro.high, "high": macro.low}
        factors = {name: factor(along, tokens, end) for name, end in ends.items()}
        return {
            **{name: one.value for name, one in factors.items()},
            **{f"{name}_beyond": one.beyond for name, one in factors.items()},
        }

    def _curve(self, arm: str, sizes: Sequence[int]) -> Curve:
        places = [self.places[arm, size] for size in sizes]
        losses = self.levels[MACRO].per_seed[places].mean(axis=1)
        return curve(np.array(sizes, np.float64), losses)


def effect(one: Interval, family: Sequence[Interval], place: int) -> dict[str, Any]:
    """A difference for JSON; Holm's correction over its family, where it has a place, decides."""
    adjusted = holm([other.p for other in family])[place]
    decided = adjusted is not None and adjusted <= 1 - one.confidence
    return {
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "se": one.se,
        "se_seeds": one.se_seeds,
        "se_groups": one.se_groups,
        "p": one.p,
        "p_holm": adjusted,
        "verdict": ("better" if one.value < 0 else "worse") if decided else "undecided",
        "seeds_to_decide": seeds_to_decide(family, place),
    }
