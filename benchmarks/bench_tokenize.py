"""Encoding: texts to ids beside sentencepiece and tokenizers, and commands beside datatrove.

All have the same vocabulary of 32,000, learnt here from other documents of the same text. Ids are
compared: sentencepiece's have to be ours in every text without U+2581, tokenizers' too. The others
are given lists of str, which they take, made beforehand; each has one thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from measuring import Row, command, in_process, interleave, median, plain, rate, side, tamis
from texts import SCRATCH, documents, files, fresh, pool

from tamis.tokenize import export, training
from tamis.tokenize.vocabulary import Vocabulary, load

MEGABYTES, WHOLE_COMMAND = 20.0, 100.0
"""Text of the encoders and of the commands: in 20 MB a command hardly does more than start."""
SIZE = 32_000
LEARNT_FROM = 40_000_000
TARGET, TARGET_RATIO = 7.0, 1.2


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    folder = vocabulary(data)
    return [
        *encoders(data, megabytes or MEGABYTES, rounds, folder),
        commands(data, megabytes or WHOLE_COMMAND, rounds, folder),
    ]


def vocabulary(data: Path | None) -> Path:
    """A folder with the vocabulary; one that is there is used again."""
    folder = SCRATCH / f"vocabulary-{pool(data).name}"
    if not (folder / export.FACTS).is_file():
        model = training.train(documents(pool(data), LEARNT_FROM, seed=7), SIZE)
        export.write(model, fresh(folder), {})
    return folder


def encoders(data: Path | None, megabytes: float, rounds: int, folder: Path) -> list[Row]:
    """Text in memory to ids in memory."""
    made, texts = load(folder), list(documents(pool(data), int(megabytes * 1e6)))
    works, found = {}, {}
    for name, maker in MAKERS.items():
        works[name], found[name] = maker(made, texts)
    samples = interleave(
        {name: lambda work=work: in_process(work) for name, work in works.items()},  # type: ignore[misc]
        rounds,
    )
    size = sum(len(text.encode()) for text in texts) / 1e6
    mine, ours = median(samples["tamis"]), found["tamis"]()
    table = []
    for name in MAKERS:
        if name == "tamis":
            continue
        other, theirs = median(samples[name]), found[name]()
        differ = sum(
            a != b for a, b, t in zip(ours, theirs, texts, strict=True) if "\u2581" not in t
        )
        table.append(
            Row(
                f"encoding, 32k pieces, {differ} of {len(texts):,} texts differ; other: {name}",
                rate(size, mine),
                rate(size, other),
                f"{other.cpu / mine.cpu:.1f}x",
                f">= {TARGET:g} MB/s",
                size / mine.cpu >= TARGET and not differ,
                {"samples": plain({n: samples[n] for n in ("tamis", name)}), "differ": differ},
            )
        )
    return table


Side = tuple[Callable[[], object], Callable[[], list[list[int]]]]


def ours(made: Vocabulary, texts: Sequence[str]) -> Side:
    """Arrow's buffers, as the command has them; what is remembered is from the round before."""
    column = pa.array(texts, pa.large_string())
    offsets = np.frombuffer(column.buffers()[1], np.int64)[: len(texts) + 1]
    letters = np.frombuffer(column.buffers()[2], np.uint8)

    def lists() -> list[list[int]]:
        ids, ends = made.encode_column(letters, offsets)
        return [part.tolist() for part in np.split(ids, ends[:-1])]

    return lambda: load(made.path).encode_column(letters, offsets), lists


def library(made: Vocabulary, texts: Sequence[str]) -> Side:
    import sentencepiece

    encoder: Any = sentencepiece.SentencePieceProcessor(model_file=str(made.path))
    return lambda: encoder.encode(texts, num_threads=1), lambda: encoder.encode(texts)


def hugging_face(made: Vocabulary, texts: Sequence[str]) -> Side:
    from tokenizers import Tokenizer

    encoder: Any = Tokenizer.from_file(str(made.path.with_name("tokenizer.json")))
    encode = encoder.encode_batch_fast

    def lists() -> list[list[int]]:
        return [one.ids for one in encode(texts, add_special_tokens=False)]

    return lambda: encode(texts, add_special_tokens=False), lists


MAKERS = {"tamis": ours, "sentencepiece": library, "tokenizers": hugging_face}


def commands(data: Path | None, megabytes: float, rounds: int, folder: Path) -> Row:
    """A corpus's documents to shuffled shards of tokens on disk; datatrove reads the same files."""
    source, scratch = files(pool(data), megabytes)[0], SCRATCH / "tokenize"
    corpus = fresh(scratch / "corpus")
    command(tamis("ingest", source, "-o", corpus, "--recipe", _nothing(scratch)))
    out = scratch / "tokens"
    options = ["--vocabulary", folder, "--workers", "1"]
    samples = interleave(
        {
            "tamis": lambda: command(tamis("tokenize", corpus, "-o", fresh(out), *options)),
            "datatrove": lambda: command(
                side("datatrove-tokenize", corpus / "documents", fresh(out), folder)
            ),
        },
        rounds,
    )
    mine, other = median(samples["tamis"]), median(samples["datatrove"])
    ratio = other.cpu / mine.cpu
    return Row(
        f"corpus to shuffled tokens, {megabytes:g} MB, whole command; other: DocumentTokenizer",
        rate(megabytes, mine),
        rate(megabytes, other),
        f"{ratio:.1f}x",
        f">= {TARGET_RATIO:g}x",
        ratio >= TARGET_RATIO,
        {"samples": plain(samples)},
    )


def _nothing(folder: Path) -> Path:
    """A recipe that keeps everything."""
    path = folder / "nothing.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('name = "nothing"\n')
    return path
