"""An experiment as `tamis ablate` leaves it, with numbers drawn: a page needs no training.

Bits per byte fall with the logarithm of the tokens, seeds add noise, arms have an effect of their
own; differences, intervals and gains are calculated from these by the rules of the verdict.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from inprocess import sift
from support import SENTENCES

T, PARAMETERS = 1_000_000, 344_640
SIZES = [T // 4, T // 2, T, 2 * T]
RECIPE = """
description = "English & German alone, copies out, nothing short"
[ingest]
shard_bytes = 150000

[[stage]]
kind = "language"
[stage.rules]
wanted = { column = "language", in = ["en", "de"] }
confident = { column = "language_score", min = 0.6 }

[[stage]]
kind = "dedup"
[stage.rules]
duplicate = { column = "duplicate", max = 0 }

[[stage]]
kind = "heuristics"
sets = ["gopher"]
[stage.rules]
words = { column = "gopher_words", min = 20 }
"""
STAGES = ("language", "dedup", "heuristics")
EFFECTS = {
    "raw": 0.0,
    "+language": -0.21,
    "+dedup": -0.23,
    "full": -0.31,
    "-language": -0.12,
    "-dedup": -0.30,
    "-heuristics": -0.22,
    "random": 0.004,
}
DOMAINS = {"docs": 2.9, "books": 3.1, "news": 3.3, "questions": 3.2}
QUANTILES = {2: 4.303, 1: 12.706, 4: 2.776}
"""Of Student's t at 97.5 %, by degrees of freedom."""


@dataclass(frozen=True)
class Shape:
    """What an experiment is like; every field has a page that it is hard for."""

    seeds: int = 3
    effects: tuple[tuple[str, float], ...] = tuple(EFFECTS.items())
    domains: tuple[str, ...] = tuple(DOMAINS)
    noise: float = 0.03
    gain: bool = True
    recipe: str = "quickstart"
    source: str = "manual"
    documents: int = 700


def corpus(root: Path, shape: Shape) -> None:
    """The corpus of the full arm, really sifted: languages, copies, short texts, several hosts."""
    draw = random.Random(5)
    root.mkdir(parents=True)
    texts: list[str] = []
    with (root / "in.jsonl").open("w", encoding="utf-8") as file:
        for number in range(shape.documents):
            language = draw.choice(["en", "en", "en", "de", "fr", "es", "ja"])
            words = SENTENCES[language].split()
            lines = (" ".join(draw.choices(words, k=draw.randint(4, 20))) for _ in range(9))
            text = "\n".join(list(lines)[: draw.randint(1, 9)])
            if texts and draw.random() < 0.2:
                text = draw.choice(texts[:40])
            texts.append(text)
            source = draw.choice([shape.source, "man", "docs", "docs"])
            url = f"https://Host{int(draw.paretovariate(0.6)) % 97}.example/{number}"
            row = {"id": f"page-{number}", "text": text, "source": source}
            file.write(json.dumps(row | ({"url": url} if number % 3 else {})) + "\n")
    (root / "made.toml").write_text(RECIPE)
    sift(root, "run", "made.toml", "in.jsonl", "-o", "corpus")


def experiment(root: Path, sifted: Path, shape: Shape = Shape()) -> Path:
    """The folder of an experiment whose full arm is the corpus in a directory."""
    effects = dict(shape.effects)
    plan = _plan(shape, list(effects))
    root.mkdir(parents=True)
    (root / "plan.json").write_text(json.dumps(plan, indent=2, ensure_ascii=False))
    arms = {arm["name"]: arm for arm in plan["arms"]}
    ledger = json.loads((sifted / "ledger.json").read_text())
    for place, (name, effect) in enumerate(effects.items()):
        share = 1 + 2 * effects["full" if name == "random" else name]
        _arm(root, name, share, ledger, plan["seeds"])
        _runs(root, arms[name], effect, plan["seeds"], random.Random(place))
    (root / "arms/full/corpus").rmdir()
    (root / "arms/full/corpus").symlink_to(sifted.resolve())
    (root / "verdict.json").write_text(json.dumps(_verdict(root, plan, effects, shape)))
    return root


def _plan(shape: Shape, names: list[str]) -> dict[str, Any]:
    kinds = {"raw": "raw", "full": "full", "random": "random"}
    arms = []
    for name in names:
        kind = kinds.get(name) or {"+": "cumulative", "-": "without"}.get(name[0], "recipe")
        stage = name[1:] if kind in ("cumulative", "without") else None
        sizes = SIZES if kind == "raw" else [T]
        arms.append({"name": name, "kind": kind, "stage": stage, "sizes": sizes})
    comparisons = [_comparison("full against raw", "full", "raw", "main")]
    chain = ["raw", *(name for name in names if name.startswith("+")), "full"]
    for stage, control, treated in zip(STAGES, chain, chain[1:], strict=False):
        comparisons.append(_comparison(stage, treated, control, "cumulative"))
    for arm in arms:
        name = arm["name"]
        if arm["kind"] == "without":
            comparisons.append(_comparison(f"without {name[1:]}", name, "full", "leave one out"))
        elif arm["kind"] in ("random", "recipe"):
            family = "control" if name == "random" else "recipe"
            comparisons.append(_comparison(f"{name} against raw", name, "raw", family))
    digest = hashlib.sha256(b"").hexdigest()
    domains = [_domain(name, "target", name == "questions") for name in shape.domains]
    return {
        "format": 1,
        "corpus": {"documents": digest, "bytes": 137_000_000, "count": 74_777},
        "recipe": {"name": shape.recipe, "raw": {"name": shape.recipe, **tomllib.loads(RECIPE)}},
        "training": {
            "preset": "300k",
            "parameters": PARAMETERS,
            "tokens": T,
            "batch_tokens": 4096,
            "context": 512,
            "learning_rate": 0.006,
            "warmup": 100_000,
            "schedule": "wsd",
            "dtype": "bf16",
        },
        "budget": "equal tokens",
        "seeds": list(range(shape.seeds)),
        "arms": arms,
        "comparisons": comparisons,
        "domains": [*domains, _domain("pool", "pool", False)],
        "vocabulary": {"sha256": digest, "pieces": 2048},
        "decontamination": {
            "ngram": 13,
            "documents_dropped": 312,
            "bytes_dropped": 1_234_567,
            "boilerplate_heldout_dropped": 17,
        },
        "statistics": {"confidence": 0.95, "draws": 2000, "seed": 0, "correction": "holm"},
    }


def _comparison(name: str, treated: str, control: str, family: str) -> dict[str, Any]:
    return {"name": name, "treated": treated, "control": control, "family": family}


def _domain(name: str, role: str, seen: bool) -> dict[str, Any]:
    sizes = {"documents": 120 + len(name), "bytes": 150_000, "groups": 31}
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {"name": name, "file": f"heldout/{name}.jsonl", "sha256": digest, "seen": seen} | {
        **sizes,
        "role": role,
    }


def _arm(root: Path, name: str, share: float, ledger: dict[str, Any], seeds: list[int]) -> None:
    (root / "arms" / name / "corpus").mkdir(parents=True)
    if name != "full":
        amount = {k: round(v * share) for k, v in ledger["ingested"].items()}
        path = root / "arms" / name / "corpus" / "ledger.json"
        path.write_text(json.dumps(ledger | {"kept": amount}))
    for seed in seeds:
        folder = root / "arms" / name / "tokens" / str(seed)
        folder.mkdir(parents=True)
        tokens = round(9_000_000 * share)
        made = {"format": 1, "documents": 5000, "tokens": tokens, "bytes": round(3.21 * tokens)}
        made |= {"from": {"path": str(root)}, "shards": [{"files": {"ds": name}}]}
        (folder / "tokens.json").write_text(json.dumps(made | {"seed": seed}))


def _runs(
    root: Path, arm: dict[str, Any], effect: float, seeds: list[int], draw: random.Random
) -> None:
    for seed in seeds:
        run = root / "runs" / arm["name"] / str(seed)
        _metrics(run / "metrics.jsonl", 4096, arm["sizes"][-1], effect, draw)
        versions = {"python": "3.11.9", "torch": "2.13.0"}
        (run / "run.json").write_text(json.dumps({"format": 1, "versions": versions}))
        for size in arm["sizes"][:-1]:
            place = run / "branches" / str(size) / "metrics.jsonl"
            _metrics(place, round(size * 0.9), size, effect - 0.2, draw)


def _metrics(path: Path, first: int, last: int, effect: float, draw: random.Random) -> None:
    path.parent.mkdir(parents=True)
    rows = [
        {"step": n, "tokens": n * 4096, "loss": 3.2 + effect + 4 / (1 + n / 20) + draw.random() / 5}
        for n in range(first // 4096, last // 4096)
        if n
    ]
    path.write_text("".join(json.dumps(row | {"seconds": 0.1}) + "\n" for row in rows))


def _verdict(
    root: Path, plan: dict[str, Any], effects: dict[str, float], shape: Shape
) -> dict[str, Any]:
    targets = [one["name"] for one in plan["domains"] if one["role"] == "target"]
    counted = [
        one["name"] for one in plan["domains"] if one["role"] == "target" and not one["seen"]
    ]
    generator = np.random.default_rng(7)
    runs = []
    for arm in plan["arms"]:
        for seed in plan["seeds"]:
            shift = np.random.default_rng(seed).normal(0, shape.noise)
            for size in arm["sizes"]:
                domains = {
                    name: 3.1
                    - 0.3 * math.log2(size / T)
                    + effects[arm["name"]]
                    + 0.1 * place
                    + shift
                    + float(generator.normal(0, shape.noise))
                    for place, name in enumerate(targets)
                }
                domains["pool"] = domains[targets[0]] - 2 * effects[arm["name"]]
                macro = sum(domains[name] for name in counted) / len(counted)
                runs.append(
                    {"arm": arm["name"], "seed": seed, "tokens": size, "macro": macro}
                    | {"domains": domains}
                )
    made = [_compared(one, runs, plan, shape) for one in plan["comparisons"]]
    main = made[0]["macro"]
    return {
        "format": 1,
        "plan": hashlib.sha256((root / "plan.json").read_bytes()).hexdigest(),
        "runs": sorted(runs, key=lambda run: (run["arm"], run["seed"], run["tokens"])),
        "arms": [_points(arm, runs, plan) for arm in plan["arms"]],
        "comparisons": made,
        "sentences": [
            f"At 300k parameters and {T:,} tokens a run, recipe {shape.recipe} changed bits per "
            f"byte by {main['value']:.3f} on {len(counted)} domains that nothing was trained on: "
            f"{main['verdict']}.",
            "As many tokens of raw text would have to be 1.9 times as many to come as far.",
            "Language did most of it; for deduplication three seeds do not decide.",
        ],
    }


def _chosen(runs: list[dict[str, Any]], arm: str, tokens: int) -> list[dict[str, Any]]:
    found = [run for run in runs if run["arm"] == arm and run["tokens"] == tokens]
    return sorted(found, key=lambda run: run["seed"])


def _points(
    arm: dict[str, Any], runs: list[dict[str, Any]], plan: dict[str, Any]
) -> dict[str, Any]:
    points = []
    for size in arm["sizes"]:
        mine = _chosen(runs, arm["name"], size)
        effect = _effect([run["macro"] for run in mine])
        domains = {
            name: float(np.mean([run["domains"][name] for run in mine]))
            for name in mine[0]["domains"]
        }
        points.append(
            {"tokens": size, "macro": effect["value"], "low": effect["low"], "high": effect["high"]}
            | {"seeds": [run["macro"] for run in mine], "domains": domains}
        )
    return {"name": arm["name"], "points": points}


def _compared(
    one: dict[str, Any], runs: list[dict[str, Any]], plan: dict[str, Any], shape: Shape
) -> dict[str, Any]:
    pairs = list(
        zip(_chosen(runs, one["treated"], T), _chosen(runs, one["control"], T), strict=True)
    )
    macro = _effect([a["macro"] - b["macro"] for a, b in pairs])
    domains = {
        name: _effect([a["domains"][name] - b["domains"][name] for a, b in pairs])
        for name in pairs[0][0]["domains"]
    }
    gain = None
    if one["control"] == "raw" and shape.gain:
        ends = {
            "value": macro["value"],
            "low": macro["high"],
            "high": macro["low"],
        }
        gain = {}
        for key, delta in ends.items():
            times = None if delta is None else 2 ** (-delta / 0.3)
            gain[key] = times if times is None else min(max(times, SIZES[0] / T), SIZES[-1] / T)
            past = "" if times is None or gain[key] == times else ">" if times > 1 else "<"
            gain[f"{key}_beyond"] = past
    return one | {"tokens": T, "macro": macro, "domains": domains, "gain": gain}


def _effect(values: list[float]) -> dict[str, Any]:
    value, seeds = float(np.mean(values)), len(values)
    if seeds < 2:
        return {"value": value, "low": None, "high": None, "se": None, "se_seeds": None} | {
            "se_groups": 0.004,
            "p": None,
            "p_holm": None,
            "verdict": "undecided",
            "seeds_to_decide": None,
        }
    spread = float(np.std(values, ddof=1)) / math.sqrt(seeds)
    error = math.hypot(spread, 0.004)
    half = QUANTILES[seeds - 1] * error
    p = min(1.0, 2 * math.exp(-((value / error) ** 2) / 8))
    decided = abs(value) > half
    return {
        "value": value,
        "low": value - half,
        "high": value + half,
        "se": error,
        "se_seeds": spread,
        "se_groups": 0.004,
        "p": p,
        "p_holm": min(1.0, 2 * p),
        "verdict": ("better" if value < 0 else "worse") if decided else "undecided",
        "seeds_to_decide": None if decided else min(99, 4 + round((half / abs(value)) ** 2)),
    }
