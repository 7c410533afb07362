"""The architecture: transformers' logits, documents that do not see each other, exact gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention.flex_attention import flex_attention
from transformers import LlamaConfig, LlamaForCausalLM

from tamis.model.attention import _block_mask, attend, mask_of
from tamis.model.llama import Llama
from tamis.model.presets import PRESETS, Shape

SMALL = Shape(32, 2, 4, 2, 8, 64, 50, 24, True)
LENGTHS = (7, 1, 16)
LONG = (150, 1, 130, 19)
"""Beyond a block of attention's rows."""


@pytest.fixture
def model() -> Llama:
    return spread(Llama(SMALL).init(3))


def spread(model: Llama) -> Llama:
    """Weights of a tenth, gains that differ: attention has something to choose."""
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("norm.weight"):
                weight += 0.3 * torch.randn(weight.shape, generator=draw)
            else:
                weight *= 0.1 / model.shape.std
    return model


def tokens(*size: int, vocabulary: int = SMALL.vocabulary, seed: int = 0) -> Tensor:
    return torch.randint(vocabulary, size, generator=torch.Generator().manual_seed(seed))


def packed(lengths: tuple[int, ...] = LENGTHS) -> Tensor:
    return torch.cat([torch.arange(one) for one in lengths])[None]


def theirs(model: Llama) -> LlamaForCausalLM:
    shape = model.shape
    config = LlamaConfig(
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head,
        intermediate_size=shape.ffn,
        vocab_size=shape.vocabulary,
        max_position_embeddings=shape.context,
        rms_norm_eps=shape.eps,
        rope_parameters={"rope_type": "default", "rope_theta": shape.theta},
        tie_word_embeddings=shape.tied,
        pad_token_id=None,
    )
    other = LlamaForCausalLM(config).eval()
    missing, unexpected = other.load_state_dict(model.state_dict(), strict=False)
    assert not unexpected and set(missing) <= ({"lm_head.weight"} if shape.tied else set())
    other.tie_weights()
    return other


def test_logits_are_those_of_transformers(shape: Shape) -> None:
    model = spread(Llama(shape).init(0))
    ids = tokens(2, shape.context, vocabulary=shape.vocabulary)
    with torch.no_grad():
        ours, other = model.logits(model(ids)), theirs(model)(ids).logits
    assert other.std() > 0.2
    torch.testing.assert_close(ours, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("lengths", [LENGTHS, LONG], ids=str)
def test_packed_documents_are_as_if_alone(model: Llama, lengths: tuple[int, ...]) -> None:
    """Hidden states and gradients, to the rounding of float32."""
    ids = tokens(1, sum(lengths))
    together = model(ids, packed(lengths))
    together.square().sum().backward()
    gradients = [one.grad.clone() for one in model.parameters() if one.grad is not None]
    model.zero_grad()
    alone = torch.cat([model(one) for one in ids.split(lengths, 1)], 1)
    assert (together - alone).norm() < 1e-6 * alone.norm()
    alone.square().sum().backward()
    for mine, one in zip(gradients, model.parameters(), strict=True):
        assert one.grad is not None and one.grad.abs().max() > 0
        assert (mine - one.grad).norm() < 1e-6 * one.grad.norm()


@pytest.mark.parametrize("compute", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("lengths", [LENGTHS, LONG], ids=str)
def test_nothing_crosses_documents(
    model: Llama, lengths: tuple[int, ...], compute: torch.dtype
) -> None:
    """Not one bit: a leak of 1e-7 is a leak."""
    model.compute = compute
    end = lengths[0]
    ids = tokens(2, sum(lengths))
    other = ids.clone()
    other[:, 3] = (other[:, 3] + 1) % SMALL.vocabulary
    positions = packed(lengths).expand(2, -1)
    before, after = model(ids, positions), model(other, positions)
    assert torch.equal(before[:, end:], after[:, end:])
    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 3:end] != after[:, 3:end]).any(-1).float().mean() > 0.9


def test_no_token_sees_what_comes_after_it(model: Llama) -> None:
    ids = tokens(1, 24)
    hidden = model(ids, packed())
    for end in (5, 8, 20):
        torch.testing.assert_close(model(ids[:, :end], packed()[:, :end]), hidden[:, :end])


def test_a_window_may_begin_within_a_document(model: Llama) -> None:
    """RoPE knows distances only: the same tokens from position 100 are the same to each other."""
    ids = tokens(1, 12)
    late = model(ids, torch.arange(100, 112)[None])
    torch.testing.assert_close(late, model(ids), atol=1e-4, rtol=1e-4)


def loss(model: Llama, ids: Tensor) -> Tensor:
    logits = model.logits(model(ids[:, :-1], packed()))
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def test_gradients_against_float64(shape: Shape) -> None:
    """Of one loss in both types, every tensor's to a few units of float32's rounding."""
    model = spread(Llama(shape).init(5))
    ids = tokens(1, sum(LENGTHS) + 1, vocabulary=shape.vocabulary)
    loss(model, ids).backward()
    gradients = {name: one.grad for name, one in model.named_parameters()}
    exact = Llama(shape)
    exact.load_state_dict(model.state_dict())
    exact.double()
    loss(exact, ids).backward()
    for name, one in exact.named_parameters():
        mine = gradients[name]
        assert one.grad is not None and mine is not None
        wrong = (mine.double() - one.grad).norm() / one.grad.norm()
        assert wrong < 3e-5, (name, wrong)


def test_gradients_are_slopes(model: Llama) -> None:
    """Against differences of losses in float64, along a direction in each tensor."""
    model.double()
    ids = tokens(1, sum(LENGTHS) + 1)
    loss(model, ids).backward()
    draw = torch.Generator().manual_seed(2)
    for name, one in model.named_parameters():
        way = torch.randn(one.shape, generator=draw, dtype=torch.float64)
        assert one.grad is not None
        slope = float((way * one.grad).sum())
        with torch.no_grad():
            one += 1e-5 * way
            above = loss(model, ids)
            one -= 2e-5 * way
            below = loss(model, ids)
            one += 1e-5 * way
        assert float(above - below) / 2e-5 == pytest.approx(slope, rel=1e-5, abs=1e-9), name


def test_initial_weights() -> None:
    shape = PRESETS["1M"].shape
    one, two, other = Llama(shape).init(7), Llama(shape).init(7), Llama(shape).init(8)
    for (name, first), second, third in zip(
        one.named_parameters(), two.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(first, second), name
        if name.endswith("norm.weight"):
            assert bool((first == 1).all())
            continue
        assert not torch.equal(first, third)
        residual = name.endswith(("o_proj.weight", "down_proj.weight"))
        wide = (0.4 / shape.width) ** 0.5
        std = wide / (2 * shape.layers) ** 0.5 if residual else wide
        first = first.detach()
        assert float(first.std()) == pytest.approx(std, rel=0.03), name
        assert abs(float(first.mean())) < 4 * std / first.numel() ** 0.5, name


def test_the_meta_device_gives_the_same_model() -> None:
    with torch.device("meta"):
        empty = Llama(SMALL)
    assert empty.head.is_meta
    for one, two in zip(empty.init(3).parameters(), Llama(SMALL).init(3).parameters(), strict=True):
        assert torch.equal(one, two)


def test_names_are_those_of_hugging_face(shape: Shape) -> None:
    model = Llama(shape)
    expected = set(theirs(model.init(0)).state_dict()) - (
        {"lm_head.weight"} if shape.tied else set()
    )
    assert set(model.state_dict()) == expected


def test_bfloat16_products_of_float32_weights(model: Llama) -> None:
    """Close to float32, gradients in float32; angles are not rounded, or far tokens would turn."""
    ids, positions = tokens(1, 300), packed((300,)) + 3000
    full = model(ids, positions)
    model.compute = torch.bfloat16
    rounded = model(ids, positions)
    assert rounded.dtype == torch.bfloat16
    error = (rounded.float() - full).norm() / full.norm()
    assert 1e-4 < error < 0.05, error
    rounded.float().sum().backward()
    assert {one.grad.dtype for one in model.parameters() if one.grad is not None} == {torch.float32}


def test_checkpointing_changes_no_gradient(model: Llama) -> None:
    ids = tokens(1, sum(LENGTHS) + 1)
    loss(model, ids).backward()
    plain = [one.grad for one in model.parameters()]
    model.zero_grad()
    model.checkpointing = True
    loss(model, ids).backward()
    for mine, one in zip(plain, model.parameters(), strict=True):
        assert mine is not None and one.grad is not None and torch.equal(mine, one.grad)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_the_mask_of_flex_attention_is_the_same() -> None:
    """What a GPU uses, in its plain form here: who sees whom must not depend on the device."""
    positions = torch.cat([packed(), packed((24,))])
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, heads, 24, 8, generator=draw) for heads in (4, 2, 2))
    block = _block_mask((positions == 0).cumsum(1))
    ours = attend(q, k, v, mask_of(positions, torch.float32))
    flex = flex_attention(q, k, v, block_mask=block, enable_gqa=True)
    torch.testing.assert_close(ours, flex, atol=1e-6, rtol=1e-5)
