"""Groups, one step against AdamW as it is written, and clipping."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tamis.model.optimiser import BETAS, CLIP, DECAY, EPS, adamw, clip, groups, set_rate


class Small(nn.Module):
    """An embedding, a matrix and a norm; the head is tied or not."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(7, 4)
        self.middle = nn.Linear(4, 4, bias=False)
        self.norm = nn.RMSNorm(4)
        self.head = nn.Linear(4, 7, bias=False)
        if tied:
            self.head.weight = self.embed.weight


@pytest.mark.parametrize("tied", [True, False])
def test_groups(tied: bool) -> None:
    """A tied head is the embedding: it does not decay; one of its own does."""
    model = Small(tied)
    decay, plain = groups(model)
    names = {id(one): name for name, one in model.named_parameters()}
    assert [names[id(one)] for one in decay] == [
        "middle.weight",
        *([] if tied else ["head.weight"]),
    ]
    assert [names[id(one)] for one in plain] == ["embed.weight", "norm.weight"]


def test_two_steps_as_written_down() -> None:
    model = Small(False)
    optimiser = adamw(model, 0.5)
    one, lone = model.middle.weight, model.norm.weight
    expected = {one: one.detach().double(), lone: lone.detach().double()}
    first, second = ({w: torch.zeros_like(v) for w, v in expected.items()} for _ in range(2))
    for step in (1, 2):
        set_rate(optimiser, 0.1 / step)
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 0.3 * step)
        optimiser.step()
        for weight, value in expected.items():
            slope = torch.full_like(value, 0.3 * step)
            first[weight].lerp_(slope, 1 - BETAS[0])
            second[weight].lerp_(slope**2, 1 - BETAS[1])
            mean = first[weight] / (1 - BETAS[0] ** step)
            root = (second[weight] / (1 - BETAS[1] ** step)).sqrt() + EPS
            value *= 1 - 0.1 / step * (DECAY if weight is one else 0)
            value -= 0.1 / step * mean / root
    for weight, value in expected.items():
        torch.testing.assert_close(weight.detach().double(), value, rtol=1e-5, atol=1e-6)


def test_clipping() -> None:
    some = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))]
    for one in some:
        one.grad = torch.full_like(one, 2.0)
    assert clip(some).item() == pytest.approx(math.sqrt(7 * 4))
    total = math.sqrt(sum(float((one.grad**2).sum()) for one in some if one.grad is not None))
    assert total == pytest.approx(CLIP, rel=1e-4)
    assert clip(some, 5.0).item() == pytest.approx(CLIP, rel=1e-4), "small ones are left alone"
