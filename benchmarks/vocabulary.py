"""Bytes per token by language and by size of vocabulary: docs/vocabulary.md.

One document in ten of the data directory is kept apart by its digest; from the others `learn`
takes a sample, the same bytes of every source, and learns 128,000 pieces, of which 32,000 are a
part. What was kept apart is measured: ntrex128, the same news in 120 languages, and text_en. A
second pair of vocabularies, of English alone, tells what newlines are worth: texts whole, by lines.

    .venv/bin/python benchmarks/vocabulary.py --data DIR
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from texts import DEFAULT_DATA

from tamis.pipeline import recipe as recipes
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.sift import Sift
from tamis.pipeline.texts import temporary_corpus
from tamis.pipeline.tokens import fertility
from tamis.pipeline.tokens.learn import Settings, learn
from tamis.pipeline.tokens.sample import Part
from tamis.tokenize.training import smaller, train
from tamis.tokenize.vocabulary import MODEL, Vocabulary, load

SHOWN = (
    *("eng", "deu", "fra", "spa", "vie", "fin", "tur", "rus", "ell", "ara", "heb", "hin", "ben"),
    *("tam", "tha", "mya", "bod", "amh", "kat", "zho", "jpn", "kor"),
)
SIZES = (8_000, 16_000, 32_000, 64_000, 128_000)


def records(data: Path, apart: bool) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The documents that are kept apart, or the others."""
    for path in sorted(data.glob("*/*.jsonl.gz")):
        with gzip.open(path) as file:
            for row in map(orjson.loads, file):
                text = row.get("text")
                if isinstance(text, str) and text and (_draw(text) == 0) is apart:
                    yield path, row


def _draw(text: str) -> int:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=1).digest()[0] % 10


def learnt(data: Path, folder: Path) -> Vocabulary:
    """128,000 pieces of what is not kept apart."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "learn.jsonl"
        with path.open("wb") as file:
            for n, (_, row) in enumerate(records(data, apart=False)):
                kept = {"id": str(n), "text": row["text"], "source": row.get("source")}
                file.write(orjson.dumps(kept) + b"\n")
        with temporary_corpus([str(path)], IngestOptions(), None, quiet=True) as corpus:
            return learn(Sift(corpus, recipes.nothing()), folder, Settings(128_000))


def reduced(vocabulary: Vocabulary, size: int, folder: Path) -> Vocabulary:
    return _written(smaller(vocabulary.path.read_bytes(), size), folder / str(size))


def _written(model: bytes, folder: Path) -> Vocabulary:
    folder.mkdir(parents=True)
    (folder / MODEL).write_bytes(model)
    return load(folder)


def show(name: str, rows: list[float]) -> None:
    """One row: bytes per token of every size, and what the last spares against 32,000."""
    against = rows[SIZES.index(32_000)]
    cells = " | ".join(f"{value:.2f}" for value in rows)
    print(f"| {name} | {cells} | {100 * (1 - against / rows[-1]):.0f} % |")


def by_language(vocabularies: list[Vocabulary], data: Path) -> None:
    """The tables of ntrex128 and text_en."""
    apart = list(records(data, apart=True))
    news = [_part(row, row["lang"]) for path, row in apart if path.name.startswith("ntrex")]
    english = [_part(row, path.stem) for path, row in apart if path.parent.name == "text_en"]
    print(f"| | {' | '.join(f'{size // 1000}k' for size in SIZES)} | 128k spares |")
    print(f"|---|{'---:|' * (len(SIZES) + 1)}")
    found = [fertility.measure(one, english)["all"]["bytes_per_token"] for one in vocabularies]
    show("text_en", found)
    tables = [fertility.measure(one, news)["languages"] for one in vocabularies]
    per_token = {name: [table[name]["bytes_per_token"] for table in tables] for name in tables[0]}
    for name in SHOWN:
        if name in per_token:
            show(name, per_token[name])
    medians = [statistics.median(column) for column in zip(*per_token.values(), strict=True)]
    show(f"median of {len(per_token)} languages", medians)


def _part(row: dict[str, Any], group: str) -> Part:
    text = row["text"].encode(errors="replace")
    return Part("", group, text, len(text))


def newlines(data: Path, folder: Path) -> None:
    """Bytes per token of English at 32,000, learnt from whole texts and by lines."""
    english = [row["text"] for path, row in records(data, False) if path.parent.name == "text_en"]
    lines = chain.from_iterable(text.split("\n") for text in english)
    made = [_written(train(texts, 32_000), folder / name) for name, texts in
            (("whole", english), ("lines", lines))]  # fmt: skip
    apart = [
        _part(row, path.name.removesuffix(".jsonl.gz"))
        for path, row in records(data, True)
        if path.parent.name == "text_en"
    ]
    whole, by_line = (fertility.measure(one, apart)["languages"] for one in made)
    print("| text_en, kept apart | with newlines | by lines | |\n|---|---:|---:|---:|")
    for name, row in whole.items():
        a, b = row["bytes_per_token"], by_line[name]["bytes_per_token"]
        print(f"| {name} | {a:.3f} | {b:.3f} | {100 * (a / b - 1):+.1f} % |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as place:
        started = time.perf_counter()
        large = learnt(data, Path(place) / "large")
        facts = orjson.loads((Path(place) / "large/vocabulary.json").read_bytes())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        text = facts["sample"]
        print(
            f"learnt from {text['documents']:,} documents, {text['bytes'] / 1e6:.1f} MB, of "
            f"{len(text['sources'])} sources in {time.perf_counter() - started:.0f} s with "
            f"{peak:,.0f} MB"
        )
        sizes = [reduced(large, size, Path(place)) for size in SIZES if size < large.size]
        by_language([*sizes, large], data)
        newlines(data, Path(place))


if __name__ == "__main__":
    main()
