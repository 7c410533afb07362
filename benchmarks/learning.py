"""What a Llama learns from the same windows, beside a plain loop, and in bfloat16 beside float32.

    python benchmarks/learning.py TOKENS [--preset 5M] [--tokens 655360] [--seeds 3] [--dtype bf16]
        [--against plain|fp32]

Prints the mean loss over the last tenth of the steps, for each seed, and the paired difference. The
plain loop is nanoGPT's way: attention crosses documents, the embedding decays with the other
matrices. Both sides see the same windows, targets and learning rates.
"""

from __future__ import annotations

import argparse
import math
import statistics
from pathlib import Path

import torch
from bench_train import Plain, looped
from torch import nn

from tamis.model.devices import place
from tamis.model.feed import Feed
from tamis.model.learner import Learner
from tamis.model.llama import Llama
from tamis.model.optimiser import set_rate
from tamis.model.plan import Plan, Settings, micro_batch, plan
from tamis.tokenize.mixture import Component
from tamis.tokenize.tokens import Tokens


def ours(planned: Plan, seed: int, dtype: str) -> list[float]:
    """Losses of tamis, step by step."""
    where = place("cpu", dtype, True, 0.0)
    model = Llama(planned.shape).init(seed)
    learner = Learner(model, where, micro_batch(planned, where), planned.schedule.peak)
    losses = []
    with Feed(planned.mixture, 0, planned.steps) as feed:
        for fed in feed:
            nats, _ = learner.learn(fed, fed.valid, planned.schedule.rate(fed.step))
            losses.append(nats.item() / fed.valid)
    return losses


def plain(planned: Plan, seed: int, dtype: str) -> list[float]:
    """Losses of the plain loop."""
    where = place("cpu", dtype, True, 0.0)
    torch.manual_seed(seed)
    model = Plain(planned.shape)
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            last = name.endswith((".out.weight", ".down.weight"))
            nn.init.normal_(weight, 0, 0.02 / math.sqrt(2 * planned.shape.layers if last else 1))
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ],
        1e-3,
        (0.9, 0.95),
        fused=True,
    )
    run = torch.compile(model, dynamic=False)
    step = looped(model, run, micro_batch(planned, where), where.dtype, optimiser)
    losses = []
    with Feed(planned.mixture, 0, planned.steps) as feed:
        for fed in feed:
            set_rate(optimiser, planned.schedule.rate(fed.step))
            losses.append(step(fed))
    return losses


def main() -> None:
    """Prints a line for each seed, then the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--preset", default="5M")
    parser.add_argument("--tokens", type=int, default=655_360)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dtype", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--against", default="plain", choices=["plain", "fp32"])
    asked = parser.parse_args()
    found = []
    for seed in range(asked.seeds):
        settings = Settings(
            preset=asked.preset,
            tokens=asked.tokens,
            seed=seed,
            context=asked.context,
            batch_tokens=asked.batch_tokens,
            learning_rate=asked.learning_rate,
        )
        planned = plan(settings, [Component(Tokens.open(asked.data))])
        one = ours(planned, seed, asked.dtype)
        other = (plain if asked.against == "plain" else ours)(
            planned, seed, asked.dtype if asked.against == "plain" else "fp32"
        )
        last = max(1, planned.steps // 10)
        found.append((statistics.fmean(one[-last:]), statistics.fmean(other[-last:])))
        mine, theirs = found[-1]
        print(
            f"seed {seed}: ours {asked.dtype} {mine:.4f}, {asked.against} {theirs:.4f}", flush=True
        )
    differences = [mine - theirs for mine, theirs in found]
    print(
        f"{asked.preset}, {asked.tokens:,} tokens: difference {statistics.fmean(differences):+.4f} "
        f"nats, sd over seeds {statistics.stdev(differences):.4f}; "
        f"sd of the losses {statistics.stdev(one for one, _ in found):.4f} and "
        f"{statistics.stdev(other for _, other in found):.4f}"
    )


if __name__ == "__main__":
    main()
