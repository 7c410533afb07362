"""AdamW as Llama was trained with, the groups of its parameters, and clipping."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.95)
EPS = 1e-8
DECAY = 0.1
CLIP = 1.0
SETTINGS = {"name": "adamw", "betas": list(BETAS), "eps": EPS, "decay": DECAY, "clip": CLIP}
"""For run.json: what a run is not resumed with other values of."""


def groups(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """The parameters that decay and those that do not, each once.

    Matrices decay, but not embeddings, of which a step touches few rows and decays all; a tied
    head is the embedding. Nor do norms, which have one dimension.
    """
    there = {id(one.weight) for one in model.modules() if isinstance(one, nn.Embedding)}
    decay: list[Tensor] = []
    plain: list[Tensor] = []
    for one in model.parameters():
        (decay if one.ndim >= 2 and id(one) not in there else plain).append(one)
    return decay, plain


def adamw(model: nn.Module, rate: float) -> torch.optim.AdamW:
    """The optimiser of a model, fused: one pass over each parameter, moments in its own type."""
    decay, plain = groups(model)
    return torch.optim.AdamW(
        [{"params": decay, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}],
        lr=rate,
        betas=BETAS,
        eps=EPS,
        fused=True,
    )


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of all groups."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def clip(parameters: Iterable[Tensor], most: float = CLIP) -> Tensor:
    """Scales gradients down to this norm over all of them; returns the norm that they had."""
    return nn.utils.clip_grad_norm_(parameters, most)
