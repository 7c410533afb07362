"""Presets and published shapes: a row that is off by one layer is another model."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from tamis.model.errors import ModelError
from tamis.model.llama import Llama
from tamis.model.presets import PRESETS, PUBLISHED, Shape, preset_of, shape_of

# Millions: all parameters, and those without the embedding (and the head).
TABLE = {
    "1M": (1.3, 0.8),
    "5M": (6.5, 4.4),
    "15M": (18.9, 12.6),
    "40M": (52.2, 35.4),
    "60M": (75.5, 54.6),
    "125M": (113, 88),
    "200M": (173, 143),
    "400M": (355, 288),
}
COUNTS = {
    "llama-1-7b": 6_738_415_616,
    "llama-1-13b": 13_015_864_320,
    "llama-1-30b": 32_528_943_616,
    "llama-1-65b": 65_285_660_672,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-2-70b": 68_976_648_192,
    "llama-3-8b": 8_030_261_248,
    "llama-3-70b": 70_553_706_496,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
}


def built(shape: Shape) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in Llama(shape).parameters())


def test_presets_have_the_parameters_of_the_table() -> None:
    assert PRESETS["300k"].shape.parameters == built(PRESETS["300k"].shape) == 344_640
    assert PRESETS.keys() == {"300k"} | TABLE.keys()
    for name, (total, body) in TABLE.items():
        shape = PRESETS[name].shape
        assert shape.parameters == built(shape)
        digits = 1 if total < 100 else 0
        assert round(shape.parameters / 1e6, digits) == total, name
        heads = shape.embeddings * (1 if shape.tied else 2)
        assert round((shape.parameters - heads) / 1e6, digits) == body, name
        assert shape.counted == shape.parameters - (0 if shape.tied else shape.embeddings)


def test_presets_follow_the_rule() -> None:
    """Within a quarter of it: the table rounds, 5M and 15M up by a quarter to a power of two."""
    for name, preset in PRESETS.items():
        scale = preset.shape.counted / 108e6
        if name != "300k":
            rule = pytest.approx(0.00235 * scale ** (-1 / 3), rel=0.04)
            assert preset.learning_rate == rule, name
        if name not in ("300k", "400M"):
            assert 0.9 < preset.batch_tokens / (2048 * 160 * scale ** (2 / 3)) < 1.31, name
        assert preset.batch_tokens % preset.shape.context == 0
        assert preset.shape.heads * preset.shape.head == preset.shape.width


def test_published_shapes_have_the_published_parameters() -> None:
    """Seventy billion without their memory, in milliseconds each."""
    start = time.process_time()
    assert {name: built(shape) for name, shape in PUBLISHED.items()} == COUNTS
    assert {name: shape.parameters for name, shape in PUBLISHED.items()} == COUNTS
    assert time.process_time() - start < 5


def test_a_preset_for_another_vocabulary() -> None:
    shape = shape_of("5M", 2048, 512)
    assert (shape.vocabulary, shape.context, shape.width) == (2048, 512, 256)
    assert shape_of("5M", 2048).context == 2048


def test_names_and_shapes_that_cannot_be() -> None:
    with pytest.raises(ModelError, match=r"no preset '1m': did you mean '1M'\?"):
        preset_of("1m")
    with pytest.raises(ModelError, match=r"did you mean 'llama-3-8b'\?"):
        shape_of("llama3-8b", 100)
    with pytest.raises(ModelError, match="vocabulary is 0"):
        shape_of("1M", 0)
    with pytest.raises(ModelError, match="3 heads cannot share 2"):
        Shape(64, 1, 3, 2, 32, 64, 100, 64, True)
    with pytest.raises(ModelError, match="head is 31"):
        Shape(64, 1, 2, 2, 31, 64, 100, 64, True)


def test_flops_against_a_count_by_hand() -> None:
    """Two documents of 3 and 5 tokens: 34 pairs, each 12 per layer and width."""
    shape = PRESETS["300k"].shape
    positions = torch.tensor([0, 1, 2, 0, 1, 2, 3, 4])
    squares = int(2 * positions.sum()) + 8
    assert squares == 3**2 + 5**2
    assert shape.flops(8, squares) == 6 * 344_640 * 8 + 12 * 4 * 64 * 34
    assert shape.flops(8) == 6 * 344_640 * 8


def test_the_page_has_the_presets() -> None:
    page = (Path(__file__).parents[2] / "docs/model.md").read_text(encoding="utf-8")
    for name, preset in PRESETS.items():
        s = preset.shape
        numbers = [
            *(f"{s.width:,}", f"{s.layers}", f"{s.heads} / {s.kv_heads}", f"{s.head}"),
            *(f"{s.ffn:,}", f"{s.vocabulary:,}", f"{s.context:,}", "yes" if s.tied else "no"),
            *(f"{s.parameters:,}", f"{s.counted:,}"),
            *(f"{preset.learning_rate:g}", f"{preset.batch_tokens:,}"),
        ]
        assert f"| {name} | {' | '.join(numbers)} |\n" in page


def test_the_code_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs/model.md").read_text(encoding="utf-8")
    block = page.partition("```python\n")[2].partition("```")[0]
    names: dict[str, object] = {}
    exec(block, names)
    logits = names["logits"]
    assert isinstance(logits, torch.Tensor) and logits.shape == (1, 4, 2048)
