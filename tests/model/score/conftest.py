"""A small model with opinions: initial weights find every token about as likely."""

from __future__ import annotations

import pytest
import torch

from tamis.model.llama import Llama
from tamis.model.presets import Shape

SMALL = Shape(32, 2, 4, 2, 8, 64, 400, 48, True)


@pytest.fixture(scope="session")
def model() -> Llama:
    """In float64, of a context of 48 tokens; for reading only."""
    made = Llama(SMALL).init(3).double()
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(1 if weight.dim() == 1 else 12)
    return made
