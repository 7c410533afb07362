"""The runs of an experiment: that they differ in their arm alone, and what they gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tamis.model.errors import ModelError
from tamis.model.score.records import sha256
from tamis.model.verdict.fields import Fields, read
from tamis.model.verdict.plan import Arm, Plan
from tamis.model.verdict.scores import Scored, read_scores
from tamis.model.verdict.student import Doubles

RUN = "run.json"
_FREE = {
    "asked": {"tokens", "seed", "decay_at"},
    "asked.schedule": {"steps"},
    "asked.data": {"seed", "components"},
    "machine": {"threads", "compiled"},
}
"""What may differ: the arm's data and length, which the plan fixes, the seed; and what changes last
digits only: threads, which are others when an experiment goes on elsewhere, and whether the model
was compiled, which depends on the length of a run, so that raw's may be and the others' not."""


@dataclass(frozen=True)
class Measured:
    """What every run gave to every held-out group."""

    points: list[tuple[str, int]]
    """Arm and trained tokens."""
    nats: dict[str, Doubles] = field(repr=False)
    """Of each domain (points, seeds, groups)."""
    bytes: dict[str, Doubles] = field(repr=False)
    """Of each domain (groups,)."""


def read_runs(plan: Plan) -> Measured:
    """All runs of a plan.

    Raises ModelError, naming the run, for what is missing, broken, or differs where it must not:
    held-out files, digests, scored documents.
    """
    for domain in plan.domains:
        path = plan.folder / domain.file
        if not path.is_file():
            raise ModelError(f"{path}, the held-out domain '{domain.name}', is missing")
        if sha256(path) != domain.sha256:
            raise ModelError(
                f"{path} is not the held-out file that the plan froze: its SHA-256 is another; "
                "bring that file back, or begin a new experiment"
            )
    _check_runs(plan)
    found = {
        (arm, tokens, seed): read_scores(
            plan.folder / "runs" / arm / str(seed) / "scores" / f"{tokens}.parquet", plan.domains
        )
        for arm, tokens in plan.points
        for seed in plan.seeds
    }
    _check_scores(found)
    first = next(iter(found.values()))
    return Measured(
        plan.points,
        {
            one.name: np.stack(
                [
                    np.stack([found[(*point, seed)].nats[one.name] for seed in plan.seeds])
                    for point in plan.points
                ]
            )
            for one in plan.domains
        },
        {one.name: first.bytes[one.name] for one in plan.domains},
    )


def _check_scores(found: dict[tuple[str, int, int], Scored]) -> None:
    """Raises ModelError where runs were scored on other documents than the first."""
    first = next(iter(found.values()))
    for one in found.values():
        for domain, digest in one.digests.items():
            if digest != first.digests[domain]:
                raise ModelError(
                    f"{one.path} was scored on other documents of '{domain}' than {first.path} "
                    "(ids, groups or bytes differ): score both on the same held-out files"
                )


def _check_runs(plan: Plan) -> None:
    """Raises ModelError for a run that is not what the plan says, or differs from the others."""
    first: Fields | None = None
    for arm in plan.arms:
        for seed in plan.seeds:
            one = read(plan.folder / "runs" / arm.name / str(seed) / RUN)
            if (found := one.get("format", int)) != 1:
                raise ModelError(f"{one.path} is of format {found}, and this tamis reads 1")
            _check_run(plan, arm, seed, one)
            if first is None:
                first = one
            for key in ("asked", "machine", "versions"):
                for wrong in _differences(first.get(key, dict), one.get(key, dict), key):
                    raise ModelError(
                        f"{one.path} and {first.path} differ in more than their arm: {wrong}; "
                        "runs that are compared share code, machine and settings"
                    )


def _check_run(plan: Plan, arm: Arm, seed: int, run: Fields) -> None:
    """Raises ModelError where a run is not the one that the plan has in this place."""
    asked = run.inside("asked")
    data, schedule = asked.inside("data"), asked.inside("schedule")
    batch = data.get("batch", int) * data.get("length", int)
    sizes = [*asked.numbers("decay_at"), schedule.get("steps", int) * batch]
    expected = {
        "the preset": (asked.get("preset", str), plan.training.preset),
        "the seed": (asked.get("seed", int), seed),
        "the seed of the data": (data.get("seed", int), seed),
        "the vocabulary": (data.get("vocabulary", str), plan.vocabulary),
        "the tokens of a batch": (batch, plan.training.batch_tokens),
        "the steps at its ends": (
            [round(one / batch) for one in sizes],
            [round(one / plan.training.batch_tokens) for one in arm.sizes],
        ),
    }
    if planned_tokens := arm.tokens.get(str(seed)):
        trained = [one.get("tokens", str) for one in data.each("components")]
        expected["the tokens that are read"] = (trained, [planned_tokens])
    for what, (own, planned) in expected.items():
        if own != planned:
            raise ModelError(f"{run.path} is not the run of the plan: {what}: {own}, not {planned}")


def _differences(first: Any, other: Any, place: str) -> Iterator[str]:
    """Each value that must be the same and is not, by its dotted name."""
    if isinstance(first, dict) and isinstance(other, dict):
        for key in sorted({*first, *other} - _FREE.get(place, set())):
            yield from _differences(first.get(key), other.get(key), f"{place}.{key}")
    elif first != other:
        yield f"{place} is {other} here and {first} there"
