"""The Llama architecture: tensors named as Hugging Face names them, documents kept apart.

Shapes: B windows, T tokens, heads H of width D, vocabulary V. RMSNorm before each half of a layer,
RoPE in the half-split layout, grouped-query attention, SwiGLU, no biases, no dropout.
"""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tamis.model.attention import Mask, attend, mask_of, name_on
from tamis.model.presets import Shape
from tamis.model.products import product

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines of every token's angles, (B, 1, T, D) each."""


class Cache:
    """Keys and values of the tokens so far, so that the next costs one token's work."""

    def __init__(self, shape: Shape, batch: int, length: int, like: Tensor) -> None:
        size = (shape.layers, 2, batch, shape.kv_heads, length, shape.head)
        self._both = like.new_empty(size)
        self.length = 0
        """Tokens in it."""

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Those of a layer with the new ones after them."""
        end = self.length + k.shape[2]
        both = self._both[layer, :, :, :, :end]
        both[0, :, :, self.length :], both[1, :, :, self.length :] = k, v
        return both[0], both[1]


class Linear(nn.Linear):
    """A product in the type of what comes in: float32 weights are rounded for bfloat16 inputs."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def reset_parameters(self) -> None:
        """Nothing: `Llama.init` does."""

    def forward(self, x: Tensor) -> Tensor:
        return product(x, self.weight)


class Norm(nn.Module):
    """RMSNorm, in float32 at least; the gain is applied in the type of what comes in."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        normal = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return normal.to(x.dtype) * self.weight.to(x.dtype)


class Attention(nn.Module):
    """Grouped-query attention with RoPE."""

    def __init__(self, shape: Shape, layer: int) -> None:
        super().__init__()
        queries, keys = shape.heads * shape.head, shape.kv_heads * shape.head
        self.q_proj = Linear(shape.width, queries)
        self.k_proj = Linear(shape.width, keys)
        self.v_proj = Linear(shape.width, keys)
        self.o_proj = Linear(queries, shape.width)
        self.head, self.layer = shape.head, layer

    def forward(
        self, x: Tensor, rotation: Rotation, mask: Mask | None, cache: Cache | None
    ) -> Tensor:
        projected = (self.q_proj(x), self.k_proj(x), self.v_proj(x))
        q, k, v = (one.unflatten(-1, (-1, self.head)).transpose(1, 2) for one in projected)
        q, k = _turn(q, rotation), _turn(k, rotation)
        if cache is not None:
            k, v = cache.extend(self.layer, k, v)
        out: Tensor = self.o_proj(attend(q, k, v, mask).transpose(1, 2).flatten(2))
        return out


class Mlp(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = Linear(shape.width, shape.ffn)
        self.up_proj = Linear(shape.width, shape.ffn)
        self.down_proj = Linear(shape.ffn, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """Attention and SwiGLU, each added to what it reads."""

    def __init__(self, shape: Shape, layer: int) -> None:
        super().__init__()
        self.self_attn = Attention(shape, layer)
        self.mlp = Mlp(shape)
        self.input_layernorm = Norm(shape.width, shape.eps)
        self.post_attention_layernorm = Norm(shape.width, shape.eps)

    def forward(
        self, x: Tensor, rotation: Rotation, mask: Mask | None, cache: Cache | None
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), rotation, mask, cache)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Body(nn.Module):
    """Everything below the head."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(
            shape.vocabulary, shape.width, _weight=torch.empty(shape.vocabulary, shape.width)
        )
        self.layers = nn.ModuleList(Layer(shape, n) for n in range(shape.layers))
        self.norm = Norm(shape.width, shape.eps)


class Llama(nn.Module):
    """A Llama; its weights mean nothing before `init` or a state_dict fills them.

    On the meta device (`with torch.device("meta")`) it takes no memory, whatever its shape.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.compute: torch.dtype | None = None
        """What hidden states and products are in; None: the type of the weights."""
        self.checkpointing = False
        """Whether layers are computed again on the way back, to need less memory."""
        self.model = Body(shape)
        if not shape.tied:
            self.lm_head = Linear(shape.width, shape.vocabulary)

    @property
    def head(self) -> Tensor:
        """The weight of the head, (V, width): the embedding's if they are tied."""
        return self.model.embed_tokens.weight if self.shape.tied else self.lm_head.weight

    @property
    def attention_name(self) -> str:
        """What attention within documents is done by on the device of the weights."""
        return name_on(self.head.device)

    def init(self, seed: int, device: torch.device | str = "cpu") -> Self:
        """Fills it with the initial weights of a seed, from the meta device too; the same anywhere.

        They are drawn on the CPU, in float64, whose rounding hides what CPUs do differently.
        """
        self.to_empty(device=device)
        draw = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if name.endswith("norm.weight"):
                nn.init.ones_(weight)
                continue
            residual = name.endswith(("o_proj.weight", "down_proj.weight"))
            std = self.shape.std / (math.sqrt(2 * self.shape.layers) if residual else 1)
            drawn = torch.empty(weight.shape, dtype=torch.float64).normal_(0, std, generator=draw)
            with torch.no_grad():
                weight.copy_(drawn)
        return self

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor | None = None,
        mask: Mask | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """Hidden states (B, T, width) after the last norm, of tokens (B, T) int64.

        positions (B, T): of each token in its document, from 0 at a document's first token and at
        the window's; documents do not see each other. None: the window is one document.
        mask: `mask(positions)` made before, where that is cheaper. cache: what was before the
        tokens, which this one document continues; they are added to it.
        """
        x = self.model.embed_tokens(tokens)
        x = x if self.compute is None else x.to(self.compute)
        if positions is not None and mask is None:
            mask = self.mask(positions)
        if positions is None:
            start = 0 if cache is None else cache.length
            positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)[None]
        rotation = self._rotation(positions, x.dtype)
        for layer in self.model.layers:
            if self.checkpointing and self.training:
                x = checkpoint(layer, x, rotation, mask, cache, use_reentrant=False)
            else:
                x = layer(x, rotation, mask, cache)
        if cache is not None:
            cache.length += tokens.shape[1]
        out: Tensor = self.model.norm(x)
        return out

    def mask(self, positions: Tensor) -> Mask:
        """Who sees whom, for `forward`."""
        return mask_of(positions, self.compute or self.head.dtype)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., V) of hidden states (..., width), in their type."""
        return product(hidden, self.head)

    def flops(self, tokens: int, squares: int = 0) -> int:
        """As `Shape.flops`."""
        return self.shape.flops(tokens, squares)

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> Rotation:
        """In float32: at position 2,000 bfloat16 would round an angle by up to 4 radians."""
        size = self.shape.head
        exponents = torch.arange(0, size, 2, device=positions.device, dtype=torch.float32) / size
        angles = positions[:, None, :, None].float() / self.shape.theta**exponents
        both = torch.cat([angles, angles], -1)
        return both.cos().to(dtype), both.sin().to(dtype)


def _turn(x: Tensor, rotation: Rotation) -> Tensor:
    """RoPE: pairs are an element of the first half and the same of the second."""
    cosines, sines = rotation
    first, second = x.chunk(2, -1)
    return x * cosines + torch.cat([-second, first], -1) * sines
