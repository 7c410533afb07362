"""Signed rows for tests, seeded."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tamis.pipeline.dedup.signatures import Rows


def signed(seed: int, count: int, keys: int = 50, permutations: int = 4) -> Rows:
    """Rows whose band `00` draws from so many keys; every third has no URL, some no shingles."""
    draw = np.random.default_rng(seed)
    shingles = draw.integers(0, 6, count).astype(np.int32)
    urls = draw.integers(0, 256, (count, 16)).astype(np.uint8)
    urls[::3] = 0
    with_words = draw.permutation(np.flatnonzero(shingles)).astype(np.uint32)
    return Rows(
        row=np.arange(count, dtype=np.int32) * 2,
        id=pa.array([f"{seed}/{number}" for number in range(count)]),
        priority=draw.random(count),
        text_hash=draw.integers(0, 256, (count, 16)).astype(np.uint8),
        url_hash=urls,
        shingles=shingles,
        signature=draw.integers(0, 1 << 32, (count, permutations), dtype=np.uint32),
        bands={
            "00": (spread(draw.integers(0, keys, len(with_words))), with_words),
            "text": (spread(draw.integers(0, count + 1, count)), np.arange(count, dtype=np.uint32)),
        },
    )


def spread(numbers: np.ndarray) -> np.ndarray:
    """Keys all over the range, equal for equal numbers; 0 and 1 give the first and the last."""
    keys = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    keys[numbers == 1] = 2**64 - 1
    return keys
