"""A corpus of several shards that keeps some of its documents, and what of it has to be tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pyarrow.parquet as pq
from inprocess import sift
from support import prose
from vocabularies import small_vocabulary

from tamis.pipeline.ingest import shard_writer
from tamis.tokenize.shards import id_hash
from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import load

STAGES = '''
"""A stage that edits, and one that judges."""
from dataclasses import dataclass
from typing import ClassVar
import pyarrow as pa
import pyarrow.compute as pc

@dataclass(frozen=True)
class Louder:
    """Texts with an o in them in capitals."""
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("text", pa.large_string())])

    def measure(self, batch):
        texts = batch.column("text")
        loud = pc.if_else(pc.match_substring(texts, "bo"), pc.utf8_upper(texts), None)
        return pa.record_batch([loud.cast(pa.large_string())], schema=self.gives)

@dataclass(frozen=True)
class Size:
    """How many characters there are."""
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("characters", pa.int32())])

    def measure(self, batch):
        return pa.record_batch([pc.utf8_length(batch.column("text"))], schema=self.gives)
'''
RECIPE = """
[ingest]
shard_bytes = 30000

[[stage]]
kind = "loudness:Louder"

[[stage]]
kind = "loudness:Size"
[stage.rules]
short = { column = "characters", min = 60 }
"""
FILE = 40
SOURCES = ("web", "books", None)


class Kept(NamedTuple):
    """What is known of a document that is kept."""

    id_hash: int
    text: str
    source: str
    bytes: int


def kept_corpus(place: Path, documents: int = 500) -> None:
    """In a directory: documents `in`, `corpus`, what `write` made of it, and a vocabulary `v`."""
    (place / "loudness.py").write_text(STAGES)
    (place / "r.toml").write_text(RECIPE)
    (place / "in").mkdir()
    texts = prose(3, documents)
    for first in range(0, documents, FILE):  # several in a shard, each a row group
        with (place / "in" / f"{first:05d}.jsonl").open("w", encoding="utf-8") as file:
            for number in range(first, min(first + FILE, documents)):
                text = texts[number] + "\u2581é\0"[: number % 4]
                row = {"id": f"d{number}", "text": text, "source": SOURCES[number % 3]}
                file.write(json.dumps(row) + "\n")
    # More than a shard of which nothing is kept.
    (place / "in" / "00100.jsonl").write_text('{"text": "too short"}\n' * 3000)
    small_vocabulary(place / "v")
    with mock.patch.object(shard_writer, "ROW_GROUP_ROWS", 1):
        sift(place, "run", "r.toml", "in", "-o", "corpus")


def written(folder: Path) -> dict[str, list[Kept]]:
    """The documents that `write` wrote, by shard, but for shards without any."""
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        rows = pq.read_table(path, columns=["id", "text", "source"]).to_pylist()
        if rows:
            found[path.stem] = [
                Kept(id_hash(r["id"]), r["text"], r["source"] or "unknown", len(r["text"].encode()))
                for r in rows
            ]
    return found


def decoded(folder: Path, bos: bool = True, eos: bool = True) -> dict[str, list[Kept]]:
    """The documents of a folder of tokens, by shard; each begins and ends as it should."""
    vocabulary = load(folder / "tokenizer")
    found: dict[str, list[Kept]] = {}
    for shard in Tokens.open(folder).shards:
        starts = [0, *shard.ends.tolist()]
        rows = shard.documents.to_pylist()
        documents = found.setdefault(shard.name, [])
        for row, start, stop in zip(rows, starts[:-1], starts[1:], strict=True):
            ids = shard.tokens[start:stop].tolist()
            assert ids[:bos] == [vocabulary.bos][:bos]
            assert ids[len(ids) - eos :] == [vocabulary.eos][:eos]
            inner = ids[bos : len(ids) - eos]
            assert not {vocabulary.bos, vocabulary.eos} & {*inner}
            text = vocabulary.decode(inner)
            documents.append(Kept(row["id_hash"], text, row["source"], row["bytes"]))
    return found


def flat(shards: dict[str, list[Kept]]) -> list[Kept]:
    """All documents of all shards."""
    return [document for documents in shards.values() for document in documents]
