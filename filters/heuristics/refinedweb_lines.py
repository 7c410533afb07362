"""RefinedWeb's line edits as DCLM published them, over the characters of a document.

Each edit sees what the one before has left, and most strip the whole text, so that the first and
the last line may change for the next edit. A document is kept as the starts and stops of its lines.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Bytes, Flags, Ints, Longs
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.edits import Edited, Room, finish, has_words, left, right, write
from tamis.filters.kernels.lines import NEWLINE
from tamis.filters.kernels.phrases import lowered
from tamis.filters.kernels.signs import tokens
from tamis.filters.kernels.unicode_tables import ALNUM, DECIMAL, DIGIT, SPACE, UPPER, WORD

CART, MORE, SIGN_IN = "items in cart", "read more...", "sign-in"
"""Taken out of short lines: anywhere, at the end, at the start. A dot is any character, as in the
published pattern, which does not escape it."""
COUNTED = (
    "likes",
    "shares",
    "comments",
    "retweets",
    "reposts",
    "quotes",
    "bookmarks",
    "upvotes",
    "downvotes",
    "downloads",
    "views",
    "followers",
)
"""What a line may count."""
_CART, _MORE, _SIGN_IN = (np.array([*map(ord, p)], np.int32) for p in (CART, MORE, SIGN_IN))
_COUNTED = np.array([ord(char) for word in COUNTED for char in word], np.int32)
_COUNTED_STARTS = np.cumsum([0, *map(len, COUNTED)]).astype(np.int32)
_COMMA, _DOT = 0x2C, 0x2E
_ANYWHERE, _AT_END, _AT_START = range(3)

# Columns of a document's counts.
LINES, UPPERCASE, NUMERIC, COUNTER, FEW_WORDS, PHRASE, REMOVED_PHRASES, BEFORE, AFTER = range(9)
COLUMNS = 9


class Limits(NamedTuple):
    """The options of a RefinedWeb stage as kernels take them."""

    max_newlines: int
    """No limit if it is 0."""
    max_uppercase: float
    max_numeric: float
    drop_counters: bool
    min_words: int
    max_phrase_words: int
    """-1: phrases stay."""


class Lines(NamedTuple):
    """Where a document's lines are; both hold one more than it has characters."""

    starts: Ints
    stops: Ints


@kernel
def clean(
    data: Bytes,
    ends: Longs,
    flags: Flags,
    limits: Limits,
    room: Room,
    lines: Lines,
    counts: Ints,
    done: Edited,
) -> None:
    """Counts and edits every text; counts is zeros, texts x COLUMNS."""
    for number in range(len(ends) - 1):
        start, stop = ends[number], ends[number + 1]
        count = decode(data, start, stop, flags, room.codes, room.props)
        row = counts[number]
        found = split(room.codes, count, limits.max_newlines, lines)
        row[LINES] = found
        row[BEFORE] = row[AFTER] = tokens(room.codes, room.props, count)
        found = clean_page(room, lines, found, limits, row)
        place = done.ends[number]
        if length(lines, found) == count:  # edits only take away
            done.changed[number] = 0
            done.ends[number + 1] = place
            continue
        row[AFTER] = words(room, lines, found)
        for line in range(found):
            if line:
                done.data[place] = NEWLINE
                place += 1
            place = write(room.codes, lines.starts[line], lines.stops[line], done.data, place)
        finish(done, number, place, data, start, stop)


@kernel
def split(codes: Ints, count: int, max_newlines: int, lines: Lines) -> int:
    """Lines as newlines separate them, longer runs of newlines shortened; gives how many."""
    found = start = run = 0
    for place in range(count + 1):
        if place < count and codes[place] != NEWLINE:
            run = 0
            continue
        run += 1
        if place == count or run <= max_newlines or max_newlines == 0:
            lines.starts[found] = start
            lines.stops[found] = place
            found += 1
        start = place + 1
    return found


@kernel
def length(lines: Lines, found: int) -> int:
    """How many characters the lines have, with the newlines between them."""
    size = max(0, found - 1)
    for line in range(found):
        size += lines.stops[line] - lines.starts[line]
    return size


@kernel
def words(room: Room, lines: Lines, found: int) -> int:
    """The number of words as fastText cuts them that start with a letter or digit.

    fastText cuts at NUL and six kinds of ASCII whitespace. No branch in the inner loop: one at
    every space would be guessed wrong.
    """
    number = 0
    for line in range(found):
        separated = True
        for place in range(lines.starts[line], lines.stops[line]):
            code = room.codes[place]
            number += separated & (room.props[place] & ALNUM != 0)
            separated = (code == 0x20) | (code == 0) | ((code >= 0x09) & (code <= 0x0D))
    return number


@kernel
def clean_page(room: Room, lines: Lines, found: int, limits: Limits, row: Ints) -> int:
    """Edits a document's lines in the published order; gives how many stay."""
    found = drop_by_share(room, lines, found, UPPER, limits.max_uppercase, UPPERCASE, row)
    found = drop_by_share(room, lines, found, DIGIT, limits.max_numeric, NUMERIC, row)
    if limits.drop_counters:
        found = drop_counters(room, lines, found, row)
    found = drop_short(room, lines, found, limits.min_words, row)
    if limits.max_phrase_words >= 0:
        for place, phrase in ((_ANYWHERE, _CART), (_AT_END, _MORE), (_AT_START, _SIGN_IN)):
            found = drop_phrase(room, lines, found, phrase, place, limits.max_phrase_words, row)
    return found


@kernel
def strip(room: Room, lines: Lines, found: int) -> int:
    """Strips the text that the lines make; gives how many lines it has."""
    while (
        found
        and left(room.props, lines.starts[found - 1], lines.stops[found - 1])
        == (lines.stops[found - 1])
    ):
        found -= 1
    if not found:
        return 0
    lines.stops[found - 1] = right(room.props, lines.starts[found - 1], lines.stops[found - 1])
    blank = 0
    while left(room.props, lines.starts[blank], lines.stops[blank]) == lines.stops[blank]:
        blank += 1
    lines.starts[blank] = left(room.props, lines.starts[blank], lines.stops[blank])
    for line in range(blank, found):
        lines.starts[line - blank] = lines.starts[line]
        lines.stops[line - blank] = lines.stops[line]
    return found - blank


@kernel
def drop_by_share(
    room: Room, lines: Lines, found: int, flag: int, limit: float, reason: int, row: Ints
) -> int:
    """Drops lines in which the share of characters with a flag is over a limit, and strips."""
    props = room.props
    kept = 0
    for line in range(found):
        start, stop = lines.starts[line], lines.stops[line]
        flagged = 0
        for place in range(start, stop):
            flagged += props[at(place)] & flag != 0
        if start == stop or flagged / (stop - start) <= limit:
            lines.starts[kept], lines.stops[kept] = start, stop
            kept += 1
        else:
            row[reason] += 1
    return strip(room, lines, kept)


@kernel
def drop_counters(room: Room, lines: Lines, found: int, row: Ints) -> int:
    """Drops lines such as `3 likes`, and strips."""
    codes, props = room.codes, room.props
    kept = 0
    for line in range(found):
        start, stop = lines.starts[line], lines.stops[line]
        letter = start < stop and props[start] & (WORD | DECIMAL) == WORD
        if not letter and is_counter(codes, props, start, stop):
            row[COUNTER] += 1
        else:
            lines.starts[kept], lines.stops[kept] = start, stop
            kept += 1
    return strip(room, lines, kept)


@kernel
def is_counter(codes: Ints, props: Flags, start: int, stop: int) -> bool:
    """Whether a line is a number, perhaps with k, m or b, and a word of COUNTED, then no word.

    The published pattern, on the lower-cased line; read from left to right it has no choices.
    """
    place = _past_signs(props, start, stop)
    if place == stop or not props[place] & DECIMAL:
        return False
    while place < stop and (
        props[place] & DECIMAL or codes[place] == _COMMA or codes[place] == _DOT
    ):
        place += 1
    if place < stop and lowered(codes[place]) in (0x6B, 0x6D, 0x62):
        place += 1
    word = left(props, place, stop)
    if word == place:
        return False
    for number in range(len(_COUNTED_STARTS) - 1):
        first, last = _COUNTED_STARTS[number], _COUNTED_STARTS[number + 1]
        after = word
        while first < last and after < stop and lowered(codes[after]) == _COUNTED[first]:
            first += 1
            after += 1
        if first == last and _past_signs(props, after, stop) == stop:
            return True
    return False


@kernel
def _past_signs(props: Flags, place: int, stop: int) -> int:
    while place < stop and not props[place] & WORD:
        place += 1
    return place


@kernel
def drop_short(room: Room, lines: Lines, found: int, min_words: int, row: Ints) -> int:
    """Drops lines of fewer words, but for empty ones."""
    kept = 0
    for line in range(found):
        start, stop = lines.starts[line], lines.stops[line]
        if start == stop or has_words(room.props, start, stop, min_words):
            lines.starts[kept], lines.stops[kept] = start, stop
            kept += 1
        else:
            row[FEW_WORDS] += 1
    return kept


@kernel
def drop_phrase(
    room: Room, lines: Lines, found: int, phrase: Ints, where: int, max_words: int, row: Ints
) -> int:
    """Takes a phrase out of short lines, drops those of which nothing is left, and strips.

    Nearly all lines are passed by at the look of one character.
    """
    codes, props, letter = room.codes, room.props, phrase[0]
    starts, stops = lines.starts, lines.stops
    if not found:
        return 0
    mentioned = where == _ANYWHERE and _mentions_cart(codes, starts[0], stops[found - 1])
    anywhere = mentioned and _occurs(codes, starts[0], stops[found - 1], phrase)
    offset = len(phrase) if where == _AT_END else 0
    kept = 0
    for line in range(found):
        start, stop = starts[line], stops[line]
        place = stop - offset if offset else start
        blank = start == stop or props[start] & SPACE != 0
        if blank or anywhere or (place >= start and _may_be(codes[place], letter)):
            begin, end = start, stop
            if not has_words(props, start, stop, max_words + 1):
                begin, end = remove_phrase(room, start, stop, phrase, where, row)
                if start < stop and left(props, begin, end) == end:
                    row[PHRASE] += 1
                    continue
            start, stop = begin, end
        starts[kept], stops[kept] = start, stop
        kept += 1
    return strip(room, lines, kept)


@inlined
def _may_be(code: int, letter: int) -> bool:
    """Whether a character may be a small ASCII letter without regard to case."""
    return (code | 0x20) == letter or code > 0x7F


@kernel
def _mentions_cart(codes: Ints, start: int, stop: int) -> bool:
    """Whether `cart` occurs in any case: eight places at a time, as no branch depends on them.

    No other characters are taken for these four letters without regard to case.
    """
    found = False
    for place in range(start, stop - 3):
        found |= (
            ((codes[at(place)] | 0x20) == 0x63)
            & ((codes[at(place + 1)] | 0x20) == 0x61)
            & ((codes[at(place + 2)] | 0x20) == 0x72)
            & ((codes[at(place + 3)] | 0x20) == 0x74)
        )
    return found


@kernel
def _occurs(codes: Ints, start: int, stop: int, phrase: Ints) -> bool:
    letter = phrase[0]
    for place in range(start, stop):
        if _may_be(codes[place], letter) and _is_at(codes, place, stop, phrase):
            return True
    return False


@kernel
def remove_phrase(
    room: Room, start: int, stop: int, phrase: Ints, where: int, row: Ints
) -> tuple[int, int]:
    """Takes a phrase, and a whitespace before it (behind it at the start), out of a line."""
    codes, props = room.codes, room.props
    if where == _AT_START:
        if _is_at(codes, start, stop, phrase):
            row[REMOVED_PHRASES] += 1
            start += len(phrase)
            start += start < stop and props[start] & SPACE != 0
        return start, stop
    if where == _AT_END:
        place = stop - len(phrase)
        if place >= start and _is_at(codes, place, stop, phrase):
            row[REMOVED_PHRASES] += 1
            stop = place - (place > start and props[place - 1] & SPACE != 0)
        return start, stop
    size = place = start
    while place < stop:
        if _is_at(codes, place, stop, phrase):
            row[REMOVED_PHRASES] += 1
            size -= place > start and props[place - 1] & SPACE != 0
            place += len(phrase)
            continue
        codes[size] = codes[place]
        props[size] = props[place]
        size += 1
        place += 1
    return start, size


@kernel
def _is_at(codes: Ints, place: int, stop: int, phrase: Ints) -> bool:
    if place + len(phrase) > stop:
        return False
    for k in range(len(phrase)):
        if phrase[k] != _DOT and folded(codes[place + k]) != phrase[k]:
            return False
    return True


@inlined
def folded(code: int) -> int:
    """The ASCII letter that a pattern without regard to case takes a character for."""
    if code == 0x130 or code == 0x131:
        return 0x69
    return 0x73 if code == 0x17F else lowered(code)
