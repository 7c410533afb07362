"""How fast tokens are read, in order and as shuffled windows, beside datatrove's and nanoGPT's way.

The tokens are drawn by chance, in documents as long as those of the web are: what they mean does
not matter to who copies them. They are in the page cache, as after the warming round.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import texts
from measuring import Row, Sample, in_process, interleave, median, plain

from tamis.tokenize.mixture import Component, Mixture, by_source
from tamis.tokenize.shards import ShardWriter, file_names, manifest
from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import MODEL, Vocabulary, load

MEGABYTES = 400.0  # of two bytes a token
SHARDS = 4
LENGTH, BATCH = 1024, 64
WINDOWS = 12_800  # drawn in a sample
SLOW = 256  # of the side that looks for positions from the start of the index each time
SEQUENTIAL, SHUFFLED = 500, 50  # millions of tokens a second
SOURCES = ("books", "code", "web")


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table."""
    tokens = Tokens.open(folder(int((megabytes or MEGABYTES) * 1e6 / 2)))
    count = tokens.facts["tokens"]
    size = f"of {count / 1e6:.0f} M tokens in {SHARDS} shards"
    whole = sum(shard.facts["tokens"] // (LENGTH + 1) for shard in tokens.shards)
    drawn, few = WINDOWS * (LENGTH + 1), SLOW * (LENGTH + 1)
    mixed = Mixture(by_source(tokens, {"web": 5, "books": 3, "code": 2}), LENGTH, BATCH)
    plainly = Mixture([Component(tokens)], LENGTH, BATCH)
    ordered = Mixture([Component(tokens)], LENGTH, BATCH, shuffle=False)
    paired: list[tuple[str, tuple[Work, int], tuple[Work, int], int | None]] = [
        (
            f"tokens read in order, all {size}, the largest found; other: datatrove's dataset",
            (lambda: largest(tokens), count),
            (lambda: datatrove(tokens, range(whole), False), whole * (LENGTH + 1)),
            SEQUENTIAL,
        ),
        (
            "batches of 64 windows of 1,024 in order, with positions; other: datatrove's dataset",
            (lambda: batches(ordered, WINDOWS), drawn),
            (lambda: datatrove(tokens, range(WINDOWS), True), drawn),
            None,
        ),
        (
            "the same shuffled, with positions; other: nanoGPT's way, without",
            (lambda: batches(plainly, WINDOWS), drawn),
            (lambda: nanogpt(tokens, WINDOWS), drawn),
            SHUFFLED,
        ),
        (
            "the same of three sources by weight; other: datatrove's dataset at random",
            (lambda: batches(mixed, WINDOWS), drawn),
            (lambda: datatrove(tokens, any_order(whole), True), few),
            SHUFFLED,
        ),
    ]
    return [_row(what, ours, other, target, rounds) for what, ours, other, target in paired]


Work = Callable[[], object]


def _row(
    what: str, ours: tuple[Work, int], other: tuple[Work, int], target: int | None, rounds: int
) -> Row:
    sides = {"ours": lambda: in_process(ours[0]), "other": lambda: in_process(other[0])}
    samples = interleave(sides, rounds)
    speeds = {
        name: _speeds(median(samples[name]), tokens)
        for name, tokens in (("ours", ours[1]), ("other", other[1]))
    }
    return Row(
        what,
        _said(speeds["ours"]),
        _said(speeds["other"]),
        f"{speeds['ours'][0] / speeds['other'][0]:.1f}x",
        f">= {target} M tokens/s" if target else "",
        speeds["ours"][0] >= target if target else None,
        {"tokens": {"ours": ours[1], "other": other[1]}, "samples": plain(samples)},
    )


def _speeds(sample: Sample, tokens: int) -> tuple[float, float]:
    return tokens / sample.cpu / 1e6, tokens / sample.wall / 1e6


def _said(speeds: tuple[float, float]) -> str:
    return f"{speeds[0]:,.1f} M tokens/s ({speeds[1]:,.1f} by the clock)"


def largest(tokens: Tokens) -> int:
    """Looks at every token in order."""
    return max(int(block.max()) for block in tokens.blocks())


def batches(mixture: Mixture, windows: int) -> int:
    """Makes batches, from some step in the middle on."""
    return sum(len(mixture.batch(1000 + step).tokens) for step in range(windows // BATCH))


def datatrove(tokens: Tokens, windows: Any, positions: bool) -> int:
    """Some windows by datatrove's dataset; it gives them one by one, as int64."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    dataset = DatatroveFolderDataset(
        str(tokens.folder), LENGTH, token_size=2, return_positions=positions
    )
    return sum(len(dataset[int(number)]["input_ids"]) for number in windows)


def any_order(windows: int) -> Any:
    """A few windows anywhere, the same in every round."""
    return np.random.default_rng(0).choice(windows, SLOW, replace=False)


def nanogpt(tokens: Tokens, windows: int) -> int:
    """Batches from anywhere in a shard: a map made anew each time, a slice and a copy a row."""
    import torch

    draw, made = np.random.default_rng(0), 0
    for step in range(windows // BATCH):
        path = tokens.shards[step % SHARDS].path("ds")
        data = np.memmap(path, np.uint16, "r")
        starts = draw.integers(0, len(data) - LENGTH, BATCH).tolist()
        sides = [
            torch.stack(
                [
                    torch.from_numpy(data[at + first : at + first + LENGTH].astype(np.int64))
                    for at in starts
                ]
            )
            for first in (0, 1)
        ]
        made += len(sides[0])
    return made


def folder(tokens: int) -> Path:
    """A folder of so many tokens; one that is there is used again."""
    root = texts.SCRATCH / f"tokens-{tokens}"
    if (root / "tokens.json").is_file():
        return root
    texts.fresh(root).mkdir(parents=True)
    vocabulary = _vocabulary(root / "tokenizer")
    draw = np.random.default_rng(0)
    shards = [
        _shard(root, f"{number:05d}", vocabulary, draw, tokens // SHARDS)
        for number in range(SHARDS)
    ]
    made = manifest(vocabulary, shards, bos=False, eos=False, seed=0, origin={"drawn": "by chance"})
    (root / "tokens.json").write_text(json.dumps(made), encoding="utf-8")
    return root


def _vocabulary(place: Path) -> Vocabulary:
    """The smallest there can be: bytes, and hardly more."""
    import sentencepiece

    place.mkdir()
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["to be read and to be counted"]),
        model_writer=model,
        vocab_size=280,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=False,
        minloglevel=2,
    )
    (place / MODEL).write_bytes(model.getvalue())
    return load(place)


def _shard(
    root: Path, name: str, vocabulary: Vocabulary, draw: np.random.Generator, tokens: int
) -> dict[str, Any]:
    """Documents of 400 tokens in the middle, 660 on average."""
    ids = draw.integers(3, vocabulary.size, tokens, np.uint16)
    sizes = np.minimum(draw.lognormal(6, 1, tokens // 300 + 1).astype(np.int64) + 2, tokens)
    ends = np.cumsum(sizes)
    ends = np.append(ends[ends < tokens], tokens)
    count = len(ends)
    paths = {kind: root / file for kind, file in file_names(name).items()}
    with ShardWriter(paths, vocabulary) as writer:
        writer.write(
            ids,
            ends,
            draw.integers(0, 1 << 63, count).astype(np.uint64),
            (np.diff(ends, prepend=0) * 4).astype(np.uint64),
            pa.array(draw.choice(SOURCES, count, p=(0.2, 0.2, 0.6))),
        )
        counts = writer.close()
    files = {
        kind: {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for kind, path in paths.items()
    }
    return {"name": name, **counts, "files": files}
