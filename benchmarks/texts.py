"""Real text of any size: documents of a data directory, recombined by paragraph, seeded.

Without a data directory the documentation installed on the machine is used. What was made is kept
below build/bench/ and made again only for another size or source.
"""

from __future__ import annotations

import gzip
import hashlib
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import orjson

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / "build" / "bench"
DEFAULT_DATA = ROOT.parent / "shared" / "data"
SEED = 0
POOL_BYTES = 64_000_000
_DRAWN = 10_000


@dataclass(frozen=True)
class Pool:
    """What documents are made of: the paragraphs of real ones, and how many each had."""

    name: str
    paragraphs: list[str]
    lengths: list[int]


def pool(data: Path | None) -> Pool:
    """The paragraphs of a data directory, by default of the one beside the repository.

    Raises FileNotFoundError for a directory that was named and holds no text.
    """
    directory = data or (DEFAULT_DATA if DEFAULT_DATA.is_dir() else None)
    texts = of_directory(directory) if directory else of_installed()
    paragraphs: list[str] = []
    lengths: list[int] = []
    size = 0
    for text in texts:
        parts = [part for part in text.split("\n\n") if part.strip()]
        if parts:
            paragraphs += parts
            lengths.append(len(parts))
            size += len(text)
        if size > POOL_BYTES:
            break
    if not paragraphs:
        raise FileNotFoundError(f"no text in {directory or 'what is installed'}")
    return Pool("data" if directory else "installed", paragraphs, lengths)


def of_directory(directory: Path) -> Iterator[str]:
    """English web and edited text, then the main text of web pages."""
    for pattern, key in (("text_en/*.jsonl.gz", "text"), ("html_pages/*.jsonl.gz", "gold_text")):
        for path in sorted(directory.glob(pattern)):
            with gzip.open(path) as file:
                for line in file:
                    if text := orjson.loads(line).get(key):
                        yield text


def of_installed() -> Iterator[str]:
    from tamis.pipeline.ingest.installed import list_installed

    for source in list_installed():
        if source.format == "text" and not source.compression:
            try:
                yield Path(source.path).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue


def documents(pool: Pool, size: int, seed: int = SEED) -> Iterator[str]:
    """Documents of paragraphs drawn from the pool, as long as real ones, some size bytes in all."""
    draw = random.Random(seed)
    made = 0
    while made < size:
        lengths = draw.choices(pool.lengths, k=_DRAWN)
        for length in lengths:
            text = "\n\n".join(draw.choices(pool.paragraphs, k=length))
            made += len(text.encode())
            yield text
            if made >= size:
                return


def files(pool: Pool, megabytes: float, count: int = 1, compressed: bool = True) -> list[Path]:
    """JSON lines of so much text, in so many files; those that are there are used again."""
    digest = hashlib.blake2b(digest_size=4)
    for part in islice(pool.paragraphs, None, None, 97):
        digest.update(part.encode())
    name = f"{pool.name}-{digest.hexdigest()}-{megabytes:g}MB-{count}"
    directory = SCRATCH / "texts" / name
    ending = "jsonl.gz" if compressed else "jsonl"
    paths = [directory / f"part-{number:02d}.{ending}" for number in range(count)]
    directory.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(paths):
        if not path.is_file():
            temporary = path.with_name(f".{path.name}.tmp")
            with gzip.open(temporary, "wb", 6) if compressed else temporary.open("wb") as file:
                _write(file, documents(pool, int(megabytes * 1e6 / count), SEED + number), number)
            temporary.replace(path)
    return paths


def _write(file: BinaryIO | gzip.GzipFile, texts: Iterator[str], part: int) -> None:
    for number, text in enumerate(texts):
        record = {
            "id": f"{part}-{number}",
            "text": text,
            "url": f"https://site{number % 997}.example/{part}/{number}",
            "source": "bench",
        }
        file.write(orjson.dumps(record) + b"\n")


def text_bytes(paths: list[Path]) -> int:
    """How much text such files hold, in UTF-8."""
    size = 0
    for path in paths:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            size += sum(len(orjson.loads(line)["text"].encode()) for line in file)
    return size


def fresh(path: Path) -> Path:
    """The path, with nothing there."""
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
