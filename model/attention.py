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
    if mask is None and 1 < q.shape[2] < k.shape[2]:
        rows, columns = q.shape[2], k.shape[2]
        ones = torch.ones(rows, columns, dtype=torch.bool, device=q.device)
        mask = ones.tril(columns - rows)
    causal = mask is None and q.shape[2] > 1
    return F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, enable_gqa=shared)


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
