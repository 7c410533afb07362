"""plan.json: all that decides an experiment, written before its first run and never after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tamis.pipeline import files
from tamis.pipeline.ablate.arms import Arm
from tamis.pipeline.errors import CallError

FORMAT = 1
PLAN = "plan.json"
SHARES = (0.25, 0.5, 1.0, 2.0)
"""Of T: the trained tokens at which raw is scored, whose curve the others are held against."""
QUARTERS = 4
WARMUP = 0.05
"""Of T, for every arm, so that a branch of raw is as a run of its own."""
WARMUP_STEPS = 30
"""At least, as far as the shortest branch has them: fewer steps to a high rate diverge."""


@dataclass(frozen=True)
class Training:
    """How every model of an experiment is trained."""

    preset: str
    parameters: int
    per_piece: int
    """How many of them a piece of the vocabulary has."""
    tokens: int
    batch_tokens: int
    context: int
    learning_rate: float
    dtype: str
    pool_tokens: int | None = None
    """P, of raw text that all arms start from, where it is the pool that is equal."""

    @property
    def warmup(self) -> int:
        wanted = max(WARMUP_STEPS * self.batch_tokens, round(WARMUP * self.tokens))
        return max(self.batch_tokens, min(wanted, round(SHARES[0] * self.tokens / 2)))

    @property
    def fields(self) -> dict[str, Any]:
        """For plan.json."""
        pool = {} if self.pool_tokens is None else {"pool_tokens": self.pool_tokens}
        return {
            "preset": self.preset,
            "parameters": self.parameters,
            "tokens": self.tokens,
            "batch_tokens": self.batch_tokens,
            "context": self.context,
            "learning_rate": self.learning_rate,
            "warmup": self.warmup,
            "schedule": "wsd",
            "dtype": self.dtype,
            **pool,
        }

    def sizes(self, arm: Arm) -> list[int]:
        """Trained tokens at which an arm is scored."""
        if arm.kind != "raw":
            return [self.tokens]
        return [round(share * self.tokens) for share in SHARES]


def whole(tokens: int, batch: int) -> int:
    """The most tokens, of so many, that whole batches have in all quarters of them."""
    return tokens // (QUARTERS * batch) * QUARTERS * batch


def arm_fields(arm: Arm, training: Training, unique: Mapping[int, int]) -> dict[str, Any]:
    """An arm in plan.json; unique: by seed, how many tokens it has, each of them once."""
    return {
        "name": arm.name,
        "kind": arm.kind,
        "stage": arm.stage,
        "sizes": training.sizes(arm),
        "unique_tokens": {str(seed): tokens for seed, tokens in unique.items()},
        "epochs": {
            str(seed): max(1.0, training.tokens / tokens) for seed, tokens in unique.items()
        },
    }


def freeze(folder: Path, content: dict[str, Any]) -> None:
    """Writes a plan; CallError where another stands already, naming what differs."""
    path = folder / PLAN
    now = orjson.loads(orjson.dumps(content))
    if not path.exists():
        files.write_json(path, content)
        return
    then = files.read_json(path)
    if then != now:
        wrong = differing(then, now)
        raise CallError(
            f"{folder} was planned otherwise ({'; '.join(wrong[:3])}): repeat its arguments to go "
            "on, or name another folder"
        )


def differing(then: Any, now: Any, name: str = "") -> list[str]:
    """Where two plans differ, in words."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys: Sequence[str] = sorted({*then, *now})
        pairs = [(then.get(k), now.get(k), f"{name}.{k}" if name else k) for k in keys]
        return [one for pair in pairs for one in differing(*pair)]
    if then == now:
        return []
    short = [text if len(text) < 60 else f"{text[:57]}..." for text in (str(then), str(now))]
    return [f"{name} was {short[0]} and is {short[1]}"]
