"""Words of a text by the rules of UAX #29, one character at a time; addresses are one word each.

A run of full stops or of hyphens is one word too. For the standard's words ask for no addresses.
"""

from __future__ import annotations

import unicodedata
from functools import cache

# Letters of scripts written without spaces; each stands alone.
ALONE = (
    *("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "HENTAIGANA"),
    *("NUSHU CHARACTER", "KHITAN", "THAI", "LAO", "KHMER", "MYANMAR", "TAI ", "NEW TAI LUE"),
    "AHOM",
)


def ranges(*pairs: tuple[int, int]) -> frozenset[int]:
    return frozenset(code for low, high in pairs for code in range(low, high + 1))


# What has no name in older Unicode data (Tangut), or another category than its class suggests.
IDEOGRAPHS = ranges((0x3006, 0x3007), (0x3021, 0x3029), (0x3038, 0x303A), (0x17000, 0x18AFF))
IDEOGRAPHS |= ranges((0x18D00, 0x18D7F))
SKIN_TONES = ranges((0x1F3FB, 0x1F3FF))
REGIONAL = ranges((0x1F1E6, 0x1F1FF))
ENCLOSED_LETTERS = ranges((0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169))
ENCLOSED_LETTERS |= ranges((0x1F170, 0x1F189))
LETTER_LIKE = ranges((0x2C2, 0x2C5), (0x2D2, 0x2D7), (0x2DE, 0x2DF), (0x2E5, 0x2EB), (0x2ED, 0x2ED))
LETTER_LIKE |= ranges((0x2EF, 0x2FF), (0x55A, 0x55C), (0x55E, 0x55E), (0x58A, 0x58A))
LETTER_LIKE |= ranges((0x5F3, 0x5F3), (0x70F, 0x70F), (0xA708, 0xA716), (0xA720, 0xA721))
LETTER_LIKE |= ranges((0xA789, 0xA78A), (0xAB5B, 0xAB5B)) | ENCLOSED_LETTERS
ENCLOSED_KATAKANA = ranges((0x32D0, 0x32FE), (0x3300, 0x3357))
NUMBER_SIGNS = ranges((0x600, 0x605), (0x6DD, 0x6DD), (0x890, 0x891), (0x8E2, 0x8E2))
NUMBER_SIGNS |= ranges((0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x19DA, 0x19DA), (0x66B, 0x66B))
# What the standard lists one by one.
LISTED = {
    "Extend": "\u200c\u200d\uff9e\uff9f",
    "Katakana": "\u3031\u3032\u3033\u3034\u3035\u309b\u309c\u30a0\u30fc\uff70",
    "Colon": ":",
    "At": "@",
    "MidLetter": "\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a",
    "MidNum": ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe50\ufe54\uff0c\uff1b",
    "MidNumLet": ".\u2018\u2019\u2024\ufe52\uff07\uff0e",
    "Single_Quote": "'",
    "Double_Quote": '"',
}
BY_CHARACTER = {character: name for name, listed in LISTED.items() for character in listed}
LETTERS = ("ALetter", "Hebrew")
SOLID = (*LETTERS, "Numeric")
ABSORBED = ("Extend", "Format")


@cache
def word_class(ch: str) -> str:
    """The Word_Break class of a character, "Space" for what belongs to no word."""
    code, category, name = ord(ch), unicodedata.category(ch), unicodedata.name(ch, "")
    if ch.isspace() or ch == "\u200b":
        return "Space"
    if ch in BY_CHARACTER:
        return BY_CHARACTER[ch]
    if category in ("Mn", "Me", "Mc") or code in SKIN_TONES:
        return "Extend"
    if category == "Nd" or code in NUMBER_SIGNS:
        return "Numeric"
    if code in REGIONAL:
        return "Regional"
    if name.startswith(ALONE) or code in IDEOGRAPHS:
        return "Other"
    if code in LETTER_LIKE or category == "Nl":
        return "ALetter"
    if category.startswith("L") or code in ENCLOSED_KATAKANA:
        return script(code, name)
    return {"Cf": "Format", "Pc": "ExtendNumLet", "So": "Picture"}.get(category, "Other")


def script(code: int, name: str) -> str:
    """The class of a letter of a script with spaces, or of Katakana."""
    if name.startswith(("KATAKANA", "HALFWIDTH KATAKANA")) or code in ENCLOSED_KATAKANA:
        return "Katakana"
    return "Hebrew" if name.startswith("HEBREW") else "ALetter"


def words(text: str, addresses: bool = True) -> list[tuple[int, int]]:
    """Start and end of every word of a text, in characters; URLs, addresses and times are one."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    for i in range(len(text)):
        if word_class(text[i]) == "Space":
            if start is not None:
                found.append((start, i))
            start = None
        elif start is None:
            start = i
        elif not joined(text, start, i) and not (addresses and in_address(text, start, i)):
            found.append((start, i))
            start = i
    return found if start is None else [*found, (start, len(text))]


def joined(text: str, start: int, i: int) -> bool:
    """Whether character i goes on with the word begun at start."""
    here = word_class(text[i])
    if text[i - 1] == "\u200d" and here == "Picture":  # WB3c
        return True
    if here in ABSORBED:  # WB4
        return True
    if text[i] == text[i - 1] and text[i] in ".-":
        return True
    solid = (one for one in map(word_class, text[start + 1 : i]) if one not in ABSORBED)
    # A mark that begins a word goes with nothing but further marks, as no rule has it.
    before = [word_class(text[start]), *solid]
    last, last_but_one = before[-1], before[-2] if len(before) > 1 else ""
    regional = here == last == "Regional" and before.count("Regional") % 2 == 1  # WB15, WB16
    after = following(text, i)
    return regional or pair(last, here) or split_by(last_but_one, last, here, after)


def in_address(text: str, start: int, i: int) -> bool:
    """Whether character i is in a URL, between the parts of an address or in a time of day."""
    for colon in range(start + 1, i + 1):
        if text.startswith("://", colon) and word_class(text[colon - 1]) in SOLID:
            return text[i] not in '<>"'
    classes = [one for one in map(word_class, text[start:i]) if one not in ABSORBED]
    last, last_but_one, here = "", "", word_class(text[i])
    if classes:
        last, last_but_one = classes[-1], classes[-2] if len(classes) > 1 else ""
    for left, sign, right in ((last, here, following(text, i)), (last_but_one, last, here)):
        if sign == "At" and left in SOLID and right in SOLID:
            return True
        if sign == "Colon" and left == right == "Numeric":
            return True
    return False


def following(text: str, i: int) -> str:
    """The class of the next character that is not absorbed."""
    for ch in text[i + 1 :]:
        if word_class(ch) not in ABSORBED:
            return word_class(ch)
    return ""


def pair(last: str, here: str) -> bool:
    """Rules that see two characters: WB5, WB7a, WB8 to WB10, WB13 to WB13b."""
    if last in LETTERS:
        return here in (*LETTERS, "Numeric", "ExtendNumLet") or (
            last == "Hebrew" and here == "Single_Quote"
        )
    if last == "Numeric":
        return here in (*LETTERS, "Numeric", "ExtendNumLet")
    if last == "Katakana":
        return here in ("Katakana", "ExtendNumLet")
    return last == "ExtendNumLet" and here in (*LETTERS, "Numeric", "Katakana", "ExtendNumLet")


def split_by(last_but_one: str, last: str, here: str, after: str) -> bool:
    """Rules for a sign between two characters: WB6, WB7, WB7b, WB7c, WB11, WB12."""
    for left, sign, right in ((last, here, after), (last_but_one, last, here)):
        if left in LETTERS and right in LETTERS:
            if sign in ("Colon", "MidLetter", "MidNumLet", "Single_Quote"):
                return True
            if sign == "Double_Quote" and left == right == "Hebrew":
                return True
        if left == right == "Numeric" and sign in ("MidNum", "MidNumLet", "Single_Quote"):
            return True
    return False
