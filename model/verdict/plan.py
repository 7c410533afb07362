"""plan.json: what an experiment froze before its first run, as far as the verdict needs it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.model.errors import ModelError
from tamis.model.verdict.fields import Fields, read

PLAN = "plan.json"
FORMAT = 1
BUDGETS = ("equal tokens", "equal pool")
KINDS = ("raw", "full", "cumulative", "without", "random", "recipe")


@dataclass(frozen=True)
class Arm:
    """A corpus that models are trained on."""

    name: str
    kind: str
    stage: str | None
    sizes: tuple[int, ...]
    """Trained tokens at which it is scored, rising; the last is the end of its runs."""
    tokens: Mapping[str, Any] = field(default_factory=dict)
    """By seed, the digest of what its run is trained on, as far as the plan has it."""
    epochs: float = 1.0
    """How many times it is read up to T, of all seeds the most; 1 where nothing is read twice."""


@dataclass(frozen=True)
class Comparison:
    name: str
    treated: str
    control: str
    family: str


@dataclass(frozen=True)
class Domain:
    """Held-out documents of one kind."""

    name: str
    file: str
    sha256: str
    documents: int
    role: str
    """"target", or "pool": the slice of what was not filtered."""
    seen: bool
    """Whether an asset was trained on its like."""

    @property
    def counts(self) -> bool:
        """Whether it is in the macro mean."""
        return self.role == "target" and not self.seen


@dataclass(frozen=True)
class Training:
    preset: str
    parameters: int
    tokens: int
    """T, at which arms are compared."""
    batch_tokens: int
    pool_tokens: int | None = None
    """Of raw text that all arms start from, where it is the pool that is equal."""


@dataclass(frozen=True)
class Statistics:
    confidence: float
    draws: int
    seed: int


@dataclass(frozen=True)
class Plan:
    folder: Path
    digest: str
    """SHA-256 of the file's bytes."""
    recipe: str
    vocabulary: str
    """SHA-256."""
    training: Training
    budget: str
    """"equal tokens": nothing is read twice; "equal pool": all arms are of the same raw text, and
    small ones are read more than once."""
    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    domains: tuple[Domain, ...]
    statistics: Statistics

    @property
    def pool(self) -> int | None:
        """Tokens of raw text that all arms start from; None where it is tokens that are equal."""
        return self.training.pool_tokens if self.budget == "equal pool" else None

    @property
    def points(self) -> list[tuple[str, int]]:
        """Every arm at every size."""
        return [(arm.name, size) for arm in self.arms for size in arm.sizes]

    @property
    def counted(self) -> list[str]:
        """The domains of the macro mean."""
        return [one.name for one in self.domains if one.counts]

    def arm(self, name: str) -> Arm:
        return next(one for one in self.arms if one.name == name)


def read_plan(folder: Path) -> Plan:
    """An experiment's plan; ModelError for one that is missing, broken or at odds with itself."""
    path = folder / PLAN
    fields = read(path)
    if (found := fields.get("format", int)) != FORMAT:
        raise ModelError(
            f"{path} is of format {found}, and this version of tamis reads {FORMAT}: "
            "take the version that made it"
        )
    if (budget := fields.get("budget", str)) not in BUDGETS:
        raise ModelError(f"{path}: the budget '{budget}' is not one of {', '.join(BUDGETS)}")
    plan = Plan(
        folder,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        fields.inside("recipe").get("name", str),
        fields.inside("vocabulary").get("sha256", str),
        _training(fields.inside("training")),
        budget,
        fields.numbers("seeds"),
        tuple(_arm(one, budget == "equal pool") for one in fields.each("arms")),
        tuple(_comparison(one) for one in fields.each("comparisons")),
        tuple(_domain(one) for one in fields.each("domains")),
        _statistics(fields.inside("statistics")),
    )
    _check_names(path, plan)
    _check_sizes(path, plan)
    if (plan.budget == "equal pool") != (plan.training.pool_tokens is not None):
        raise ModelError(f"{path}: training.pool_tokens go with the budget 'equal pool'")
    if not plan.counted:
        raise ModelError(f"{path}: no domain is an unseen target, so there is no mean to judge by")
    return plan


def _training(one: Fields) -> Training:
    pool = one.get("pool_tokens", int) if "pool_tokens" in one.values else None
    made = Training(
        one.get("preset", str),
        one.get("parameters", int),
        one.get("tokens", int),
        one.get("batch_tokens", int),
        pool,
    )
    if min(made.parameters, made.tokens, made.batch_tokens, 1 if pool is None else pool) < 1:
        raise ModelError(f"{one.path}: parameters and numbers of tokens have to be positive")
    return made


def _arm(one: Fields, pool: bool) -> Arm:
    stage = None if one.values.get("stage") is None else one.get("stage", str)
    tokens = one.get("tokens", dict) if "tokens" in one.values else {}
    names = one.get("name", str), one.get("kind", str), stage
    arm = Arm(*names, one.numbers("sizes"), tokens, _epochs(one, pool))
    if arm.kind not in KINDS or (arm.kind in ("cumulative", "without")) != (stage is not None):
        raise ModelError(
            f"{one.path}: '{one.place}' is of kind '{arm.kind}' with stage {stage}; kinds are "
            f"{', '.join(KINDS)}, and cumulative and without name a stage"
        )
    return arm


def _epochs(one: Fields, pool: bool) -> float:
    """The most of all seeds; plans of equal tokens need not have them."""
    if not pool:
        return 1.0
    by_seed = one.inside("epochs")
    return max((by_seed.get(seed, float) for seed in by_seed.values), default=1.0)


def _comparison(one: Fields) -> Comparison:
    return Comparison(*(one.get(key, str) for key in ("name", "treated", "control", "family")))


def _domain(one: Fields) -> Domain:
    role = one.get("role", str)
    if role not in ("target", "pool"):
        raise ModelError(f"{one.path}: '{one.place}.role' is '{role}': it is 'target' or 'pool'")
    return Domain(
        one.get("name", str),
        one.get("file", str),
        one.get("sha256", str),
        one.get("documents", int),
        role,
        one.get("seen", bool),
    )


def _statistics(one: Fields) -> Statistics:
    made = Statistics(one.get("confidence", float), one.get("draws", int), one.get("seed", int))
    if not 0 < made.confidence < 1 or made.draws < 100 or made.seed < 0:
        raise ModelError(
            f"{one.path}: 'statistics' wants a confidence between 0 and 1, 100 draws at least and "
            "a seed that is not negative"
        )
    if (correction := one.get("correction", str)) != "holm":
        raise ModelError(f"{one.path}: the correction '{correction}' is not known, only 'holm'")
    return made


def _check_names(path: Path, plan: Plan) -> None:
    """Raises ModelError for what is named twice, missing, or no name of a file."""
    named = {
        "seed": [str(one) for one in plan.seeds],
        "arm": [one.name for one in plan.arms],
        "comparison": [one.name for one in plan.comparisons],
        "domain": [one.name for one in plan.domains],
    }
    for kind, names in named.items():
        if not names:
            raise ModelError(f"{path} has no {kind}")
        if twice := [one for one in names if names.count(one) > 1]:
            raise ModelError(f"{path} has the {kind} '{twice[0]}' twice")
    for one in [*named["arm"], *named["domain"]]:
        if one in ("", ".", "..", "macro") or set(one) & set("/\\\0"):
            raise ModelError(f"{path}: '{one}' cannot name an arm or a domain")
    for comparison in plan.comparisons:
        for one in (comparison.treated, comparison.control):
            if one not in named["arm"]:
                raise ModelError(f"{path}: '{comparison.name}' compares '{one}', which is no arm")
        if comparison.treated == comparison.control:
            raise ModelError(f"{path}: '{comparison.name}' compares '{one}' with itself")


def _check_sizes(path: Path, plan: Plan) -> None:
    """Raises ModelError for arms whose sizes do not rise, or that are compared and not at T."""
    for arm in plan.arms:
        if not arm.sizes or list(arm.sizes) != sorted(set(arm.sizes)) or arm.sizes[0] < 1:
            raise ModelError(f"{path}: the sizes of '{arm.name}' have to rise from 1 on")
    tokens = plan.training.tokens
    for comparison in plan.comparisons:
        for name in (comparison.treated, comparison.control):
            if tokens not in plan.arm(name).sizes:
                raise ModelError(
                    f"{path}: '{comparison.name}' compares at {tokens:,} tokens, at which "
                    f"'{name}' is not scored"
                )
