"""Simplified words, by which near-duplicates are found, out of UTF-8 in one pass.

Letters, digits and spacing marks in lower case and without accents are words; characters of scripts
that write no spaces are a word each; everything else stands between words.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Bytes, Hashes, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.filters.kernels.hashes import BASE
from tamis.filters.kernels.kept import kept
from tamis.filters.kernels.unicode_tables import LAST, assigned
from tamis.filters.kernels.word_classes import KATAKANA, OTHER, word_class

ALONE = 1 << 24  # the character in the bits below is a word by itself
DROPPED = 2 << 24
SEVERAL = 3 << 24  # in the bits below: where in `several` their number stands, and they behind it
_CODE = (1 << 24) - 1
_EMPTY = np.uint64(0)
_SPACE = np.uint64(0x20)
_SYLLABLES = range(0xAC00, 0xD7A4)
SLACK = 16
PLACE, STATE = range(2)
"""What a cursor holds: the next byte, and the hash of the word that it is in, 0 in none; among
characters, 0 before the first, or where the last one stands."""
_BEFORE, _WITHIN, _BEHIND = range(3)


class SimpleWords(NamedTuple):
    """What becomes of every code point."""

    entries: npt.NDArray[np.uint32]
    """0: it separates words; a code point: of a word; else one of the kinds above."""
    several: npt.NDArray[np.uint32]
    """How many characters of a word a character becomes, and these, one after another."""


@lru_cache
def simple_words(zero: bool) -> SimpleWords:
    """The tables, read from where they are kept or made; zero: every decimal digit is a 0."""
    return kept(f"simple-words-{'zero' if zero else 'keep'}", SimpleWords, lambda: _make(zero))


def _make(zero: bool) -> SimpleWords:
    entries, several = np.zeros(LAST, np.uint32), [0]
    for code in assigned():
        form = simplified(chr(code), zero)
        found = [entry for entry in map(_entry, form) if entry]
        if len(found) > 1:
            entries[code] = SEVERAL | len(several)
            several += [len(found), *(entry & _CODE for entry in found)]
        elif form:
            entries[code] = found[0] if found else 0
        elif unicodedata.category(chr(code)) == "Mn":
            entries[code] = DROPPED
    return SimpleWords(entries, np.array(several, np.uint32))


def simplified(char: str, zero: bool) -> str:
    """A character in lower case, decomposed without its marks; syllables of Hangul stay whole."""
    lower = char.lower().replace("ς", "σ")
    form = lower if ord(char) in _SYLLABLES else unicodedata.normalize("NFD", lower)
    bare = "".join(c for c in form if unicodedata.category(c) != "Mn")
    return "0" if zero and bare.isdecimal() else bare


def _entry(char: str) -> int:
    category, name = unicodedata.category(char), unicodedata.name(char, "")
    if category[0] not in "LN" and (category != "Mc" or name.startswith("MUSICAL")):
        return 0
    alone = category in ("Lo", "Lm", "Nl") and word_class(char) in (OTHER, KATAKANA)
    return ALONE | ord(char) if alone else ord(char)


@inlined
def read_code(data: Bytes, place: int, stop: int) -> tuple[int, int]:
    """The code point beyond ASCII at a place and the place behind it, never beyond stop."""
    code = int(data[at(place)])
    width = 2 if code < 0xE0 else 3 if code < 0xF0 else 4
    behind = min(place + width, stop)
    code &= 0x7F >> width
    for k in range(place + 1, behind):
        code = code << 6 | int(data[at(k)] & 0x3F)
    return min(code, LAST - 1), behind


@kernel
def read_words(
    data: Bytes, cursor: Longs, stop: int, known: SimpleWords, items: Hashes, count: int, limit: int
) -> int:
    """Writes the hashes of the next words to items, from `count` on up to `limit`.

    Moves the cursor; gives how many items there are then, beyond the limit by SLACK at most. The
    hash of a word is a polynomial of its code points, yet to be mixed. It is written at every
    character, where the next one will be: a branch at every word's end costs twice as much.
    """
    entries, several = known.entries, known.several
    place, state = cursor[PLACE], np.uint64(cursor[STATE])
    while place < stop and count < limit:
        code = int(data[at(place)])
        if code < 0x80:  # as below, where nothing else is asked
            entry = entries[at(code)]
            place += 1
            items[at(count)] = state
            count += (entry == 0) & (state != _EMPTY)
            state = _EMPTY if entry == 0 else state * BASE + np.uint64(entry)
            continue
        code, place = read_code(data, place, stop)
        entry = entries[at(code)]
        if entry < ALONE:
            items[at(count)] = state
            count += (entry == 0) & (state != _EMPTY)
            state = _EMPTY if entry == 0 else state * BASE + np.uint64(entry)
        elif entry < DROPPED:
            items[at(count)] = state
            count += state != _EMPTY
            items[at(count)] = np.uint64(entry & _CODE)
            count += 1
            state = _EMPTY
        elif entry >= SEVERAL:
            first = int(entry & _CODE) + 1
            for k in range(first, first + int(several[first - 1])):
                state = state * BASE + np.uint64(several[k])
    if place >= stop:
        items[at(count)] = state
        count += state != _EMPTY
        state = _EMPTY
    cursor[PLACE], cursor[STATE] = place, np.int64(state)
    return count


@kernel
def read_characters(
    data: Bytes, cursor: Longs, stop: int, known: SimpleWords, items: Hashes, count: int, limit: int
) -> int:
    """As `read_words`, with the characters of the words and one space between two words."""
    entries, several = known.entries, known.several
    place, state = cursor[PLACE], cursor[STATE]
    while place < stop and count < limit:
        code = int(data[at(place)])
        if code < 0x80:
            place += 1
        else:
            code, place = read_code(data, place, stop)
        entry = entries[at(code)]
        if entry >= DROPPED and entry < SEVERAL:
            continue
        kept, alone = entry != 0, (entry >= ALONE) & (entry < DROPPED)
        items[at(count)] = _SPACE
        count += kept & ((state == _BEHIND) | (alone & (state == _WITHIN)))
        items[at(count)] = np.uint64(entry & _CODE)
        count += kept & (entry < DROPPED)
        ended = _BEFORE if state == _BEFORE else _BEHIND
        state = _WITHIN if kept & (not alone) else _BEHIND if kept else ended
        if entry >= SEVERAL:
            first = int(entry & _CODE) + 1
            for k in range(first, first + int(several[first - 1])):
                items[at(count)] = np.uint64(several[k])
                count += 1
    cursor[PLACE], cursor[STATE] = place, state
    return count
