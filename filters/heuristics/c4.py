"""C4's line removal and the quantities by which it drops pages (Raffel et al. 2020, JMLR 21:140).

The order and the details are those of the released code, `clean_page` of TensorFlow Datasets'
c4_utils. It stops at the first line that makes it drop the page; here such lines are counted, and a
rule decides. Where paper and code conflict, the code has 5 words a line and 3 sentences a page, the
paper 3 and 5, and only the code drops lines with words over 1,000 characters or `...` at their end.
Left out are the list of bad words, which the safety stage has, and the removal of spans of three
sentences that occur twice, which is deduplication. Sentences are those of kernels/sentences.py,
where the code asks NLTK's punkt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tamis.filters.heuristics import c4_lines
from tamis.filters.heuristics.signals import Signal, schema
from tamis.filters.kernels import edits
from tamis.filters.kernels.unicode_tables import tables

_CODE = "C4, c4_utils.clean_page"
_LINES = "lines removed because "
# In the order of the columns of c4_lines.
DEFINITIONS = tuple(
    Signal(name, pa.int32(), definition, source)
    for name, definition, source in (
        ("c4_lines", "lines, as str.splitlines has them", _CODE),
        ("c4_lines_kept", "lines that stay", _CODE),
        ("c4_lines_long_word", _LINES + "a word is longer than max_word_length", _CODE),
        ("c4_lines_no_end_mark", _LINES + "they end without an end mark, or with `...`", _CODE),
        ("c4_lines_few_words", _LINES + "they have fewer than min_words words", _CODE),
        ("c4_lines_javascript", _LINES + "`javascript` is in them", _CODE),
        ("c4_lines_policy", _LINES + "they speak of a policy, terms of use or cookies", _CODE),
        ("c4_citations", "marks such as `[12]`, `[edit]`, `[citation needed]` removed", _CODE),
        ("c4_lorem_ipsum", "lines with `lorem ipsum` that are long enough and end well", _CODE),
        (
            "c4_curly_bracket",
            "lines with `{` that are long enough, end well and have no `javascript`",
            _CODE,
        ),
        (
            "c4_sentences",
            "sentences of the lines that stay, counted line by line, by kernels/sentences.py",
            "C4, c4_utils.clean_page, which asks NLTK's punkt",
        ),
        (
            "c4_third_longest_line",
            "characters of the third longest line of the text as it came; 0 of fewer than three",
            "mC4, c4_utils.paragraph_filter",
        ),
    )
)
TEXT = Signal("text", pa.large_string(), "the lines that stay; null if nothing changed", _CODE)


@dataclass(frozen=True)
class C4:
    """Removes lines as C4 did and counts by what rule; an edited text may be empty.

    Of a line that several rules would remove, the first counts, in the order of the columns.
    """

    min_words: int = 5
    """Lines with fewer words, by str.split after citations are gone, are removed. Paper: 3."""
    max_word_length: int = 1000
    """Lines with a longer word are removed; 0 for no limit, as in the paper."""
    need_end_mark: bool = True
    """Whether lines must end with one of end_marks. FineWeb: false."""
    end_marks: tuple[str, ...] = (".", "?", "!", '"')
    """datatrove adds an apostrophe."""
    keep_ellipsis: bool = False
    """Whether `...` is an end mark too."""
    remove_citations: bool = True
    """Whether `[12]`, `[]`, `[edit]` and `[citation needed]` are taken out of lines."""
    drop_javascript: bool = True
    """Whether lines with `javascript` in any case are removed."""
    drop_policy: bool = True
    """Whether lines with one of c4_lines.POLICY in any case are removed."""

    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = schema([*DEFINITIONS, TEXT])

    def __post_init__(self) -> None:
        if any(len(mark) != 1 for mark in self.end_marks):
            raise ValueError("an end mark is one character")
        if min(self.min_words, self.max_word_length) < 0:
            raise ValueError("a limit is not negative")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """DEFINITIONS as int32, and the edited text, null where it equals the text."""
        source = edits.texts(batch.column("text"))
        counts = np.zeros((batch.num_rows, c4_lines.COLUMNS), np.int32)
        done = edits.edited(source)
        c4_lines.clean(
            source.data,
            source.ends,
            tables().flags,
            self._limits(),
            c4_lines.PHRASES,
            edits.room(source),
            counts,
            done,
        )
        columns = [pa.array(column) for column in np.ascontiguousarray(counts.T)]
        return pa.record_batch([*columns, edits.column(done)], schema=self.gives)

    def _limits(self) -> c4_lines.Limits:
        return c4_lines.Limits(
            self.min_words,
            self.max_word_length,
            np.array([ord(mark) for mark in self.end_marks], np.int32),
            self.need_end_mark,
            self.keep_ellipsis,
            self.remove_citations,
            self.drop_javascript,
            self.drop_policy,
        )
