"""RefinedWeb's line-wise corrections (Penedo et al. 2023, arXiv 2306.01116, table 7).

The paper gives them by example; these are the edits that DCLM published, in the order of its
dclm_baseline_refinedweb.yaml. Its removal of URLs from the text, which comes first there, is left
out. DCLM drops a page if more than 5 % of its words are gone: here a rule does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tamis.filters.heuristics import refinedweb_lines
from tamis.filters.heuristics.refinedweb_lines import AFTER, BEFORE, Limits, Lines
from tamis.filters.heuristics.signals import Signal, schema
from tamis.filters.kernels import edits
from tamis.filters.kernels.arrays import Ints
from tamis.filters.kernels.unicode_tables import tables

_MODIFIERS = "DCLM, modifiers.py: "
_LINES = "lines removed because "
_WORDS = "words, as fastText cuts them, that start with a letter or digit"
# In the order of the columns of refinedweb_lines, but for the last.
DEFINITIONS = tuple(
    Signal(name, kind, definition, _MODIFIERS + source)
    for name, kind, definition, source in (
        (
            "refinedweb_lines",
            pa.int32(),
            "lines between newlines, long runs of newlines shortened",
            "newline_removal_modifier",
        ),
        (
            "refinedweb_lines_uppercase",
            pa.int32(),
            _LINES + "their share of capitals is over max_uppercase",
            "uppercase_ratio_line_modifier",
        ),
        (
            "refinedweb_lines_numeric",
            pa.int32(),
            _LINES + "their share of digits is over max_numeric",
            "numeric_ratio_line_modifier",
        ),
        (
            "refinedweb_lines_counter",
            pa.int32(),
            _LINES + "they only count something, as `3 likes`",
            "counter_line_modifier",
        ),
        (
            "refinedweb_lines_few_words",
            pa.int32(),
            _LINES + "they have fewer than min_words words, but for empty ones",
            "line_length_modifier",
        ),
        (
            "refinedweb_lines_phrase",
            pa.int32(),
            _LINES + "nothing is left of them without the phrases",
            "substring_line_modifier",
        ),
        (
            "refinedweb_phrases",
            pa.int32(),
            "`items in cart`, `Read more...`, `Sign-in` taken out of short lines",
            "substring_line_modifier",
        ),
        ("refinedweb_words", pa.int32(), _WORDS + ", before", "word_counter_enricher"),
        (
            "refinedweb_removed_words",
            pa.float32(),
            "share of these words that is gone; null if there were none",
            "word_removal_ratio_filter",
        ),
    )
)
TEXT = Signal("text", pa.large_string(), "what is left; null if nothing changed", "DCLM")


@dataclass(frozen=True)
class RefinedWeb:
    """Edits lines as RefinedWeb and DCLM did and counts by what rule; a text may end up empty."""

    max_newlines: int = 2
    """Longer runs of newlines are cut to this many; 0 leaves them."""
    max_uppercase: float = 0.5
    """Lines with a greater share of characters that are capitals are removed."""
    max_numeric: float = 0.999999
    """Lines with a greater share of characters that are digits are removed."""
    drop_counters: bool = True
    """Whether lines such as `3 likes` are removed."""
    min_words: int = 2
    """Lines with fewer words, by str.split, are removed unless they are empty."""
    max_phrase_words: int = 10
    """Phrases are taken out of lines of at most so many words; -1 leaves them."""

    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = schema([*DEFINITIONS, TEXT])

    def __post_init__(self) -> None:
        if min(self.max_newlines, self.min_words, self.max_phrase_words + 1) < 0:
            raise ValueError("a limit is not negative, but for max_phrase_words = -1")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """DEFINITIONS, and the edited text, null where it equals the text."""
        source = edits.texts(batch.column("text"))
        counts = np.zeros((batch.num_rows, refinedweb_lines.COLUMNS), np.int32)
        done = edits.edited(source)
        room = edits.room(source)
        lines = Lines(*(np.empty(len(room.codes) + 1, np.int32) for _ in Lines._fields))
        refinedweb_lines.clean(
            source.data, source.ends, tables().flags, self._limits(), room, lines, counts, done
        )
        columns = np.ascontiguousarray(counts.T)
        arrays = [pa.array(column) for column in columns[:AFTER]]
        removed = _share(columns[BEFORE] - columns[AFTER], columns[BEFORE])
        return pa.record_batch([*arrays, removed, edits.column(done)], schema=self.gives)

    def _limits(self) -> Limits:
        return Limits(
            self.max_newlines,
            self.max_uppercase,
            self.max_numeric,
            self.drop_counters,
            self.min_words,
            self.max_phrase_words,
        )


def _share(part: Ints, whole: Ints) -> pa.FloatArray:
    """part / whole, null of nothing."""
    share = (part / np.maximum(whole, 1)).astype(np.float32)
    return pa.array(share, mask=whole == 0)
