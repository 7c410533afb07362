"""Products with weights, by the fastest float32 arithmetic that the CPU has.

torch multiplies float32 matrices on CPUs by MKL, which uses half of what AMD's with AVX-512 can do:
100 GFLOP/s of one core where oneDNN, which torch brings too, does 230, as exactly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x (..., K) times the transpose of a weight (N, K), in the type of x."""
    weight = weight.to(x.dtype)
    if not _by_onednn(x):
        return F.linear(x, weight)
    out: Tensor = _Product.apply(x, weight)  # type: ignore[no-untyped-call]
    return out


def _by_onednn(x: Tensor) -> bool:
    return _ONEDNN and x.dtype == torch.float32 and x.device.type == "cpu"


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        out: Tensor = _linear(x, weight)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (x, weight), (of_out,) = ctx.saved_tensors, gradients
        return _linear(of_out, weight.t()), slope(of_out.flatten(0, -2), x.flatten(0, -2))


def multiplied(x: Tensor, weight: Tensor) -> Tensor:
    """`product` of two tensors of one type, of which autograd is to know nothing."""
    return _linear(x, weight) if _by_onednn(x) else x @ weight.t()


def slope(of_out: Tensor, x: Tensor) -> Tensor:
    """The gradient (N, K) of a weight from that of its product (rows, N) and from x (rows, K).

    oneDNN copies its first matrix: with the narrower there it takes half of the time.
    """
    if not _by_onednn(x):
        return of_out.t() @ x
    if of_out.shape[1] <= x.shape[1]:
        return _linear(of_out.t(), x.t())
    return _linear(x.t(), of_out.t()).t()


@torch.library.custom_op("tamis::linear", mutates_args=())
def _linear(x: Tensor, weight: Tensor) -> Tensor:
    """An operator of its own: torch.compile takes oneDNN's for constant weights only."""
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return out


@_linear.register_fake
def _shape(x: Tensor, weight: Tensor) -> Tensor:
    return x.new_empty((*x.shape[:-1], weight.shape[0]))
