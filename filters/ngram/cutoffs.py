"""CCNet's published bounds between head, middle and tail, by language.

They fall on the 30th and 60th percentile of the perplexities that CCNet's own models gave to its
2019 crawl: they mean something for those models and that normalisation alone.
"""

from __future__ import annotations

CCNET = {
    "ar": (490, 790),
    "de": (370, 590),
    "en": (340, 520),
    "es": (180, 290),
    "fr": (180, 330),
    "hi": (480, 790),
    "it": (220, 360),
    "ja": (1110, 1450),
    "nl": (430, 650),
    "pl": (160, 260),
    "pt": (170, 270),
    "ru": (210, 310),
    "zh": (1460, 1950),
}
"""Source: cc_net's data/cutoff.csv; the 13 languages of its 48 that are known to us."""
