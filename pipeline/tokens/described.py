"""What a folder of tokens is, in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis.tokenize.tokens import Tokens


def described(tokens: Tokens) -> dict[str, Any]:
    """The manifest with bytes per token and how long documents are."""
    facts = {"tokens_path": str(tokens.folder), "digest": tokens.digest, **tokens.facts}
    facts["bytes_per_token"] = per_token(tokens.facts)
    facts["lengths"] = lengths(tokens)
    return facts


def per_token(counts: dict[str, Any]) -> float | None:
    """Bytes of text a token, BOS and EOS counted; None of no tokens."""
    return counts["bytes"] / counts["tokens"] if counts["tokens"] else None


def lengths(tokens: Tokens) -> list[dict[str, int]]:
    """Documents by their length in tokens: from, to, how many; by powers of two."""
    counts = np.zeros(64, np.int64)
    for shard in tokens.shards:
        sizes = np.diff(shard.ends, prepend=0)
        # frexp gives 3 for 4 ... 7, and 0 for none.
        counts += np.bincount(np.frexp(sizes.clip(0))[1], minlength=64)
    there = np.flatnonzero(counts)
    return [
        {"from": 2**power // 2, "to": max(0, 2**power - 1), "documents": int(counts[power])}
        for power in (range(int(there[0]), int(there[-1]) + 1) if len(there) else ())
    ]
