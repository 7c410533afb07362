"""What a training is to do, calculated from what was asked for; run.json, which it is held to."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from torch import distributed

from tamis.model.devices import Place
from tamis.model.errors import ModelError
from tamis.model.metrics import FORMULA
from tamis.model.optimiser import SETTINGS
from tamis.model.presets import Shape, preset_of, shape_of
from tamis.model.schedule import Schedule
from tamis.tokenize.errors import Mismatch
from tamis.tokenize.mixture import Component, Mixture

RUN = "run.json"
FORMAT = 1
MICRO = {"cpu": 4096, "cuda": 32_768}
"""Tokens that go through the model at once unless --micro-batch says otherwise."""
WARMUP = 0.1
"""Of the run at most; else as many tokens as the model has parameters."""


@dataclass(frozen=True)
class Settings:
    """What was asked for; None: what the preset says, or what fits."""

    preset: str = "5M"
    tokens: int = 100_000_000
    seed: int = 0
    context: int | None = None
    """Tokens of a window."""
    batch_tokens: int | None = None
    micro_batch: int | None = None
    """Windows that go through the model at once."""
    learning_rate: float | None = None
    warmup: int | None = None
    """In tokens."""
    schedule: str = "wsd"
    decay_at: tuple[float, ...] = (1.0,)
    """Shares of the tokens at which a branch decays; the run itself does at its end."""
    checkpoint_every: int | None = None
    """Steps; None: a tenth of the run."""
    keep: int = 2
    grad_checkpoint: bool = False
    deterministic: bool = False
    tensorboard: bool = False
    shuffle: bool = True
    """Whether windows are read in an order that the seed draws, or as they are in the tokens."""


@dataclass(frozen=True)
class Fork:
    """A branch of the plateau that decays before the run does."""

    schedule: Schedule
    tokens: int
    """That it has seen at its end."""


@dataclass(frozen=True)
class Plan:
    """A training to the number."""

    settings: Settings
    shape: Shape
    mixture: Mixture
    schedule: Schedule
    forks: tuple[Fork, ...]

    @property
    def steps(self) -> int:
        return self.schedule.steps

    @property
    def batch_tokens(self) -> int:
        return self.mixture.size * self.mixture.length

    @property
    def checkpoint_every(self) -> int:
        return self.settings.checkpoint_every or max(1, self.steps // 10)

    @property
    def epochs(self) -> dict[str, float]:
        """How often each component is read in the run."""
        seen = self.mixture.seen(self.steps)["components"]
        return {name: one["epochs"] for name, one in seen.items()}

    def asked(self, place: Place) -> dict[str, Any]:
        """All that the losses depend on but for their last digits."""
        settings = self.settings
        return {
            "preset": settings.preset,
            "shape": asdict(self.shape),
            "tokens": self.steps * self.batch_tokens,
            "seed": settings.seed,
            "schedule": asdict(self.schedule),
            "decay_at": [one.tokens for one in self.forks],
            "optimiser": SETTINGS,
            "dtype": place.dtype_name,
            "data": self.mixture.state,
        }


def plan(settings: Settings, components: Sequence[Component]) -> Plan:
    """What these settings come to; ModelError or TokensError for what cannot be."""
    preset = preset_of(settings.preset)
    shape = shape_of(settings.preset, components[0].tokens.size, settings.context)
    wanted = settings.batch_tokens or preset.batch_tokens
    windows = _whole("--batch-tokens", wanted, shape.context, "windows of the context")
    steps = round(settings.tokens / wanted)
    if steps < 1:
        raise ModelError(
            f"--tokens {settings.tokens:,} are fewer than a batch of {wanted:,}: ask for more "
            "tokens, or for a smaller --batch-tokens"
        )
    mixture = Mixture(components, shape.context, windows, settings.seed, settings.shuffle)
    warmup = settings.warmup
    if warmup is None:
        warmup = min(shape.counted, round(WARMUP * settings.tokens))
    schedule = Schedule(
        settings.schedule,
        settings.learning_rate or preset.learning_rate,
        max(1, round(warmup / wanted)),
        steps,
    )
    return Plan(settings, shape, mixture, schedule, _forks(settings, schedule, wanted))


def _forks(settings: Settings, whole: Schedule, batch: int) -> tuple[Fork, ...]:
    shares = sorted(set(settings.decay_at) - {1.0})
    if shares and whole.kind != "wsd":
        raise ModelError("only the schedule wsd has a plateau to decay from: leave out --decay-at")
    if any(not 0 < share <= 1 for share in shares):
        raise ModelError("--decay-at takes shares of the tokens, above 0 and up to 1")
    ends = [max(1, round(share * whole.steps)) for share in shares]
    made = [Schedule("wsd", whole.peak, whole.warmup, end) for end in ends if end < whole.steps]
    return tuple(Fork(one, one.steps * batch) for one in made)


def micro_batch(plan: Plan, place: Place) -> int:
    """Windows that go through the model at once: as asked for, or the most that fits and divides.

    ModelError where the windows of a step do not divide evenly.
    """
    windows, length = plan.mixture.size, plan.mixture.length
    if windows % place.world:
        _whole("--batch-tokens", windows * length, place.world * length, "windows for every rank")
    rows = windows // place.world
    asked = plan.settings.micro_batch
    if asked is None:
        most = max(1, MICRO[place.device.type] // length)
        return max(one for one in range(1, min(rows, most) + 1) if rows % one == 0)
    if asked < 1 or rows % asked:
        near = sorted(
            (one for one in range(1, rows + 1) if rows % one == 0), key=lambda n: abs(n - asked)
        )
        raise ModelError(
            f"--micro-batch {asked} does not divide the {rows} windows of a step on each rank: "
            f"take {' or '.join(str(one) for one in sorted(near[:2]))}"
        )
    return asked


def _whole(option: str, value: int, unit: int, what: str) -> int:
    """How often a unit is in a value; ModelError with the nearest that divide if it is not."""
    if value < 1 or value % unit:
        low = value // unit * unit
        near = [f"{one:,}" for one in (low, low + unit) if one > 0]
        raise ModelError(
            f"{option} {value:,} is no whole number of {what} ({unit:,} tokens): "
            f"take {' or '.join(near)}"
        )
    return value // unit


def foreign(folder: Path) -> bool:
    """Whether a folder holds something and is no run; hidden files are nothing."""
    if not folder.exists() or (folder / RUN).exists():
        return False
    return any(not one.name.startswith(".") for one in folder.iterdir())


def hold_to(folder: Path, plan: Plan, place: Place) -> list[str]:
    """Writes run.json, or compares what is asked now with the one that is there.

    Returns what may differ and does, in words; ModelError names what may not, Mismatch where the
    run was begun with another vocabulary.
    """
    path = folder / RUN
    if place.world > 1 and place.rank > 0:
        distributed.barrier()  # the first rank writes it
    try:
        return _held(path, plan, place)
    finally:
        if place.world > 1 and place.rank == 0:
            distributed.barrier()


def _held(path: Path, plan: Plan, place: Place) -> list[str]:
    folder = path.parent
    now = {
        "format": FORMAT,
        "asked": json.loads(json.dumps(plan.asked(place))),
        "machine": place.fields,
        "mfu": {"formula": FORMULA, "peak": place.peak or "unknown"},
        "versions": {
            "python": platform.python_version(),
            "tamis": metadata.version("tamis"),
            "torch": metadata.version("torch"),
            "trainer": _trainer(),
        },
    }
    if not path.exists():
        if foreign(folder):
            raise ModelError(f"{folder} is not empty and no run: a run wants a folder of its own")
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{RUN}.draft")
        draft.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
        return []
    then = json.loads(path.read_text(encoding="utf-8"))
    if then.get("format") != FORMAT:
        raise ModelError(f"{path} is of another format: take the version of tamis that made it")
    begun, own = then["asked"]["data"]["vocabulary"], now["asked"]["data"]["vocabulary"]
    if begun != own:
        raise Mismatch(f"{folder} was begun with vocabulary {begun}, and these tokens are of {own}")
    if wrong := _differences(then["asked"], now["asked"]):
        raise ModelError(
            f"{folder} was begun with other arguments: {'; '.join(wrong)}: repeat those to go on, "
            "or name another folder"
        )
    return _differences(
        {key: then[key] for key in ("machine", "versions")},
        {key: now[key] for key in ("machine", "versions")},
    )


def _trainer() -> str:
    """Twelve digits of the SHA-256 of the code that trains: runs that are compared share it."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def _differences(then: Any, now: Any, name: str = "") -> list[str]:
    """Each value that is not the same, by its dotted name."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = sorted({*then, *now})
        nested = [_differences(then.get(k), now.get(k), f"{name}.{k}" if name else k) for k in keys]
        return [one for some in nested for one in some]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        nested = [
            _differences(one, other, f"{name}[{place}]")
            for place, (one, other) in enumerate(zip(then, now, strict=True))
        ]
        return [one for some in nested for one in some]
    return [] if then == now else [f"{name} was {then} and is {now}"]
