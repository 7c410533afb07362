"""The beginnings of the sample documents: the only text that a report reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.report.figures import SHORT, plain
from tamis.pipeline.report.nearest import Place, Samples
from tamis.pipeline.report.panels import sides
from tamis.pipeline.rules import Rule
from tamis.pipeline.signals import ShardReader
from tamis.pipeline.stage import Stage

SHOWN = 600  # characters of a text


@dataclass(frozen=True)
class Beginning:
    """A document as a sample shows it."""

    key: str
    id: str
    text: str
    characters: int
    columns: Mapping[str, pa.Array]
    """One row of each column that a rule reads."""

    @property
    def facts(self) -> dict[str, Any]:
        """The entry of report.json of a document that no rule is shown for."""
        return {
            "key": self.key,
            "id": self.id,
            "text": self.text,
            "characters": self.characters,
        }

    def entry(self, rule: Rule, side: str) -> dict[str, Any]:
        """The same with the value that a rule reads and the bound it is under."""
        value = self.columns[rule.column][0].as_py()
        return {
            "key": self.key,
            "id": self.id,
            "value": plain(value[:SHORT] if isinstance(value, str) else value),
            "bound": plain(dict(sides(rule.for_row(self.columns))).get(side)),
            "text": self.text,
            "characters": self.characters,
        }


def shown(
    samples: Sequence[Samples], documents: Mapping[Place, Beginning]
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """By stage and rule, its samples: side, outcome, and documents with value and beginning."""
    return {
        (one.stage.name, one.rule.name): [
            {
                "side": side,
                "outcome": outcome,
                "documents": [documents[place].entry(one.rule, side) for place in found.places],
            }
            for (side, outcome), found in sorted(one.nearest.items())
            if found.places
        ]
        for one in samples
    }


def beginnings(
    corpus: Corpus, stages: Sequence[Stage], samples: Sequence[Samples], more: Iterable[Place]
) -> dict[Place, Beginning]:
    """The documents of samples, and those in further places."""
    nearest = [each for one in samples for each in one.nearest.values()]
    places = {place for each in nearest for place in each.places} | set(more)
    columns = {column for one in samples for column in one.rule.columns}
    return _read(corpus, stages, places, columns)


def _read(
    corpus: Corpus, stages: Sequence[Stage], places: Iterable[Place], columns: set[str]
) -> dict[Place, Beginning]:
    """The documents at these places, each row group read once."""
    found: dict[Place, Beginning] = {}
    for shard, in_shard in groupby(sorted(places), lambda place: place[0]):
        name = corpus.shards[shard].name
        with ExitStack() as stack:
            reader = ShardReader(corpus, name, stages, stack)
            firsts = [0]
            for group in range(reader.row_groups):
                firsts.append(firsts[-1] + reader.rows(group))
            for group, in_group in groupby(in_shard, lambda place: place[1]):
                table = reader.read(group, {"id", "text", *columns})
                for place in in_group:
                    key = f"{name}:{firsts[group] + place[2]}"
                    found[place] = _beginning(key, table, place[2], columns)
    return found


def _beginning(key: str, table: Mapping[str, pa.Array], row: int, columns: set[str]) -> Beginning:
    text, identifier = table["text"][row].as_py(), table["id"][row].as_py()
    # Copies: a slice would keep its row group in memory.
    one = {name: pa.array([table[name][row].as_py()], table[name].type) for name in columns}
    return Beginning(key, identifier[:SHORT], text[:SHOWN], len(text), one)
