"""Documents in families of near copies; what deduplication has to make of them in plain Python.

Every word is of lower-case letters, so that the shingles of a text are runs of five of its words.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

WORDS = ["".join(random.Random(n).choices("abcdefghijklmnop", k=7)) for n in range(4000)]
JUDGES = '''
"""Stages whose answers stand in the document: every outcome can be asked for."""
from dataclasses import dataclass
from typing import ClassVar
import pyarrow as pa
import pyarrow.compute as pc

def number(texts, letter):
    found = pc.struct_field(pc.extract_regex(texts, letter + "(?P<n>[0-9]+)"), "n")
    return found.cast(pa.int32())

@dataclass(frozen=True)
class Points:
    """The number behind `p` in the source."""
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("source",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("points", pa.int32())])

    def measure(self, batch):
        return pa.record_batch([number(batch.column("source"), "p")], schema=self.gives)

@dataclass(frozen=True)
class Rest:
    """How many words end in the letters of the alphabet up to `h`, by three."""
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("rest", pa.int32())])

    def measure(self, batch):
        count = [sum(map(text.count, "abcdefgh")) % 3 for text in batch.column("text").to_pylist()]
        return pa.record_batch([pa.array(count, pa.int32())], schema=self.gives)

@dataclass(frozen=True)
class Perplexity:
    """The number behind `x` in the source, as a perplexity."""
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("source",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("perplexity", pa.float32())])

    def measure(self, batch):
        found = number(batch.column("source"), "x").cast(pa.float32())
        return pa.record_batch([found], schema=self.gives)
'''


def edited(draw: random.Random, words: list[str], edits: int) -> list[str]:
    """Words with some of them replaced, dropped or doubled."""
    words = words[:]
    for _ in range(edits):
        place = draw.randrange(len(words))
        words[place : place + 1] = draw.choice([[draw.choice(WORDS)], [], [words[place]] * 2])
    return words


def family(draw: random.Random) -> list[str]:
    """One document alone, copies, variants of one, or a chain, each like the one before."""
    words = draw.choices(WORDS, k=draw.randint(30, 90))
    kind, size = draw.choice(["alone", "copies", "star", "star", "chain", "chain"]), 0
    texts = [" ".join(words)]
    while kind != "alone" and (size := size + 1) <= draw.randint(1, 7):
        if kind == "copies" or draw.random() < 0.25:
            texts.append(draw.choice(texts))
        else:
            varied = edited(draw, words, draw.randint(1, 3 if kind == "chain" else 5))
            texts.append(" ".join(varied))
            words = varied if kind == "chain" else words
    return texts


def pages(seed: int, families: int) -> list[dict[str, Any]]:
    """Documents of many families in any order, each with points, a perplexity and a date."""
    draw = random.Random(seed)
    texts = [text for _ in range(families) for text in family(draw)]
    draw.shuffle(texts)
    return [
        {
            "id": f"d{number}",
            "text": text,
            "source": f"p{draw.randint(0, 9)}" + draw.choice(["", f"x{draw.randint(1, 6)}"]),
            "url": f"https://{draw.choice('ab')}.example/{draw.randrange(len(texts))}",
            "date": draw.choice([None, f"20{draw.randint(10, 25)}-0{draw.randint(1, 9)}-01"]),
        }
        for number, text in enumerate(texts)
    ]


def save(place: Path, rows: list[dict[str, Any]], files: int = 1) -> None:
    """Writes documents as JSON lines, and the stages that judge them beside."""
    (place / "judges.py").write_text(JUDGES)
    (place / "in").mkdir(exist_ok=True)
    for number in range(files):
        with (place / "in" / f"{number}.jsonl").open("w") as out:
            for row in rows[len(rows) * number // files : len(rows) * (number + 1) // files]:
                out.write(json.dumps(row) + "\n")


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = text.split()
    if len(words) < 5:
        return frozenset([tuple(words)] if words else [])
    return frozenset(zip(*(words[place:] for place in range(5)), strict=False))


def similar(one: str, two: str) -> float:
    """The Jaccard index of the runs of five words of two texts."""
    left, right = shingles(one), shingles(two)
    return len(left & right) / len(left | right)


def points(row: dict[str, Any]) -> int:
    return int(row["source"][1])


def rest(row: dict[str, Any]) -> int:
    return sum(map(row["text"].count, "abcdefgh")) % 3


@dataclass
class Answer:
    """What a corpus says of every document, by id."""

    corpus: Path
    stage: str = "dedup"
    rows: list[dict[str, Any]] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for shard in sorted((self.corpus / "documents").glob("*.parquet")):
            documents = pq.read_table(shard).to_pylist()
            folders = [f for f in (self.corpus / "signals").iterdir() if f.name != "ingest"]
            signals = [pq.read_table(f / shard.name).to_pylist() for f in folders]
            for document, *found in zip(documents, *signals, strict=True):
                row = document | {"number": len(self.rows)}
                for signal in found:
                    row |= signal
                self.rows.append(row)
        for shard in (self.corpus / "cleaned").glob("*.parquet"):
            self.kept |= {*pq.read_table(shard, columns=["id"])["id"].to_pylist()}

    def column(self, name: str) -> str:
        return name if self.stage == "dedup" else f"{self.stage}_{name}"

    def clusters(self) -> list[list[dict[str, Any]]]:
        """The documents that the stage looked at, by cluster; one alone is one of its own."""
        found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows:
            if row[f"{self.stage}_status"] == 1:
                cluster = row[self.column("duplicate_cluster")]
                found[row["number"] if cluster is None else cluster].append(row)
        return list(found.values())
