"""Three months of a crawl: each is held against an index of what those before it published."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tamis.pipeline import recipe as recipes
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.publish import Appended, append
from tamis.pipeline.engine import Local
from tamis.pipeline.recipe import Recipe

WORDS, CHANGED = 240, 4
"""Four words of 240 in another place: a similarity of 0.84; eight: of 0.71."""

RECIPE = """
[ingest]
shard_bytes = 12_000

[[stage]]
kind = "dedup"
similarity = 0.8
{index}
[stage.rules]
duplicate = {{ column = "duplicate", max = 0 }}

[[stage]]
kind = "banning_stage:Banning"
[stage.rules]
none = {{ column = "banned", max = 0 }}
"""
BANNING = """
from dataclasses import dataclass
from typing import ClassVar
import pyarrow as pa
import pyarrow.compute as pc

@dataclass(frozen=True)
class Banning:
    '''How often a text has the word `forbidden`.'''
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("banned", pa.int32())])

    def measure(self, batch):
        counts = pc.count_substring(batch.column("text"), "forbidden")
        return pa.record_batch([counts.cast(pa.int32())], schema=self.gives)
"""


def text(seed: int) -> list[str]:
    """Words of a document that nothing else is like."""
    draw = random.Random(seed)
    return [f"{draw.choice(['mill', 'rain', 'stone'])}{draw.randrange(5000)}" for _ in range(WORDS)]


def near(words: list[str], turn: int, word: str = "elsewhere") -> list[str]:
    """A copy with four words changed; copies of other turns, up to 5, have theirs elsewhere."""
    changed = list(words)
    for place in range(CHANGED):
        changed[20 + 10 * turn + 55 * place] = f"{word}{turn}{place}"
    return changed


P, A, B, C, D = (text(seed) for seed in range(5))
BRIDGE = near(P, 0)
Q = near(BRIDGE, 1)  # 0.84 to the bridge, 0.71 to P
MONTHS: dict[str, dict[str, list[str]]] = {
    "jan": {
        "p": P,
        "q": Q,
        "p-again": near(P, 2),
        "barred": near(A, 0, "forbidden"),  # keeper of a first round that a later rule rejects
        "passed": near(A, 1),
        "gone": [*B, "forbidden"],
    },
    "feb": {
        "bridge": BRIDGE,
        "of-p": near(P, 3),
        "of-of-p": near(near(P, 3), 4),
        "of-passed": near(near(A, 1), 2),
        "of-gone": B,
        "new": C,
        "new-again": near(C, 0),
        "alone": D,
        **{f"other-{seed}": text(100 + seed) for seed in range(20)},
    },
    "mar": {"p-at-last": P, "of-new": near(C, 1), "of-first": near(near(near(P, 3), 4), 5)},
}


@dataclass(frozen=True)
class Months:
    """Corpora by month, and the index that all of them are in."""

    root: Path
    appended: dict[str, Appended]

    @property
    def index(self) -> Path:
        return self.root / "index"

    def corpus(self, name: str) -> Corpus:
        return Corpus.open(self.root / name)

    def recipe(self, name: str, *changes: str) -> Recipe:
        return recipes.load(str(self.root / name / "recipe.toml"), changes)

    def signals(self, name: str, place: str = "dedup") -> dict[str, dict[str, Any]]:
        """The signals of every document by its id."""
        found = {}
        for shard in self.corpus(name).shards:
            ids = pq.read_table(self.root / name / "documents" / f"{shard.name}.parquet")["id"]
            table = pq.read_table(self.root / name / "signals" / place / f"{shard.name}.parquet")
            found |= dict(zip(ids.to_pylist(), table.to_pylist(), strict=True))
        return found

    def append(self, name: str, index: Path, *changes: str, called: str = "") -> Appended:
        runner = Local(1, quiet=True)
        recipe = self.recipe(name, *changes)
        return append(self.corpus(name), recipe, index, called or name, None, runner)
