"""Which phrases of a list occur in a piece of text, whatever the case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tamis.filters.kernels.arrays import Flags, Ints
from tamis.filters.kernels.compiled import inlined, kernel

KELVIN = 0x212A
"""The one character beyond ASCII whose lower case is an ASCII letter alone (k)."""
RARE_FIRST = "zqxjkvbpygfwmucldrhsnioate "


class Phrases(NamedTuple):
    """Up to 32 phrases of lower-case ASCII, each looked for at its rarest letter."""

    letters: Ints
    """The phrases, one after another."""
    starts: Ints
    """Where each starts in letters, and the end of the last."""
    anchors: Ints
    """How far into each its rarest letter is."""
    by_letter: Flags
    """The phrases of which a letter, large or small, is the rarest, as bits, by ASCII code."""


def phrases(listed: Sequence[str]) -> Phrases:
    """Phrases ready to be looked for; bit i of an answer is the i-th."""
    starts = np.cumsum([0, *map(len, listed)]).astype(np.int32)
    by_letter = np.zeros(128, np.uint32)
    anchors = [min(range(len(p)), key=lambda k: RARE_FIRST.index(p[k])) for p in listed]
    for number, (phrase, anchor) in enumerate(zip(listed, anchors, strict=True)):
        for letter in {phrase[anchor], phrase[anchor].upper()}:
            by_letter[ord(letter)] |= 1 << number
    letters = np.array([ord(char) for phrase in listed for char in phrase], np.int32)
    return Phrases(letters, starts, np.array(anchors, np.int32), by_letter)


@inlined
def lowered(code: int) -> int:
    """The lower case of a character as far as it is ASCII; other characters as they are."""
    if 0x41 <= code <= 0x5A:
        return code + 0x20
    return 0x6B if code == KELVIN else code


@kernel
def phrases_in(codes: Ints, start: int, stop: int, wanted: Phrases) -> int:
    """The phrases that occur in codes[start:stop].lower(), as bits."""
    found = 0
    for place in range(start, stop):
        code = codes[place] if codes[place] != KELVIN else lowered(KELVIN)
        if code >= 128 or not wanted.by_letter[code]:
            continue
        candidates = int(wanted.by_letter[code]) & ~found
        for number in range(len(wanted.anchors)):
            if candidates >> number & 1:
                begin = place - wanted.anchors[number]
                if begin >= start and _is_at(codes, begin, stop, wanted, number):
                    found |= 1 << number
    return found


@kernel
def _is_at(codes: Ints, begin: int, stop: int, wanted: Phrases, number: int) -> bool:
    letter, last = wanted.starts[number], wanted.starts[number + 1]
    place = begin
    while letter < last and place < stop and lowered(codes[place]) == wanted.letters[letter]:
        letter += 1
        place += 1
    return bool(letter == last)
