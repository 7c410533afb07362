"""What other trainers read, from the descriptions of their files; the real ones need torch."""

from __future__ import annotations

import csv
import gzip
import struct
from pathlib import Path

import numpy as np


def megatron(prefix: Path) -> list[list[int]]:
    """The documents of PREFIX.bin and PREFIX.idx."""
    data = prefix.with_suffix(".idx").read_bytes()
    magic, version, code, sequences, documents = struct.unpack_from("<9sQBQQ", data)
    assert (magic, version) == (b"MMIDIDX\0\0", 1)
    kind = {8: np.dtype("<u2"), 4: np.dtype("<i4")}[code]
    lengths = np.frombuffer(data, "<i4", sequences, 34)
    pointers = np.frombuffer(data, "<i8", sequences, 34 + 4 * sequences)
    bounds = np.frombuffer(data, "<i8", documents, 34 + 12 * sequences)
    assert len(data) == 34 + 12 * sequences + 8 * documents
    tokens = prefix.with_suffix(".bin").read_bytes()
    every = [
        np.frombuffer(tokens, kind, length, pointer).tolist()
        for length, pointer in zip(lengths.tolist(), pointers.tolist(), strict=True)
    ]
    assert sum(map(len, every)) * kind.itemsize == len(tokens)
    return [
        [token for one in every[first:last] for token in one]
        for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]


def olmo(path: Path, kind: str) -> list[tuple[list[int], list[str]]]:
    """The documents of NAME.npy by NAME.csv.gz, and what else stands in their lines."""
    tokens = np.fromfile(path, kind)
    with gzip.open(path.with_suffix(".csv.gz"), "rt", encoding="utf-8", newline="") as file:
        return [(tokens[int(a) : int(b)].tolist(), rest) for a, b, *rest in csv.reader(file)]
