"""Known dirt in clean text: whether an experiment finds what taking it out is worth.

    .venv/bin/python benchmarks/calibration.py CORPUS HELDOUT OUT [--tokens N] [-- ablate's options]

CORPUS is one that was sifted, whose kept text is taken as clean; HELDOUT the held-out files of an
experiment on it. Each kind of dirt has a corpus of its own below OUT, raw with it and a recipe that
takes it out, and an experiment: the recipe has to be better, and chance (`random`) not. Replacing a
share p of the tokens by random ones has to be worth 1 / (1 - p) as many tokens or more. The table
goes into docs/worth.md.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from heuristics_page import put
from texts import DEFAULT_DATA
from worth import foreign, tamis, write
from worth_page import PAGE, table

LONGEST = 20_000
"""Bytes of a clean document: longer ones would be a large part of so small a pool."""
BY_SOURCE = """[[stage]]
kind = "noop"
[stage.rules]
clean = { column = "source", in = ["clean"] }
"""
LANGUAGE = """[[stage]]
kind = "language"
[stage.rules]
english = { column = "language", in = ["en"] }
"""
COPIES = """[[stage]]
kind = "dedup"
[stage.rules]
duplicate = { column = "duplicate", max = 0 }
"""
TIMES = 20
Row = dict[str, Any]


class Dirt(NamedTuple):
    """What is mixed into clean text, and the recipe that takes it out."""

    name: str
    share: float
    """Of all bytes."""
    make: Callable[[list[str], Path], Iterator[str]]
    """Dirty texts without an end, from clean ones that are not in the pool."""
    recipe: str


def random_words(texts: list[str], data: Path) -> Iterator[str]:
    """Words drawn evenly from all different ones."""
    draw = random.Random(1)
    words = sorted({word for text in texts for word in text.split()})
    while True:
        yield " ".join(draw.choices(words, k=300))


def shuffled(texts: list[str], data: Path) -> Iterator[str]:
    """The words of clean documents in any order."""
    draw = random.Random(2)
    for text in texts:
        words = text.split()
        draw.shuffle(words)
        yield " ".join(words)


def repeated(texts: list[str], data: Path) -> Iterator[str]:
    """Clean documents, each as often as it takes."""
    for text in texts:
        yield from [text] * TIMES


def other_languages(texts: list[str], data: Path) -> Iterator[str]:
    """Short texts in hundreds of languages, joined to documents of a usual length."""
    some: list[str] = []
    for row in foreign(data):
        some.append(row["text"])
        if sum(map(len, some)) > 1500:
            yield "\n".join(some)
            some = []


DIRT = (
    Dirt("random words, p = 0.1", 0.1, random_words, BY_SOURCE),
    Dirt("random words, p = 0.2", 0.2, random_words, BY_SOURCE),
    Dirt("random words, p = 0.4", 0.4, random_words, BY_SOURCE),
    Dirt("a fifth of the words shuffled", 0.2, shuffled, BY_SOURCE),
    Dirt("half is other languages", 0.5, other_languages, LANGUAGE),
    Dirt(f"half is documents {TIMES} times", 0.5, repeated, COPIES),
)


def main() -> None:
    """Runs what is missing of all experiments, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("heldout", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--tokens", type=int, default=500_000)
    asked, more = parser.parse_known_args()
    size = 10 * asked.tokens  # raw is trained on twice as many, of 3 bytes at most
    clean, spare = clean_texts(asked.corpus, size)
    found = []
    for number, dirt in enumerate(DIRT):
        place = asked.out / str(number)
        write(place / "pool.jsonl", mixed(clean, spare, dirt, size, asked.data))
        (place / "recipe.toml").write_text(f'name = "clean"\n{dirt.recipe}')
        corpus, experiment = place / "corpus", place / "experiment"
        tamis("ingest", place / "pool.jsonl", "-o", corpus, "--recipe", place / "recipe.toml")
        domains = [f"--heldout={path}" for path in sorted(asked.heldout.glob("[!p]*.jsonl"))]
        how = ["--arms", "raw,full,random", "--tokens", asked.tokens, *domains]
        tamis("ablate", corpus, "-o", experiment, *how, *(one for one in more if one != "--"))
        verdict = json.loads((experiment / "verdict.json").read_text())
        found.append((dirt.name, {"share": dirt.share, "verdict": verdict}))
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(put(page, "known dirt", table(found)), encoding="utf-8")


def clean_texts(corpus: Path, size: int) -> tuple[list[str], list[str]]:
    """So many bytes of kept documents by chance, and as many others."""
    texts: list[str] = []
    for path in sorted((corpus / "cleaned").glob("*.parquet")):
        texts += pq.read_table(path, columns=["text"])["text"].to_pylist()
    random.Random(0).shuffle(texts)
    parts: tuple[list[str], list[str]] = ([], [])
    have = [0, 0]
    for text in texts:
        part = have[0] >= size
        if (length := len(text.encode())) <= LONGEST and have[part] < size:
            parts[part].append(text)
            have[part] += length
    return parts


def mixed(clean: list[str], spare: list[str], dirt: Dirt, size: int, data: Path) -> Iterator[Row]:
    """A pool of so many bytes, of which the dirt has its share."""
    for source, texts, wanted in (
        ("clean", iter(clean), size * (1 - dirt.share)),
        ("dirt", dirt.make(spare, data), size * dirt.share),
    ):
        have = 0
        while have < wanted:
            text = next(texts)
            have += len(text.encode())
            yield {"text": text, "source": source}


if __name__ == "__main__":
    main()
