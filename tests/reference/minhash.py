"""Simplified words, shingles and signatures in plain Python, from their definitions."""

from __future__ import annotations

import unicodedata

from tamis.filters.kernels.word_classes import KATAKANA, OTHER, word_class
from tamis.filters.minhash_settings import Banding, Shingling

BASE = 0x9E3779B97F4A7C15
LIMIT = 1 << 64


def words(text: str, zero: bool = False) -> list[str]:
    """The simplified words."""
    found = [""]
    for char in text:
        for part in simplified(char):
            category = unicodedata.category(part)
            if zero and category == "Nd":
                part = "0"
            stem = "\U0001d165" <= part <= "\U0001d172"
            if stem or (category[0] not in "LN" and category != "Mc"):
                found.append("")
            elif category in ("Lo", "Lm", "Nl") and word_class(part) in (OTHER, KATAKANA):
                found += [part, ""]
            else:
                found[-1] += part
    return [word for word in found if word]


def simplified(char: str) -> str:
    """The character in lower case and without its marks."""
    lower = "σ" if char in "Σς" else char.lower()
    if not "가" <= char <= "힣":
        lower = unicodedata.normalize("NFD", lower)
    return "".join(part for part in lower if unicodedata.category(part) != "Mn")


def shingles(text: str, shingling: Shingling) -> list[list[int]]:
    """The hashes of the units of every shingle."""
    found = words(text, shingling.digits == "zero")
    if shingling.unit == "characters":
        units = [mixed(ord(char)) for char in " ".join(found)]
    else:
        units = [mixed(polynomial(list(map(ord, word)))) for word in found]
    if len(units) <= shingling.size:
        return [units] if units else []
    return [units[k : k + shingling.size] for k in range(len(units) - shingling.size + 1)]


def polynomial(values: list[int]) -> int:
    """The first value weighs most."""
    total = 0
    for value in values:
        total = (total * BASE + value) % LIMIT
    return total


def mixed(value: int) -> int:
    """MurmurHash3's 64-bit finaliser."""
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD % LIMIT
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 % LIMIT
    return value ^ value >> 33


def hashes(text: str, shingling: Shingling) -> list[int]:
    """The hash of every shingle."""
    return [mixed(polynomial(units)) for units in shingles(text, shingling)]


def signature(text: str, shingling: Shingling, banding: Banding) -> list[int]:
    """The smallest permuted hash for every permutation."""
    base = [value >> (64 - banding.bits) for value in hashes(text, shingling)]
    modulus = 1 << banding.bits
    return [
        min(((int(a) * value + int(b)) % modulus for value in base), default=modulus - 1)
        for a, b in zip(*banding.values, strict=True)
    ]


def keys(values: list[int], rows: int) -> list[int]:
    """The key of every band of a signature."""
    found = []
    for band in range(len(values) // rows):
        key = mixed(band + 1)
        for value in values[band * rows : (band + 1) * rows]:
            key = mixed((key * BASE + value) % LIMIT)
        found.append(key)
    return found
