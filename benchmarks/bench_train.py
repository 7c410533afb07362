"""How fast a Llama is trained, beside transformers' and a plain loop as nanoGPT's is.

    python benchmarks/bench_train.py [--preset 1M] [--dtype fp32|bf16] [--compile] [--rounds N]

All sides have one shape, batch, type and compiler setting, fused AdamW and clipping; they take
turns, so that a loaded machine slows all. Ours masks documents from each other, which costs it:
the others let attention cross them. Tokens are drawn by chance, in documents of 400 on average.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable

import torch
from measuring import Row
from torch import Tensor, nn
from torch.nn import functional as F

from tamis.model.devices import place
from tamis.model.feed import Fed
from tamis.model.learner import Learner
from tamis.model.llama import Llama
from tamis.model.loss import IGNORE, targets
from tamis.model.presets import Shape, preset_of

Step = Callable[[Fed], object]
STEPS = 4  # in a round
RATE = 1e-3


class Block(nn.Module):
    """A layer as one would write it down."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        keys = shape.kv_heads * shape.head
        self.shape = shape
        self.first, self.second = nn.RMSNorm(shape.width, 1e-5), nn.RMSNorm(shape.width, 1e-5)
        self.into = nn.Linear(shape.width, shape.heads * shape.head + 2 * keys, bias=False)
        self.out = nn.Linear(shape.heads * shape.head, shape.width, bias=False)
        self.gate, self.up = (nn.Linear(shape.width, shape.ffn, bias=False) for _ in range(2))
        self.down = nn.Linear(shape.ffn, shape.width, bias=False)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        one = self.shape
        keys = one.kv_heads * one.head
        parts = self.into(self.first(x)).split([one.heads * one.head, keys, keys], -1)
        q, k, v = (part.unflatten(-1, (-1, one.head)).transpose(1, 2) for part in parts)
        q, k = (turned(part, cosines.to(x.dtype), sines.to(x.dtype)) for part in (q, k))
        mixed = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, enable_gqa=one.heads != one.kv_heads
        )
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        y = self.second(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], -1)


class Plain(nn.Module):
    """A Llama with all logits at once and cross-entropy over them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, 1e-5)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        if shape.tied:
            self.head.weight = self.embed.weight
        exponents = torch.arange(0, shape.head, 2) / shape.head
        turns = torch.arange(shape.context)[:, None] / shape.theta**exponents
        self.register_buffer("cosines", turns.cos())
        self.register_buffer("sines", turns.sin())
        nn.init.normal_(self.embed.weight, std=0.02)

    def forward(self, tokens: Tensor, wanted: Tensor) -> Tensor:
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, self.cosines, self.sines)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORE)


def looped(
    model: nn.Module,
    mean: Callable[[Tensor, Tensor], Tensor],
    micro: int,
    dtype: torch.dtype,
    optimiser: torch.optim.Optimizer | None = None,
) -> Step:
    """A plain loop: autocast, parts of a batch, clipping, fused AdamW."""
    optimiser = optimiser or torch.optim.AdamW(
        model.parameters(), RATE, (0.9, 0.95), weight_decay=0.1, fused=True
    )

    def step(fed: Fed) -> float:
        parts = len(fed.tokens) // micro
        total = 0.0
        for number in range(parts):
            rows = slice(number * micro, (number + 1) * micro)
            low = dtype != torch.float32
            cast = (
                torch.autocast(fed.tokens.device.type, dtype) if low else contextlib.nullcontext()
            )
            with cast:
                nats = mean(fed.tokens[rows], fed.targets[rows])
            (nats / parts).backward()
            total += float(nats.detach())
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        return total / parts

    return step


def transformers_loop(
    shape: Shape, micro: int, dtype: torch.dtype, device: torch.device, compiled: bool
) -> Step:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.ffn,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head,
        max_position_embeddings=shape.context,
        tie_word_embeddings=shape.tied,
        use_cache=False,
    )
    model = LlamaForCausalLM(config).to(device)
    run = torch.compile(model, dynamic=False) if compiled else model

    def mean(tokens: Tensor, wanted: Tensor) -> Tensor:
        loss: Tensor = run(tokens, labels=tokens, shift_labels=wanted).loss
        return loss

    return looped(model, mean, micro, dtype)


def batch(shape: Shape, windows: int, device: torch.device) -> Fed:
    draw = torch.Generator().manual_seed(0)
    length = shape.context + 1
    tokens = torch.randint(shape.vocabulary, (windows, length), generator=draw)
    begins = torch.rand(windows, length, generator=draw) < 1 / 400
    begins[:, 0] = True
    places = torch.arange(length).expand(windows, -1)
    positions = (places - torch.where(begins, places, 0).cummax(1).values).int()
    wanted = targets(tokens, positions)
    valid = int((wanted != IGNORE).sum())
    parts = (tokens[:, :-1].contiguous(), positions[:, :-1].contiguous(), wanted)
    return Fed(0, *(one.to(device) for one in parts), valid=valid, squares=0)  # type: ignore[misc,arg-type]


def measured(sides: dict[str, Step], fed: Fed, rounds: int) -> dict[str, list[float]]:
    """Tokens a second of each side, in turns, after a step that compiles."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-1, rounds):
        for name, step in sides.items():
            started = time.perf_counter()
            for _ in range(STEPS if number >= 0 else 1):
                step(fed)
            if fed.tokens.is_cuda:
                torch.cuda.synchronize()
            seconds = time.perf_counter() - started
            if number >= 0:
                found[name].append(STEPS * fed.tokens.numel() / seconds)
            else:
                print(f"{name}: the first step took {seconds:.1f} s")
    return found


def rows(
    preset: str, dtype: str, compiled: bool, device: str, micro: int, rounds: int
) -> list[Row]:
    """The rows of the table."""
    where = place(device, dtype, compiled, 0.0)
    chosen = preset_of(preset)
    shape = chosen.shape
    windows = max(micro, chosen.batch_tokens // shape.context)
    fed = batch(shape, windows, where.device)
    learner = Learner(Llama(shape).init(0, where.device), where, micro, RATE)
    plain = Plain(shape).to(where.device)
    run = torch.compile(plain, dynamic=False) if where.compiled else plain
    sides: dict[str, Step] = {
        "ours": lambda fed: learner.learn(fed, fed.valid, RATE)[0].item(),
        "transformers": transformers_loop(shape, micro, where.dtype, where.device, where.compiled),
        "plain loop": looped(plain, run, micro, where.dtype),
    }
    found = measured(sides, fed, rounds)
    middle = {name: statistics.median(some) for name, some in found.items()}
    what = f"training {preset} on {where.name}, {where.dtype_name}, "
    what += f"{'compiled' if where.compiled else 'eager'}, {micro} x {shape.context} at once"
    return [
        Row(
            f"{what}; other: {name}",
            f"{middle['ours']:,.0f} tokens/s",
            f"{middle[name]:,.0f} tokens/s",
            f"{middle['ours'] / middle[name]:.2f}",
            f">= {target}",
            middle["ours"] >= target * middle[name],
            {"rates": found},
        )
        for name, target in (("transformers", 1.3), ("plain loop", 1.1))
    ]


def main() -> None:
    """Prints the table; by itself, as it takes all cores, which the others do not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="1M")
    parser.add_argument("--dtype", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--micro-batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    some = (asked.preset, asked.dtype, asked.compile, asked.device, asked.micro_batch)
    for row in rows(*some, asked.rounds):
        print(" | ".join(row.cells()))


if __name__ == "__main__":
    main()
