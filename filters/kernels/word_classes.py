"""The class of a character in the segmentation of text into words (UAX #29, table 3).

`unicodedata` does not know the Word_Break property; categories, names and the standard's own lists
give it, equal to that of Unicode 16 but for whitespace. Ideographs, kana and the scripts that write
no spaces are class OTHER, in which every character (with its marks) is a word: a dictionary would
be needed to do better.
"""

from __future__ import annotations

import unicodedata

OTHER, EXTEND, FORMAT, ZWJ, KATAKANA, LETTER, HEBREW, NUMERIC, CONNECTOR = range(9)
MID_LETTER, MID_NUMBER, MID_BOTH, SINGLE_QUOTE, DOUBLE_QUOTE, REGIONAL, PICTURE = range(9, 16)
"""MID_BOTH is the published MidNumLet; PICTURE stands for Extended_Pictographic."""

# What categories and names do not tell: code points and ranges, in hexadecimal.
_LISTED = {
    OTHER: "200b 3006-3007 3021-3029 3038-303a 17000-18aff 18d00-18d7f",
    EXTEND: "200c ff9e-ff9f 1f3fb-1f3ff",
    ZWJ: "200d",
    KATAKANA: "3031-3035 309b-309c 30a0 30fc ff70 32d0-32fe 3300-3357",
    NUMERIC: "66b 600-605 6dd 890-891 8e2 19da 110bd 110cd",
    MID_LETTER: "3a b7 387 55f 5f4 2027 fe13 fe55 ff1a",
    MID_NUMBER: "2c 3b 37e 589 60c-60d 66c 7f8 2044 fe50 fe54 ff0c ff1b",
    MID_BOTH: "2e 2018-2019 2024 fe52 ff07 ff0e",
    SINGLE_QUOTE: "27",
    DOUBLE_QUOTE: "22",
    REGIONAL: "1f1e6-1f1ff",
    LETTER: """2c2-2c5 2d2-2d7 2de-2df 2e5-2eb 2ed 2ef-2ff 55a-55c 55e 58a 5f3 70f a708-a716
    a720-a721 a789-a78a ab5b 24b6-24e9 1f130-1f149 1f150-1f169 1f170-1f189""",
}
_ALONE = (
    *("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "HENTAIGANA"),
    *("NUSHU CHARACTER", "KHITAN", "THAI", "LAO", "KHMER", "MYANMAR", "TAI ", "NEW TAI LUE"),
    "AHOM",
)


def _chosen() -> dict[int, int]:
    found: dict[int, int] = {}
    for kind, ranges in _LISTED.items():
        for part in ranges.split():
            first, _, last = part.partition("-")
            found |= dict.fromkeys(range(int(first, 16), int(last or first, 16) + 1), kind)
    return found


_CHOSEN = _chosen()
_BY_CATEGORY = {
    **dict.fromkeys(("Mn", "Me", "Mc"), EXTEND),
    "Nl": LETTER,
    "Nd": NUMERIC,
    "Cf": FORMAT,
    "Pc": CONNECTOR,
    "So": PICTURE,
}


def word_class(char: str) -> int:
    """The class of a character; whitespace, which is in no word, has any."""
    code = ord(char)
    if code in _CHOSEN:
        return _CHOSEN[code]
    category, name = unicodedata.category(char), unicodedata.name(char, "")
    if (category[0] == "L" or category == "So") and name.startswith(_ALONE):
        return OTHER
    if category[0] != "L":
        return _BY_CATEGORY.get(category, OTHER)
    if name.startswith(("KATAKANA", "HALFWIDTH KATAKANA")):
        return KATAKANA
    return HEBREW if name.startswith("HEBREW") else LETTER
