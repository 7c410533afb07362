"""Attention within documents: who sees whom, by the best means that the device has."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

Mask = Tensor | BlockMask
"""Who sees whom, in the form of the attention that takes it; None: every token what is before."""
BLOCK = 128
"""Rows of attention that are computed together on CPUs, at least."""


def name_on(device: torch.device) -> str:
    """What attention within documents is done by."""
    return "FlexAttention" if _flexible(device) else "SDPA with a mask"


def mask_of(positions: Tensor, dtype: torch.dtype) -> Mask:
    """Each token sees itself and what its document has before it; (B, T) positions.

    A document begins wherever a position is 0.
    """
    documents = (positions == 0).cumsum(1)
    if _flexible(positions.device):
        return _block_mask(documents)
    same = documents[:, None, :, None] == documents[:, None, None, :]
    length = positions.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=positions.device).tril()
    # Not a boolean mask: SDPA would make this of it in every layer.
    hidden = torch.full((), -torch.inf, dtype=dtype, device=positions.device)
    return torch.where(same & before, hidden.new_zeros(()), hidden)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask | None) -> Tensor:
    """Attention of queries (B, heads, T, head) to keys and values (B, kv heads, S, head).

    Without a mask: causal, the last query beside the last key.
    """
    shared = q.shape[1] != k.shape[1]
    if isinstance(mask, BlockMask):
        flex: Any = flex_attention
        if not torch.compiler.is_compiling():
            flex = _flex()
        out: Tensor = flex(q, k, v, block_mask=mask, enable_gqa=shared)
        return out
    if mask is not None and q.device.type == "cpu":
        return _in_blocks(q, k, v, mask)
    if mask is None and 1 < q.shape[2] < k.shape[2]:
        rows, columns = q.shape[2], k.shape[2]
        ones = torch.ones(rows, columns, dtype=torch.bool, device=q.device)
        mask = ones.tril(columns - rows)
    causal = mask is None and q.shape[2] > 1
    return F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, enable_gqa=shared)


def _in_blocks(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Rows in blocks, each with the keys up to its own end: half of a square is hidden anyway.

    SDPA on CPUs computes what a mask hides. Forward and back at T = 512 this takes 0.68 of its time
    in float32, and 0.43 in bfloat16, where products and a softmax are faster than its kernel; at
    T = 2048 0.58 and 0.50. Eight blocks at most, since each is compiled. The price: scores are
    rounded to bfloat16, which for sharp attention errs by 0.8 % where SDPA's kernel errs by 0.2 %.
    """
    length = q.shape[2]
    step = max(BLOCK, -(-length // 8))
    part = _by_products if q.dtype == torch.bfloat16 else _by_sdpa
    parts = [
        part(q[:, :, n : n + step], k[:, :, :end], v[:, :, :end], mask[:, :, n : n + step, :end])
        for n in range(0, length, step)
        for end in [min(n + step, length)]
    ]
    return torch.cat(parts, 2)


def _by_sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, mask, enable_gqa=q.shape[1] != k.shape[1])


def _by_products(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    shared = q.shape[1] // k.shape[1]
    if shared > 1:
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + mask
    out: Tensor = scores.softmax(-1) @ v
    return out


def _flexible(device: torch.device) -> bool:
    return device.type == "cuda"


def _block_mask(documents: Tensor) -> BlockMask:
    def seen(batch: Tensor, _head: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return (row >= column) & (documents[batch, row] == documents[batch, column])

    batch, length = documents.shape
    return create_block_mask(seen, batch, None, length, length, device=documents.device)


@cache
def _flex() -> Callable[..., Any]:
    """FlexAttention as one kernel; called plainly it would make the whole matrix."""
    return torch.compile(flex_attention, dynamic=False)
