"""Cross-entropy of a model's hidden states, a chunk of tokens at a time: never all logits at once.

Logits are the largest thing in training: 4 windows of 4,096 tokens and 32,768 pieces are 2 GB in
bfloat16. Here a chunk's logits and their gradient are made together and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from tamis.model.products import multiplied, slope

IGNORE = -100
"""The target of a token that has none: the next one begins another document."""
CHUNK = 4096
"""Tokens whose logits are there at once on a GPU."""
CACHED = 1 << 20
"""Logits at once on a CPU: 4 MB stay in its cache, and 32 MB took three times as long."""
Piece = Callable[[Tensor, Tensor, torch.dtype], tuple[Tensor, Tensor]]


def targets(tokens: Tensor, positions: Tensor) -> Tensor:
    """What each token but the last of a window is to predict: IGNORE at the end of a document.

    tokens, positions: (rows, length + 1), positions counted from 0 in every document; returns
    (rows, length).
    """
    return tokens[:, 1:].masked_fill(positions[:, 1:] == 0, IGNORE)


def loss(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    chunk: int | None = None,
    compiled: bool = False,
) -> Tensor:
    """The sum of nats over all targets that are not IGNORE; divide by their number for a mean.

    hidden: (..., width); weight: (vocabulary, width), the head; targets: (...) int64. Multiplies in
    the type that autocast asks for, else in hidden's, and sums in float32 at least. Gradients are
    exact, and are made here, so that only the ones of hidden and weight are kept for `backward`.
    chunk: tokens whose logits are there at once; None: what suits the device. compiled: whether
    logits become nats and gradients in two passes over them, not in ten.
    """
    if chunk is None:
        chunk = CHUNK if hidden.is_cuda else max(64, CACHED // len(weight))
    rows, piece = hidden.reshape(-1, hidden.shape[-1]), _compiled() if compiled else _piece
    total: Tensor = _Linear.apply(rows, weight, targets.reshape(-1), chunk, piece)  # type: ignore[no-untyped-call]
    return total


class _Linear(torch.autograd.Function):
    """The function with its gradient."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int, piece: Piece
    ) -> Tensor:
        kind = hidden.device.type
        low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        wide = torch.promote_types(low, torch.float32)
        of_hidden, of_weight = ctx.needs_input_grad[:2]
        inside = weight.to(low)
        total = torch.zeros((), dtype=wide, device=hidden.device)
        d_hidden = torch.empty_like(hidden) if of_hidden else None
        d_weight = torch.zeros_like(weight, dtype=wide) if of_weight else None
        with torch.autocast(kind, enabled=False):
            for first in range(0, len(hidden), chunk):
                part = hidden[first : first + chunk].to(low)
                nats, steep = piece(multiplied(part, inside), targets[first : first + chunk], wide)
                total += nats
                steep = steep.to(low)
                if d_hidden is not None:
                    d_hidden[first : first + chunk] = multiplied(steep, inside.t())
                if d_weight is not None:
                    d_weight += slope(steep, part)
        ctx.save_for_backward(d_hidden, None if d_weight is None else d_weight.to(weight.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight = ctx.saved_tensors
        scale = outer[0]
        return (
            None if hidden is None else hidden * scale.to(hidden.dtype),
            None if weight is None else weight * scale.to(weight.dtype),
            None,
            None,
            None,
        )


def _piece(logits: Tensor, targets: Tensor, wide: torch.dtype) -> tuple[Tensor, Tensor]:
    """The nats of a chunk, summed, and their gradient by its logits."""
    logs = torch.log_softmax(logits.to(wide), -1)
    valid = targets != IGNORE
    place = targets.where(valid, 0).unsqueeze(-1)
    nats = -(logs.gather(-1, place).squeeze(-1) * valid).sum()
    steep = logs.exp_()
    steep.scatter_add_(-1, place, torch.full_like(place, -1, dtype=wide))
    return nats, steep.mul_(valid.unsqueeze(-1))


@cache
def _compiled() -> Piece:
    made: Piece = torch.compile(_piece, dynamic=False)
    return made
