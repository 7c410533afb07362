"""The chunked loss against all logits in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tamis.model.loss import IGNORE, loss, targets


def whole(hidden: Tensor, weight: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The sum of nats and its gradients, by all logits at once in float64."""
    hidden = hidden.detach().double().requires_grad_()
    weight = weight.detach().double().requires_grad_()
    logits = (hidden @ weight.T).flatten(0, -2)
    total = torch.nn.functional.cross_entropy(
        logits, wanted.flatten(), ignore_index=IGNORE, reduction="sum"
    )
    total.backward()
    assert hidden.grad is not None and weight.grad is not None
    return total.detach(), hidden.grad, weight.grad


def drawn(dtype: torch.dtype, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)
    hidden = torch.randn(2, 11, 16, generator=draw, dtype=torch.float64) * scale
    weight = torch.randn(37, 16, generator=draw, dtype=torch.float64)
    wanted = torch.randint(37, (2, 11), generator=draw)
    wanted[0, 3] = wanted[1, 10] = IGNORE
    return hidden.to(dtype).requires_grad_(), weight.to(dtype).requires_grad_(), wanted


@pytest.mark.parametrize("chunk", [1, 5, 22, 100])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_value_and_gradients(dtype: torch.dtype, near: float, chunk: int) -> None:
    hidden, weight, wanted = drawn(dtype)
    total = loss(hidden, weight, wanted, chunk)
    (total / 20).backward()
    expected, of_hidden, of_weight = whole(hidden, weight, wanted)
    torch.testing.assert_close(total.double(), expected, rtol=near, atol=0)
    for one, other in ((hidden.grad, of_hidden / 20), (weight.grad, of_weight / 20)):
        assert one is not None and one.dtype == dtype
        torch.testing.assert_close(one.double(), other, rtol=10 * near, atol=near)


def test_gradients_by_differences() -> None:
    """The whole chain, as autograd itself sees it."""
    hidden, weight, wanted = drawn(torch.float64)
    assert torch.autograd.gradcheck(lambda h, w: loss(h, w, wanted, 7), (hidden, weight))


def test_large_logits_stay_finite() -> None:
    hidden, weight, wanted = drawn(torch.float32, scale=1e3)
    total = loss(hidden, weight, wanted, 4)
    torch.testing.assert_close(total.double(), whole(hidden, weight, wanted)[0], rtol=1e-5, atol=0)


def test_under_autocast() -> None:
    """Products are made in bfloat16, sums in float32, and gradients come in the masters' type."""
    hidden, weight, wanted = drawn(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        total = loss(hidden, weight, wanted, 8)
    total.backward()
    assert total.dtype == torch.float32
    expected, of_hidden, of_weight = whole(hidden, weight, wanted)
    torch.testing.assert_close(total.double(), expected, rtol=1e-2, atol=0)
    for one, other in ((hidden.grad, of_hidden), (weight.grad, of_weight)):
        assert one is not None and one.dtype == torch.float32
        assert (one - other).norm() < 0.02 * other.norm()


def test_without_targets_there_is_nothing() -> None:
    hidden, weight, wanted = drawn(torch.float32)
    total = loss(hidden, weight, torch.full_like(wanted, IGNORE))
    total.backward()
    assert total == 0 and weight.grad is not None and not weight.grad.any()


def test_only_what_is_asked_for_has_a_gradient() -> None:
    hidden, weight, wanted = drawn(torch.float32)
    with torch.no_grad():
        assert not loss(hidden, weight, wanted).requires_grad
    loss(hidden.detach(), weight, wanted).backward()
    assert hidden.grad is None and weight.grad is not None


def test_the_last_token_of_a_document_predicts_nothing() -> None:
    tokens = torch.tensor([[5, 6, 7, 8, 9], [1, 2, 3, 4, 5]])
    positions = torch.tensor([[0, 1, 0, 1, 0], [0, 1, 2, 3, 4]])
    assert targets(tokens, positions).tolist() == [[6, IGNORE, 8, IGNORE], [2, 3, 4, 5]]
