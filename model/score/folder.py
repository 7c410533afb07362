"""The model that is to be scored: read, named by its digests, brought to where it computes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tamis.model.errors import ModelError
from tamis.model.export import load
from tamis.model.llama import Llama
from tamis.model.score.records import sha256
from tamis.tokenize.vocabulary import Vocabulary

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Opened:
    """A model with its vocabulary."""

    model: Llama = field(repr=False)
    vocabulary: Vocabulary
    facts: dict[str, Any]
    """Which it is: its parameters, and SHA-256 of its files."""


def opened(folder: Path, dtype: str, device: str) -> Opened:
    """The model of a folder; ModelError for a device that is not there, and as `load`.

    dtype: fp32 or bf16, of weights and hidden states; logits are float32 in any case.
    """
    where = _device(device)
    model, vocabulary = load(folder)
    facts = {
        "parameters": model.shape.parameters,
        "config": sha256(folder / "config.json"),
        "weights": [sha256(path) for path in sorted(folder.glob("*.safetensors"))],
        "vocabulary": vocabulary.digest,
    }
    return Opened(model.to(where, DTYPES[dtype]), vocabulary, facts)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ModelError(f"--device {name}: write cpu, cuda or cuda:1") from None
    known = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.mps.is_available())}
    if (device.index or 0) >= known.get(device.type, 0):
        raise ModelError(f"--device {name}: there is no such device here; cpu is always there")
    return device
