"""C4's rules, line by line, over the characters of a document."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Ints, Longs
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.edits import Edited, Room, finish, has_words, write
from tamis.filters.kernels.lines import NEWLINE, next_break, strip
from tamis.filters.kernels.phrases import Phrases, phrases, phrases_in
from tamis.filters.kernels.sentences import count_sentences
from tamis.filters.kernels.unicode_tables import DECIMAL, SPACE

POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
"""A line with one of these is a notice about the site."""
PHRASES = phrases(("lorem ipsum", "javascript", *POLICY))
_EDIT, _NEEDED = (np.array([*map(ord, mark)], np.int32) for mark in ("edit]", "citation needed]"))
_LOREM_IPSUM, _JAVASCRIPT = 1, 2
_OPEN, _CLOSE, _BRACE, _DOT = 0x5B, 0x5D, 0x7B, 0x2E

# Columns of a document's counts.
LINES, KEPT, LONG_WORD, NO_END_MARK, FEW_WORDS, WITH_JAVASCRIPT, WITH_POLICY = range(7)
CITATIONS, LOREM_IPSUM, CURLY_BRACKET, SENTENCES, THIRD = range(7, 12)
COLUMNS = 12


class Limits(NamedTuple):
    """The options of a C4 stage as kernels take them."""

    min_words: int
    max_word_length: int
    """No limit if it is 0."""
    end_marks: Ints
    need_end_mark: bool
    keep_ellipsis: bool
    remove_citations: bool
    drop_javascript: bool
    drop_policy: bool


@kernel
def clean(
    data: Bytes,
    ends: Longs,
    flags: Flags,
    limits: Limits,
    wanted: Phrases,
    room: Room,
    counts: Ints,
    done: Edited,
) -> None:
    """Counts and edits every text; counts is zeros, texts x COLUMNS; wanted is PHRASES."""
    for number in range(len(ends) - 1):
        start, stop = ends[number], ends[number + 1]
        count = decode(data, start, stop, flags, room.codes, room.props)
        row = counts[number]
        row[THIRD] = third_longest(room.codes, count)
        size = clean_page(room.codes, room.props, count, limits, wanted, row)
        first, last = strip(room.props, 0, size)
        place = write(room.codes, first, last, done.data, done.ends[number])
        finish(done, number, place, data, start, stop)


@kernel
def clean_page(
    codes: Ints,
    props: Flags,
    count: int,
    limits: Limits,
    wanted: Phrases,
    row: Ints,
) -> int:
    """Moves the lines that stay to the front, a newline between them; gives where they end.

    Most lines are short and have no end mark, or few words; a call with arrays costs as much as
    reading thirty characters, so these lines cause none.
    """
    longest, marks = limits.max_word_length or count, limits.end_marks
    size = place = 0
    while place < count:
        stop, following = next_break(codes, props, place, count)
        first, last = strip(props, place, stop)
        place = following
        row[LINES] += 1
        if last - first > longest and _has_long_word(props, first, last, longest):
            row[LONG_WORD] += 1
            continue
        if limits.remove_citations and _has_bracket(codes, first, last):
            last = remove_citations(codes, props, first, last, row)
        if limits.need_end_mark and not _ends_well(codes, first, last, marks, limits.keep_ellipsis):
            row[NO_END_MARK] += 1
            continue
        if not has_words(props, first, last, limits.min_words):
            row[FEW_WORDS] += 1
            continue
        reason = judge(codes, first, last, limits, wanted, row)
        row[reason] += 1
        if reason == KEPT:
            row[SENTENCES] += count_sentences(codes, props, first, last)
            size = _move(codes, props, first, last, size)
    return size


@inlined
def _has_bracket(codes: Ints, start: int, stop: int) -> bool:
    while start < stop and codes[at(start)] != _OPEN:
        start += 1
    return start < stop


@kernel
def _move(codes: Ints, props: Flags, first: int, last: int, size: int) -> int:
    """Puts a line behind those that stay, which end at size; gives where it then ends."""
    if size:
        codes[size] = NEWLINE
        props[size] = SPACE
        size += 1
    if size == first:
        return last
    for place in range(first, last):
        codes[at(size)] = codes[at(place)]
        props[at(size)] = props[at(place)]
        size += 1
    return size


@kernel
def _has_long_word(props: Flags, start: int, stop: int, limit: int) -> bool:
    """Whether str.split gives a word longer than a limit."""
    begin = start
    for place in range(start, stop):
        if props[place] & SPACE:
            begin = place + 1
        elif place - begin >= limit:
            return True
    return False


@kernel
def remove_citations(codes: Ints, props: Flags, start: int, stop: int, row: Ints) -> int:
    """Takes `[12]`, `[edit]` and `[citation needed]` out of a line; gives where it then stops."""
    place = start
    while place < stop and codes[place] != _OPEN:
        place += 1
    size = place
    while place < stop:
        if codes[place] == _OPEN:
            after = _after_citation(codes, props, place, stop)
            if after > place:
                row[CITATIONS] += 1
                place = after
                continue
        codes[size] = codes[place]
        props[size] = props[place]
        size += 1
        place += 1
    return size


@kernel
def _after_citation(codes: Ints, props: Flags, place: int, stop: int) -> int:
    """Past the citation mark that starts at a bracket, or that bracket."""
    after = place + 1
    while after < stop and props[after] & DECIMAL:
        after += 1
    if after < stop and codes[after] == _CLOSE:
        return after + 1
    edit = _past(codes, place + 1, stop, _EDIT)
    return max(place, edit, _past(codes, place + 1, stop, _NEEDED))


@kernel
def _past(codes: Ints, place: int, stop: int, word: Ints) -> int:
    """Past a word that stands at a character, 0 if it does not."""
    if stop - place < len(word):
        return 0
    for k in range(len(word)):
        if codes[place + k] != word[k]:
            return 0
    return place + len(word)


@kernel
def judge(codes: Ints, first: int, last: int, limits: Limits, wanted: Phrases, row: Ints) -> int:
    """Which column of the counts a line with end mark and words belongs to: KEPT, or why it goes.

    What makes the published code drop the page is counted beside it.
    """
    found = phrases_in(codes, first, last, wanted)
    if found & _LOREM_IPSUM:
        row[LOREM_IPSUM] += 1
    if found & _JAVASCRIPT and limits.drop_javascript:
        return WITH_JAVASCRIPT
    for place in range(first, last):
        if codes[place] == _BRACE:
            row[CURLY_BRACKET] += 1
            break
    if found > _JAVASCRIPT + _LOREM_IPSUM and limits.drop_policy:
        return WITH_POLICY
    return KEPT


@inlined
def _ends_well(codes: Ints, first: int, last: int, marks: Ints, keep_ellipsis: bool) -> bool:
    found = False
    for mark in marks:
        found |= first < last and codes[last - 1] == mark
    dots = 0
    while dots < 3 and last - dots > first and codes[last - dots - 1] == _DOT:
        dots += 1
    return found and (dots < 3 or keep_ellipsis)


@kernel
def third_longest(codes: Ints, count: int) -> int:
    """The length of the third longest of the lines between newlines; 0 of fewer than three."""
    first = second = third = -1
    start = 0
    for place in range(count + 1):
        if place < count and codes[place] != NEWLINE:
            continue
        length = place - start
        start = place + 1
        if length > first:
            first, second, third = length, first, second
        elif length > second:
            second, third = length, second
        else:
            third = max(third, length)
    return max(third, 0)
