"""One step of learning: its gradient, and that compiling changes none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from trainings import CPU

from tamis.model.errors import ModelError
from tamis.model.feed import Fed
from tamis.model.learner import Learner
from tamis.model.llama import Llama
from tamis.model.loss import IGNORE, targets
from tamis.model.optimiser import CLIP
from tamis.model.presets import Shape

SHAPE = Shape(32, 1, 2, 1, 16, 48, 64, 16, True)


def fed(step: int = 0) -> Fed:
    draw = torch.Generator().manual_seed(step)
    tokens = torch.randint(64, (4, 17), generator=draw)
    positions = torch.arange(17, dtype=torch.int32).repeat(4, 1)
    positions[1, 5:] -= 5
    positions[3, 1:] -= 1
    wanted = targets(tokens, positions)
    valid = int((wanted != IGNORE).sum())
    return Fed(step, tokens[:, :-1], positions[:, :-1].contiguous(), wanted, valid, 0)


def learner(micro_batch: int = 4, compiled: bool = False, shape: Shape = SHAPE) -> Learner:
    place = replace(CPU, compiled=compiled)
    return Learner(Llama(shape).init(1), place, micro_batch, 1e-2)


@pytest.mark.parametrize("micro_batch", [1, 2, 4])
def test_the_gradient_is_that_of_the_mean(micro_batch: int) -> None:
    """Over all targets of the step that there are, by all logits at once in float64."""
    own, batch = learner(micro_batch), fed()
    model = Llama(SHAPE).init(1).double()
    logits = model.logits(model(batch.tokens, batch.positions)).flatten(0, 1)
    mean = torch.nn.functional.cross_entropy(logits, batch.targets.flatten(), ignore_index=IGNORE)
    mean.backward()
    slopes: dict[str, Tensor] = {}

    def note() -> None:
        every = own.model.named_parameters()
        slopes.update((name, one.grad.clone()) for name, one in every if one.grad is not None)

    own.optimiser.step = note  # type: ignore[method-assign,assignment]
    nats, norm = own.learn(batch, batch.valid, 1e-2)
    assert nats.item() / batch.valid == pytest.approx(mean.item(), rel=1e-6)
    wanted = {name: one.grad for name, one in model.named_parameters()}
    size = torch.cat([one.flatten() for one in wanted.values() if one is not None]).norm()
    assert norm.item() == pytest.approx(size.item(), rel=1e-5)
    assert slopes.keys() == wanted.keys()
    for name, one in wanted.items():
        assert one is not None
        expected = one * min(1.0, CLIP / size.item())
        torch.testing.assert_close(slopes[name].double(), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.slow(reason="compiling takes what it takes")
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # by dynamo
def test_compiled_learns_the_same() -> None:
    plain, compiled = learner(), learner(compiled=True)
    for step in range(3):
        one, other = (each.learn(fed(step), 60, 1e-2) for each in (plain, compiled))
        assert [float(n) for n in one] == pytest.approx([float(n) for n in other], rel=1e-5)


def test_a_state_of_another_shape() -> None:
    state = learner(shape=replace(SHAPE, ffn=64)).state()
    with pytest.raises(ModelError, match=r"of another shape \(model.model.layers.0.mlp"):
        learner().restore(state, 3)
    with pytest.raises(ModelError, match=r"of another shape"):
        learner().restore(learner(shape=replace(SHAPE, layers=2)).state(), 3)
