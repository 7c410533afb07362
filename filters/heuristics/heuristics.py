"""The measure of every published heuristic: a document is segmented once, all sets read that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple
from unicodedata import normalize

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tamis.filters.heuristics import dclm, fineweb, gopher, rps, rps_lines
from tamis.filters.heuristics.signals import Signal, schema
from tamis.filters.heuristics.stop_words import STOP_WORDS, table
from tamis.filters.kernels.arrays import Bytes, Floats, Hashes, Ints, Longs
from tamis.filters.kernels.compiled import at, cache_folder, kernel
from tamis.filters.kernels.document import (
    Document,
    merge,
    room_for,
    segment,
    take_words,
)
from tamis.filters.kernels.edits import texts
from tamis.filters.kernels.lines import NEWLINE
from tamis.filters.kernels.signs import count_signs
from tamis.filters.kernels.unicode_tables import Tables, tables

Set = Literal["gopher", "fineweb", "dclm", "rps"]
SETS: Mapping[Set, tuple[Signal, ...]] = {
    "gopher": gopher.SIGNALS,
    "fineweb": fineweb.SIGNALS,
    "dclm": dclm.SIGNALS,
    "rps": (*rps.SIGNALS, rps.STOP_WORDS),
}
_GOPHER, _FINEWEB, _DCLM, _RPS = range(4)


@dataclass(frozen=True)
class Heuristics:
    """Every quantity of Gopher, FineWeb, DCLM and RedPajama-V2, one column each."""

    sets: tuple[Set, ...] = ("gopher", "fineweb", "dclm", "rps")
    """The rule sets whose columns are given."""

    language: str = "en"
    """The language whose stop words count, where no column says it."""

    language_column: str = ""
    """The column that names each document's language; stop words of an unknown one are null."""

    stop_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By language, in place of the words that tamis has for it."""

    rps_stop_words: str = ""
    """A JSON file of words by language, as stopwords-json's; gives rps_doc_stop_word_fraction."""

    version: ClassVar[int] = 1

    @property
    def needs(self) -> tuple[str, ...]:
        return ("text", self.language_column) if self.language_column else ("text",)

    @property
    def gives(self) -> pa.Schema:
        return schema([*self._numbers(), *self._lists()])

    def assets(self) -> dict[str, Path]:
        """The list of stop words, where one is given."""
        return {"rps_stop_words": Path(self.rps_stop_words)} if self.rps_stop_words else {}

    def prepare(self) -> None:
        """Compiles the kernels and makes the tables, which are kept on disk, unless they are."""
        folder = cache_folder()
        mark = folder / "heuristics.ready" if folder else None
        if mark and not mark.exists():
            text = pa.array(["One document."], pa.large_string())
            Heuristics().measure(pa.record_batch([text], names=["text"]))
            mark.touch()

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The columns of the sets, null where a quantity is not defined: a share of nothing."""
        text = batch.column("text")
        data, offsets = texts(text)
        blocks = self._blocks()
        out = np.empty((max(block.stop for block in blocks), len(text)), np.float64)
        bounds, values = _room_for_lines(offsets, data, "rps" in self.sets)
        largest = int(np.diff(offsets).max(initial=0))
        _measure(
            data,
            offsets,
            room_for(largest),
            tables(),
            self._stops(batch),
            np.array([(block.start, block.stop) for block in blocks], np.int64),
            out,
            bounds,
            values,
        )
        columns = [_column(signal, out[row]) for row, signal in self._places(blocks)]
        if "rps" in self.sets:
            columns += _lists(values, bounds)
        return pa.record_batch(columns, schema=self.gives)

    def _blocks(self) -> list[slice]:
        """The rows of the output that belong to every set; none to one that is not asked for."""
        blocks, start = [], 0
        for name, signals in SETS.items():
            stop = start + (len(signals) if name in self.sets else 0)
            blocks.append(slice(start, stop))
            start = stop
        return blocks

    def _places(self, blocks: list[slice]) -> Iterable[tuple[int, Signal]]:
        for signals, block in zip(SETS.values(), blocks, strict=True):
            for place, signal in zip(range(block.start, block.stop), signals, strict=False):
                if signal is not rps.STOP_WORDS or self.rps_stop_words:
                    yield place, signal

    def _numbers(self) -> list[Signal]:
        return [signal for _, signal in self._places(self._blocks())]

    def _lists(self) -> tuple[Signal, ...]:
        return rps_lines.LINE_SIGNALS if "rps" in self.sets else ()

    def _stops(self, batch: pa.RecordBatch) -> Stops:
        chosen = {**STOP_WORDS, **{k: tuple(v) for k, v in self.stop_words.items()}}
        listed = _read_lists(self.rps_stop_words) if self.rps_stop_words else {}
        known = sorted({*chosen, *listed})
        if self.language_column:
            codes = pc.index_in(batch.column(self.language_column), pa.array(known, pa.string()))
            rows = pc.fill_null(codes, len(known)).to_numpy(zero_copy_only=False)
        else:
            place = known.index(self.language) if self.language in known else len(known)
            rows = np.full(batch.num_rows, place, np.int32)
        return Stops(
            rows.astype(np.int32),
            _packed(tuple(chosen.get(code, ()) for code in known), False),
            _packed(tuple(chosen.get(code, ()) for code in known), True),
            _packed(tuple(listed.get(code, ()) for code in known), False),
            *_outlines(tuple(chosen.get(code, ()) for code in known)),
        )


class Packed(NamedTuple):
    """Hash tables of stop words, one language after another; the last is empty."""

    places: Hashes
    bounds: Longs


class Stops(NamedTuple):
    """Which language every document has, and the tables of stop words."""

    languages: Ints
    exact: Packed
    folded: Packed
    listed: Packed
    longest: Longs
    firsts: Longs
    """Of the folded words of every language, as dclm.Stops has them."""


@lru_cache(maxsize=8)
def _packed(lists: tuple[tuple[str, ...], ...], folded: bool) -> Packed:
    parts = [*(table(words, folded) for words in lists), np.zeros(0, np.uint64)]
    bounds = np.cumsum([0, *(len(part) for part in parts)])
    return Packed(np.concatenate(parts), bounds.astype(np.int64))


@lru_cache(maxsize=8)
def _outlines(lists: tuple[tuple[str, ...], ...]) -> tuple[Longs, Longs]:
    folded = [[normalize("NFD", word.lower()) for word in words] for words in (*lists, ())]
    longest = [max(map(len, words), default=0) for words in folded]
    firsts = [sum({1 << (ord(word[0]) & 31) for word in words if word}) for words in folded]
    return np.array(longest, np.int64), np.array(firsts, np.int64)


@lru_cache(maxsize=4)
def _read_lists(path: str) -> Mapping[str, tuple[str, ...]]:
    try:
        found = json.loads(Path(path).read_bytes())
        return {str(code): tuple(map(str, words)) for code, words in found.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is no JSON object of word lists by language: {error}") from error


@kernel
def _measure(
    data: Bytes,
    offsets: Longs,
    doc: Document,
    known: Tables,
    stops: Stops,
    blocks: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
    bounds: Ints,
    values: rps_lines.LineValues,
) -> None:
    """Measures every document; a set whose block is empty is left out."""
    sizes = blocks[:, 1] - blocks[:, 0]
    for row in range(len(offsets) - 1):
        segment(doc, data, offsets[row], offsets[row + 1], known.flags)
        language = stops.languages[row]
        if sizes[_GOPHER] or sizes[_DCLM] or sizes[_RPS]:
            count_signs(doc)
        if sizes[_GOPHER] or sizes[_DCLM]:
            take_words(doc)
        if sizes[_DCLM]:  # over the standard's words, addresses in their parts
            folded = dclm.Stops(
                _table(stops.folded, language), stops.longest[language], stops.firsts[language]
            )
            dclm.dclm(doc, folded, known, out[blocks[_DCLM, 0] : blocks[_DCLM, 1], row])
        merged = (sizes[_GOPHER] or sizes[_FINEWEB]) and merge(doc)
        if sizes[_GOPHER]:
            if merged:
                take_words(doc)
            words = _table(stops.exact, language)
            gopher.gopher(doc, words, out[blocks[_GOPHER, 0] : blocks[_GOPHER, 1], row])
        if sizes[_FINEWEB]:
            fineweb.fineweb(doc, out[blocks[_FINEWEB, 0] : blocks[_FINEWEB, 1], row])
        if sizes[_RPS]:  # last, since it overwrites the words
            words = _table(stops.listed, language)
            part = _of_lines(values, bounds[row], bounds[row + 1])
            rps.rps(doc, words, known, part, out[blocks[_RPS, 0] : blocks[_RPS, 1], row])


@kernel
def _table(packed: Packed, language: int) -> Hashes:
    return packed.places[packed.bounds[language] : packed.bounds[language + 1]]


@kernel
def _of_lines(values: rps_lines.LineValues, start: int, stop: int) -> rps_lines.LineValues:
    return rps_lines.LineValues(
        values.words[start:stop],
        values.javascripts[start:stop],
        values.numerical[start:stop],
        values.uppercase[start:stop],
        values.terminal[start:stop],
        values.bullets[start:stop],
    )


@kernel
def _line_bounds(data: Bytes, offsets: Longs, bounds: Ints) -> None:
    """Where the lines of every document begin among those of all; an empty last line is none."""
    bounds[0] = 0
    for row in range(len(offsets) - 1):
        start, stop = offsets[row], offsets[row + 1]
        found = 0
        for place in range(start, stop):
            found += data[at(place)] == NEWLINE
        open_ended = stop > start and data[stop - 1] != NEWLINE
        bounds[row + 1] = bounds[row] + found + open_ended


def _room_for_lines(offsets: Longs, data: Bytes, wanted: bool) -> tuple[Ints, rps_lines.LineValues]:
    bounds = np.zeros(len(offsets), np.int32)
    if wanted:
        _line_bounds(data, offsets, bounds)
    total = int(bounds[-1])
    return bounds, rps_lines.room_for(total)


def _column(signal: Signal, values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values)).cast(signal.type, safe=False)


def _lists(values: rps_lines.LineValues, bounds: Ints) -> list[pa.Array]:
    return [pa.ListArray.from_arrays(pa.array(bounds), pa.array(part)) for part in values]
