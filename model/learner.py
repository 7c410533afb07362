"""One step of learning: a batch in parts through the model, one gradient, one move of AdamW."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tamis.model.devices import Place
from tamis.model.errors import ModelError
from tamis.model.feed import Fed
from tamis.model.llama import Llama
from tamis.model.loss import loss
from tamis.model.optimiser import adamw, clip, set_rate

MOMENTS = ("exp_avg", "exp_avg_sq")
"""What AdamW remembers of each parameter."""


class Objective(nn.Module):
    """From tokens to the sum of nats: what is differentiated, and what ranks share gradients of."""

    def __init__(self, model: Llama, compiled: bool) -> None:
        super().__init__()
        self.model, self.compiled = model, compiled
        if compiled:
            model.compile(dynamic=False)

    def forward(self, tokens: Tensor, positions: Tensor, targets: Tensor) -> Tensor:
        hidden = self.model(tokens, positions, self.model.mask(positions))
        return loss(hidden, self.model.head, targets, compiled=self.compiled)


class Learner:
    """A model, its optimiser, and how both take a step; weights are float32 throughout."""

    def __init__(self, model: Llama, place: Place, micro_batch: int, rate: float) -> None:
        """micro_batch: windows that go through the model at once."""
        self.model, self.place, self.micro_batch = model, place, micro_batch
        model.compute = None if place.dtype == torch.float32 else place.dtype
        self.optimiser = adamw(model, rate)
        self.steps = 0
        self.objective: nn.Module = Objective(model, place.compiled)
        if place.world > 1:
            self.objective = DistributedDataParallel(self.objective)

    def learn(self, fed: Fed, valid: int, rate: float) -> tuple[Tensor, Tensor]:
        """Takes a step; the sum of nats on this rank, and the norm of the gradient of all.

        valid: targets of the step on all ranks, which the gradient of their sum is divided by: a
        mean of the parts' means would weigh a token by how many documents end beside it.
        """
        parts = range(0, len(fed.tokens), self.micro_batch)
        total = torch.zeros((), device=fed.tokens.device)
        scale = self.place.world / max(1, valid)  # the ranks' gradients are averaged
        for first in parts:
            rows = slice(first, first + self.micro_batch)
            with self._apart(first != parts[-1]):
                nats = self.objective(fed.tokens[rows], fed.positions[rows], fed.targets[rows])
                (nats * scale).backward()
            total += nats.detach()
        norm = clip(self.model.parameters())
        set_rate(self.optimiser, rate)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.steps += 1
        return total, norm

    def _apart(self, apart: bool) -> nullcontext[None]:
        """Ranks exchange gradients once a step, with its last part."""
        if apart and isinstance(self.objective, DistributedDataParallel):
            return self.objective.no_sync()  # type: ignore[return-value]
        return nullcontext()

    def state(self) -> dict[str, Tensor]:
        """Weights and moments by name; all that the next step depends on, with their number."""
        found: dict[str, Tensor] = {}
        for name, one in self.model.named_parameters():
            found[f"model.{name}"] = one
            kept = self.optimiser.state.get(one, {})
            for moment in MOMENTS:
                found[f"{moment}.{name}"] = kept.get(moment, torch.zeros_like(one))
        return found

    def restore(self, state: Mapping[str, Tensor], steps: int) -> None:
        """Goes back to a state; ModelError for one of another shape."""
        own = self.state()
        wrong = sorted({*own} ^ {*state}) or [n for n in own if own[n].shape != state[n].shape]
        if wrong:
            raise ModelError(
                f"the checkpoint is of a model of another shape ({wrong[0]}): name the folder of "
                "this model's run"
            )
        with torch.no_grad():
            for name, one in self.model.named_parameters():
                one.copy_(state[f"model.{name}"])
                kept = self.optimiser.state[one]
                kept["step"] = torch.tensor(float(steps), device=one.device)
                for moment in MOMENTS:
                    kept[moment] = state[f"{moment}.{name}"].to(one.device, one.dtype, copy=True)
        if steps == 0:
            self.optimiser.state.clear()
        self.steps = steps
