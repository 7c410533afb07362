"""datatrove's own dataset, which nanotron trains from, reads the shards."""

from __future__ import annotations

from pathlib import Path

import pytest
from vocabularies import docs, padded, write_tokens

from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import Vocabulary


@pytest.mark.parametrize("size", [400, (1 << 16) + 1])
def test_datatrove_reads_the_shards(tmp_path: Path, small: Vocabulary, size: int) -> None:
    """Its windows are of one file each; tokens, and positions by the index, are ours."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    vocabulary = small if size == 400 else padded(small, tmp_path / "wide", size)
    root = write_tokens(tmp_path / "tokens", vocabulary, [docs(1, 60), docs(2, 40)])
    tokens, length = Tokens.open(root), 32
    dataset = DatatroveFolderDataset(
        str(root), length, token_size=tokens.dtype.itemsize, return_positions=True
    )
    expected = []
    for shard in tokens.shards:
        starts = {0, *shard.ends.tolist()}
        for first in range(0, len(shard.tokens) - length, length + 1):
            positions: list[int] = []
            for place in range(first, first + length + 1):
                positions.append(0 if place in starts or not positions else positions[-1] + 1)
            expected.append((shard.tokens[first : first + length + 1].tolist(), positions))
    assert len(dataset) == len(expected) > 50
    for number, (ids, positions) in enumerate(expected):
        found = dataset[number]
        assert found["input_ids"].tolist() == ids
        assert found["positions"].tolist() == positions
    by_eos = DatatroveFolderDataset(
        str(root),
        length,
        token_size=tokens.dtype.itemsize,
        return_positions=True,
        positions_from_eos_token_id=vocabulary.eos,
    )
    assert by_eos[7]["positions"].tolist() == expected[7][1]
