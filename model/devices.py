"""Where a model is trained: device, type of numbers, compiler, ranks, by what the machine has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from tamis.model.errors import ModelError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
WORTH_COMPILING = 1e15
"""Operations of a run on CPU from which compiling, some 40 s, is soon made up for."""
# Dense bfloat16 products a second, as the makers give them, by a part of the device's name.
PEAKS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "A10": 125e12,
}


@dataclass(frozen=True)
class Place:
    """What one process trains on."""

    device: torch.device
    dtype: torch.dtype
    compiled: bool
    note: str = ""
    """Why it is not compiled, if that was asked for or would be usual."""
    rank: int = 0
    world: int = 1

    @property
    def name(self) -> str:
        """The device in words."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{self.device.type} ({torch.get_num_threads()} threads)"

    @property
    def dtype_name(self) -> str:
        return next(name for name, one in DTYPES.items() if one == self.dtype)

    @property
    def peak(self) -> tuple[str, float] | None:
        """Of all ranks in operations a second, and whose it is; None where it is not known."""
        if self.device.type != "cuda" or self.dtype != torch.bfloat16:
            return None
        return peak_of(self.name, self.world)

    @property
    def fields(self) -> dict[str, object]:
        """For run.json: what may differ when a run goes on, and then changes last digits."""
        return {
            "device": self.name if self.device.type == "cuda" else self.device.type,
            "threads": torch.get_num_threads(),
            "compiled": self.compiled,
            "world": self.world,
        }


def peak_of(name: str, world: int = 1) -> tuple[str, float] | None:
    """The peak of a device by its name; None for one that is not in the table."""
    found = next((part for part in PEAKS if part in name), None)
    return None if found is None else (f"{found} bf16 dense", PEAKS[found] * world)


def place(device: str, dtype: str, compiled: bool | None, flops: float) -> Place:
    """What to train on; "auto" and None choose by what is there and by the size of the run.

    flops: of the run, for it. ModelError for a device or type that is not there.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    there = _device(device)
    if dtype not in ("auto", *DTYPES):
        raise ModelError(f"there is no type {dtype!r}: take auto, {', '.join(DTYPES)}")
    chosen = DTYPES[dtype] if dtype in DTYPES else _dtype(there)
    compiler = any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++"))
    wanted = (there.type == "cuda" or flops > WORTH_COMPILING) if compiled is None else compiled
    note = "" if compiler or not wanted else "there is no C++ compiler to compile with"
    return Place(there, chosen, wanted and compiler, note, rank, world)


def cards() -> int:
    """How many GPUs torch can use."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _device(name: str) -> torch.device:
    cuda = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if cuda else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ModelError(f"there is no device {name!r}: take auto, cpu or cuda") from None
    if device.type not in ("cpu", "cuda"):
        raise ModelError(f"{name} is not a device to train on: take auto, cpu or cuda")
    if device.type == "cuda" and not cuda:
        raise ModelError(
            "there is no GPU that torch can use: take --device cpu, or a torch for CUDA"
        )
    own = int(os.environ.get("LOCAL_RANK", "0"))
    return torch.device("cuda", own) if name == "cuda" else device


def _dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware calculates in it: elsewhere it would be slower."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float32
    able = torch.cpu.get_capabilities()
    fast = able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16")
    return torch.bfloat16 if fast else torch.float32


@contextmanager
def ranks(place: Place) -> Iterator[None]:
    """The processes that torchrun has started, joined; nothing for a single one."""
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    if place.world == 1:
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if place.device.type == "cuda" else "gloo"
    distributed.init_process_group(backend)
    try:
        yield
    finally:
        distributed.destroy_process_group()
