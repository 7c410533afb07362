"""Segmentation into words: UAX #29's default rules over classes made from `unicodedata`.

Whitespace and ZERO WIDTH SPACE separate words and belong to none. Tailored after spaCy, with whose
words published thresholds were tuned: a run of full stops is one word, a run of hyphens too, and if
asked for a URL, a mail address and a time of day. Every other symbol is a word by itself. In
scripts without spaces (Han, kana but katakana, Thai, Lao, Khmer, Burmese and their kin) every
character with its marks is one.
"""

from __future__ import annotations

from tamis.filters.kernels.arrays import Bytes, Flags, Hashes, Ints
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.hashes import of_range
from tamis.filters.kernels.unicode_tables import ALNUM, ALPHA, CLASS, SEPARATOR, SYMBOL
from tamis.filters.kernels.word_classes import (
    CONNECTOR,
    DOUBLE_QUOTE,
    EXTEND,
    HEBREW,
    KATAKANA,
    LETTER,
    MID_BOTH,
    MID_LETTER,
    MID_NUMBER,
    NUMERIC,
    OTHER,
    PICTURE,
    REGIONAL,
    SINGLE_QUOTE,
    ZWJ,
)

_AT, _COLON, _SLASH, _LESS, _GREATER = 0x40, 0x3A, 0x2F, 0x3C, 0x3E
HAS_LETTER, NO_SYMBOL, STARTS_ALNUM = 1, 2, 4
"""Traits of a word: a letter is in it; something but symbols is in it; it starts alphanumeric."""


@kernel
def words(
    codes: Ints,
    props: Flags,
    begun: Hashes,
    count: int,
    edges: Ints,
    starts: Ints,
    stops: Ints,
    hashes: Hashes,
    traits: Bytes,
) -> int:
    """Writes start, stop, hash and traits of the words of so many characters; gives their number.

    begun: the hashes of the text's beginnings. edges is room to work in; it and the last four hold
    at least count + 2. Whitespace must stand behind the last character, if only in props.
    """
    runs = _letter_runs(props, count, edges)
    number = place = run = 0
    while place < count:
        if run < runs and edges[at(run)] == place:
            stop = edges[at(run + 1)]
            run += 2
            if not _ends_before(props, stop):
                stop = word_stop(codes, props, place, count)
        elif props[at(place)] & SEPARATOR:
            place += 1
            continue
        elif _stands_alone(codes, props, place):
            stop = place + 1
        else:
            stop = word_stop(codes, props, place, count)
        while run < runs and edges[at(run)] < stop:
            run += 2
        starts[at(number)] = place
        stops[at(number)] = stop
        hashes[at(number)] = of_range(begun, place, stop)
        traits[at(number)] = _traits(props, place, stop)
        number += 1
        place = stop + (props[at(stop)] & SEPARATOR != 0)  # nearly always one blank, and no more
    return number


@kernel
def _letter_runs(props: Flags, count: int, edges: Ints) -> int:
    """Writes where runs of letters, digits and connectors begin and end; gives how many edges.

    Every place is written down and stays if it is an edge: no branch to be guessed wrong.
    """
    found = 0
    inside = False
    for place in range(count + 1):
        letter = LETTER <= props[place] >> CLASS <= CONNECTOR
        edges[at(found)] = place
        found += letter != inside
        inside = letter
    return found


@inlined
def _traits(props: Flags, start: int, stop: int) -> int:
    union = common = props[at(start)]
    alnum = STARTS_ALNUM if union & ALNUM else 0
    if union & ALPHA and not common & SYMBOL:  # nothing more to learn
        return HAS_LETTER | NO_SYMBOL | alnum
    for place in range(start + 1, stop):
        union |= props[at(place)]
        common &= props[at(place)]
    return (HAS_LETTER if union & ALPHA else 0) | (0 if common & SYMBOL else NO_SYMBOL) | alnum


@inlined
def _is_mark(kind: int) -> bool:
    return EXTEND <= kind <= ZWJ


@inlined
def _stands_alone(codes: Ints, props: Flags, place: int) -> bool:
    """Whether a sign is a word by itself for certain: nothing like it and no mark follows."""
    kind = props[at(place)] >> CLASS
    if kind in (KATAKANA, REGIONAL) or codes[at(place)] == codes[at(place + 1)]:
        return False
    return not _is_mark(props[at(place + 1)] >> CLASS)


@inlined
def _ends_before(props: Flags, place: int) -> bool:
    """Whether letters end before a place for certain: whitespace, a sign before it, or brackets."""
    kind = props[at(place)] >> CLASS
    if kind == OTHER or kind >= REGIONAL:
        return True
    return bool(kind >= MID_LETTER and props[at(place + 1)] & SEPARATOR)


@kernel
def word_stop(codes: Ints, props: Flags, start: int, count: int) -> int:
    """Where the word that starts at a character ends."""
    kind = props[start] >> CLASS
    if KATAKANA <= kind <= CONNECTOR:
        return _letters_stop(props, start, count)
    place = start + 1
    if codes[start] == 0x2D or codes[start] == 0x2E:
        while place < count and codes[place] == codes[start]:
            place += 1
    elif kind == REGIONAL:
        second = _skip_marks(props, place, count)
        if second < count and props[second] >> CLASS == REGIONAL:
            place = second + 1
    return _skip_marks(props, place, count)


@kernel
def _skip_marks(props: Flags, place: int, count: int) -> int:
    """Past marks, and past pictures that a ZERO WIDTH JOINER ties on (WB3c, WB4)."""
    while place < count and _is_mark(props[place] >> CLASS):
        joins = props[place] >> CLASS == ZWJ
        place += 1
        if joins and place < count and props[place] >> CLASS == PICTURE:
            place += 1
    return place


@inlined
def _is_letter(kind: int) -> bool:
    return LETTER <= kind <= HEBREW


@inlined
def _joins(last: int, kind: int) -> bool:
    """Whether no boundary is between two characters (WB5, 8-10, 13-13b)."""
    if last == KATAKANA:
        return kind in (KATAKANA, CONNECTOR)
    if kind == KATAKANA:
        return last == CONNECTOR
    return LETTER <= kind <= CONNECTOR and LETTER <= last <= CONNECTOR


@kernel
def _letters_stop(props: Flags, start: int, count: int) -> int:
    """Where a word of letters, digits and connectors ends (WB5-13b)."""
    last = props[start] >> CLASS
    place = start + 1
    while place < count:
        kind = props[place] >> CLASS
        if _joins(last, kind):
            last = kind
            place += 1
        elif _is_mark(kind):
            place += 1
            if kind == ZWJ and place < count and props[place] >> CLASS == PICTURE:
                return _skip_marks(props, place + 1, count)
        else:
            after = _across(props, place, count, last)
            if after == place and last == HEBREW and kind == SINGLE_QUOTE:
                return _skip_marks(props, place + 1, count)
            if after == place:
                return place
            place = after
    return place


@kernel
def merge_addresses(
    codes: Ints,
    props: Flags,
    begun: Hashes,
    count: int,
    starts: Ints,
    stops: Ints,
    hashes: Hashes,
    traits: Bytes,
    number: int,
) -> int:
    """Makes one word of those of a mail address, a time of day, a URL; gives how many are left."""
    kept = word = 0
    while word < number:
        start, stop = starts[at(word)], stops[at(word)]
        key, trait = hashes[at(word)], traits[at(word)]
        word += 1
        if codes[at(stop)] in (_AT, _COLON):
            end = address_stop(codes, props, start, stop, count)
            while word < number and starts[word] < end:
                trait |= traits[word] & (HAS_LETTER | NO_SYMBOL)
                word += 1
            if end > stop:
                stop = end
                key = of_range(begun, start, stop)
        starts[at(kept)], stops[at(kept)] = start, stop
        hashes[at(kept)], traits[at(kept)] = key, trait
        kept += 1
    return kept


@kernel
def address_stop(codes: Ints, props: Flags, start: int, stop: int, count: int) -> int:
    """Where a word ends if mail addresses, times of day and URLs are words.

    `@` joins letters and digits, `:` joins digits, and behind a letter or digit `://` joins all up
    to whitespace, `<`, `>` or a quotation mark.
    """
    while codes[stop] in (_AT, _COLON):
        scheme = codes[stop] == _COLON and codes[stop + 1] == _SLASH == codes[stop + 2]
        if scheme and _is_solid(props[stop - 1] >> CLASS):
            return _url_stop(codes, props, stop, count)
        before = stop - 1
        while before > start and _is_mark(props[before] >> CLASS):
            before -= 1
        after = stop + 1
        while _is_mark(props[after] >> CLASS):
            after += 1
        left, right = props[before] >> CLASS, props[after] >> CLASS
        if not (_is_solid(left) and _is_solid(right)):
            return stop
        if codes[stop] == _COLON and not left == right == NUMERIC:
            return stop
        stop = word_stop(codes, props, after, count)
    return stop


@inlined
def _is_solid(kind: int) -> bool:
    return _is_letter(kind) or kind == NUMERIC


@kernel
def _url_stop(codes: Ints, props: Flags, place: int, count: int) -> int:
    last = 0
    while place < count and not props[place] & SEPARATOR:
        kind = props[place] >> CLASS
        if codes[place] in (_LESS, _GREATER) or kind == DOUBLE_QUOTE:
            after = _across(props, place, count, last) if kind == DOUBLE_QUOTE else place
            if after == place:
                return place
        last = last if _is_mark(kind) else kind
        place += 1
    return place


@kernel
def _across(props: Flags, place: int, count: int, last: int) -> int:
    """Past one sign that joins what stands on both sides of it (WB6, 7, 7b-12), or place."""
    kind = props[place] >> CLASS
    if not (MID_LETTER <= kind <= DOUBLE_QUOTE) or not (_is_letter(last) or last == NUMERIC):
        return place
    after = _skip_marks(props, place + 1, count)
    following = props[after] >> CLASS if after < count else 0
    if _is_letter(last):
        joins = kind in (MID_LETTER, MID_BOTH, SINGLE_QUOTE)
        if joins and _is_letter(following):
            return after
        return after if last == HEBREW == following and kind == DOUBLE_QUOTE else place
    joins = kind in (MID_NUMBER, MID_BOTH, SINGLE_QUOTE)
    return after if joins and following == NUMERIC else place
