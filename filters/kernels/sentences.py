"""Segmentation into sentences, by marks and a short table of English abbreviations.

A sentence ends behind a run of terminal marks (of any script; an ellipsis counts) with the closing
quotes and brackets that follow it. An ASCII mark or an ellipsis must be followed by whitespace or
the end. A mark of another script ends a sentence wherever it stands: Chinese, Japanese, Burmese or
Khmer has no space there, and elsewhere such marks have no other use. A single full stop ends none
between digits, behind an initial (`J. Smith`, `U.S. Army`) or one of ABBREVIATIONS, and neither a
full stop nor an ellipsis does if the next letter is in lower case. A newline is whitespace like any
other. No sentence starts or ends with whitespace.
"""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Flags, Ints
from tamis.filters.kernels.compiled import inlined, kernel
from tamis.filters.kernels.edits import left, right
from tamis.filters.kernels.phrases import lowered
from tamis.filters.kernels.unicode_tables import ALNUM, ALPHA, DIGIT, SPACE, TERMINAL, UNUPPER

ABBREVIATIONS = """
    adm apr aug brig capt cf cmdr col cpl dec dr e.g feb fig gen gov hon i.e jan lt maj messrs mr
    mrs ms mt nov oct pp prof pvt rep rev sen sept sgt st viz vol vs
"""
"""What a full stop follows without ending a sentence: titles, months, and words that ask for more.

Those that may well end one, such as `etc` and `inc`, are left to the case of the next letter.
"""

OPENING = "\"'([{“‘«‹„‚「『（《〈【"
CLOSING = "\"')]}”’»›」』）》〉】"
FULL_STOP, ELLIPSIS, WIDE_STOP = 0x2E, 0x2026, 0xFF0E
LONGEST_ABBREVIATION = 8


def _packed(word: str) -> int:
    """The letters of an abbreviation in one number, seven bits each."""
    number = 0
    for char in word:
        number = number << 7 | ord(char)
    return number


_ABBREVIATIONS = np.array([*map(_packed, ABBREVIATIONS.split())], np.int64)
_OPENING = np.array([*map(ord, OPENING)], np.int32)
_CLOSING = np.array([*map(ord, CLOSING)], np.int32)


@kernel
def sentences(codes: Ints, props: Flags, start: int, stop: int, starts: Ints, stops: Ints) -> int:
    """Writes where the sentences of codes[start:stop] start and stop; gives their number.

    Both arrays hold at least stop - start.
    """
    number = 0
    place = left(props, start, stop)
    while place < stop:
        end = sentence_stop(codes, props, place, stop)
        starts[number], stops[number] = place, right(props, place, end)
        number += 1
        place = left(props, end, stop)
    return number


@kernel
def count_sentences(codes: Ints, props: Flags, start: int, stop: int) -> int:
    """The number of sentences of codes[start:stop]."""
    number = 0
    place = left(props, start, stop)
    while place < stop:
        number += 1
        place = left(props, sentence_stop(codes, props, place, stop), stop)
    return number


@inlined
def _is_mark(code: int, prop: int) -> bool:
    return bool(prop & TERMINAL) or code == ELLIPSIS


@kernel
def _within(code: int, characters: Ints) -> bool:
    found = False
    for character in characters:
        found |= character == code
    return found


@kernel
def sentence_stop(codes: Ints, props: Flags, start: int, stop: int) -> int:
    """Where the sentence that starts at a character ends."""
    place = start
    while place < stop:
        if not _is_mark(codes[place], props[place]):
            place += 1
            continue
        first = place
        while place < stop and _is_mark(codes[place], props[place]):
            place += 1
        mark = place
        while place < stop and _within(codes[place], _CLOSING):
            place += 1
        if _ends(codes, props, start, first, mark, place, stop):
            return place
    return stop


@kernel
def _ends(
    codes: Ints, props: Flags, start: int, first: int, mark: int, after: int, stop: int
) -> bool:
    """Whether the marks of codes[first:mark], with what closes up to after, end a sentence."""
    if after == stop:
        return True
    last = codes[mark - 1]
    if last == WIDE_STOP and after == mark and first > start:
        return not (props[first - 1] & DIGIT and props[mark] & DIGIT)
    if last >= 0x80 and last != ELLIPSIS:
        return True
    if not props[after] & SPACE:
        return False
    if last != FULL_STOP and last != ELLIPSIS:
        return True
    if mark - first == 1 and last == FULL_STOP and _abbreviates(codes, props, start, first):
        return False
    return not _lower_case_follows(codes, props, after, stop)


@kernel
def _lower_case_follows(codes: Ints, props: Flags, place: int, stop: int) -> bool:
    place = left(props, place, stop)
    while place < stop and _within(codes[place], _OPENING):
        place += 1
    return place < stop and props[place] & UNUPPER != 0


@kernel
def _abbreviates(codes: Ints, props: Flags, start: int, dot: int) -> bool:
    """Whether the word before a full stop is an initial or an abbreviation."""
    begin = dot
    while begin > start and dot - begin <= LONGEST_ABBREVIATION:
        if not (props[begin - 1] & ALNUM or codes[begin - 1] == FULL_STOP):
            break
        begin -= 1
    length = dot - begin
    if length == 0 or length > LONGEST_ABBREVIATION:
        return False
    if props[dot - 1] & ALPHA and (length == 1 or codes[dot - 2] == FULL_STOP):
        return True
    word = 0
    for place in range(begin, dot):
        code = lowered(codes[place])
        if code >= 0x80:
            return False
        word = word << 7 | code
    found = False
    for abbreviation in _ABBREVIATIONS:
        found |= abbreviation == word
    return found
