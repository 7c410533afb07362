"""Fertility: how many bytes a token stands for, by source, by language, by size of vocabulary.

Vocabularies that were trained are nested: a smaller one is a beginning of a larger one's merges, so
one model tells what all smaller ones would have cost on the same text.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tamis.pipeline.storage.scratch import scratch
from tamis.pipeline.tokens.sample import Part
from tamis.tokenize.errors import TokensError
from tamis.tokenize.training import smaller
from tamis.tokenize.vocabulary import MODEL, Vocabulary, load

SIZES = (4_000, 8_000, 16_000, 32_000, 64_000, 128_000)
REFERENCE = 32_000
"""The size that others are compared with: Llama 2's, where Llama 3 has 128,256."""
SAMPLE = 4_000_000
"""Bytes of text that fertility is measured on, unless told otherwise."""
_BATCH = 1 << 20
Table = dict[str, dict[str, Any]]


def measure(vocabulary: Vocabulary, parts: Iterable[Part]) -> dict[str, Any]:
    """Documents, bytes, tokens, bytes per token, tokens per document: all, by source, by language.

    Tokens of a document of which a window was sampled are those of the window, in proportion. By
    language is empty where no stage of the recipe says it.
    """
    sums: dict[str, dict[str, list[float]]] = {"all": {}, "sources": {}, "languages": {}}
    for batch in _batches(parts):
        for part, tokens in zip(batch, _tokens(vocabulary, batch), strict=True):
            found = [1, len(part.text), tokens, tokens * part.whole / len(part.text)]
            groups = {"all": "", "sources": part.source, "languages": part.language}
            for kind, name in groups.items():
                if name is not None:
                    old = sums[kind].setdefault(name, [0, 0, 0, 0])
                    sums[kind][name] = [a + b for a, b in zip(old, found, strict=True)]
    tables = {kind: _table(groups) for kind, groups in sums.items()}
    return {**tables, "all": tables["all"].get("", _row([0, 0, 0, 0]))}


def _batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    batch, size = list[Part](), 0
    for part in filter(lambda part: part.text, parts):
        batch.append(part)
        size += len(part.text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _tokens(vocabulary: Vocabulary, batch: Sequence[Part]) -> list[int]:
    data = np.frombuffer(b"".join([part.text for part in batch]), np.uint8)
    offsets = np.cumsum([0, *(len(part.text) for part in batch)], dtype=np.int64)
    counts: list[int] = np.diff(vocabulary.encode_column(data, offsets).ends, prepend=0).tolist()
    return counts


def _table(groups: dict[str, list[float]]) -> Table:
    return {name: _row(sums) for name, sums in sorted(groups.items())}


def _row(sums: Sequence[float]) -> dict[str, Any]:
    documents, size, tokens, whole = sums
    return {
        "documents": int(documents),
        "bytes": int(size),
        "tokens": int(tokens),
        "bytes_per_token": round(size / tokens, 4) if tokens else None,
        "tokens_per_document": round(whole / documents, 1) if documents else None,
    }


def by_size(
    vocabulary: Vocabulary, parts: Sequence[Part], own: dict[str, Any]
) -> list[dict[str, Any]]:
    """Bytes per token of the sizes below a vocabulary's own and of that, smallest first.

    own is what `measure` says of all parts for the vocabulary itself. `saved` is the share of
    tokens that a size spares against REFERENCE, or against the vocabulary's own size where that is
    smaller. Sizes that have no room for the characters are left out.
    """
    model = vocabulary.path.read_bytes()
    rows = []
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        for size in (size for size in SIZES if size < vocabulary.size):
            try:
                less = _reduced(model, size, Path(folder))
            except TokensError:
                continue
            rows.append({"size": size, **measure(less, parts)["all"]})
    rows.append({"size": vocabulary.size, **own})
    tokens = {row["size"]: row["tokens"] for row in rows}
    there = tokens.get(REFERENCE) or own["tokens"]
    for row in rows:
        row["saved"] = None if not there else round(1 - row["tokens"] / there, 4)
    keys = ("size", "tokens", "bytes_per_token", "saved")
    return [{key: row[key] for key in keys} for row in rows]


def _reduced(model: bytes, size: int, folder: Path) -> Vocabulary:
    path = folder / f"{size}.{MODEL}"
    path.write_bytes(smaller(model, size))
    return load(path)
