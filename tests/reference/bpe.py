"""Byte pair encoding as SentencePiece does it, with nothing but lists and dictionaries."""

from __future__ import annotations

from itertools import pairwise

from tamis.tokenize.vocabulary import NORMAL, Vocabulary


def encode(vocabulary: Vocabulary, text: str) -> list[int]:
    """The ids of a text: of all neighbours that make a piece the one with the highest score, and
    of equal ones the leftmost, becomes one; until there are none."""
    normal = {
        vocabulary.pieces[k].decode(): k
        for k, kind in enumerate(vocabulary.kinds)
        if kind == NORMAL
    }
    if vocabulary.prefix and text:
        text = " " + text
    symbols = list(text)
    while True:
        pairs = [a + b for a, b in pairwise(symbols)]
        scores = [(-vocabulary.scores[normal[p]], k) for k, p in enumerate(pairs) if p in normal]
        if not scores:
            break
        place = min(scores)[1]
        symbols[place : place + 2] = [pairs[place]]
    ids: list[int] = []
    for symbol in symbols:
        if symbol in normal:
            ids.append(normal[symbol])
        else:
            ids += [vocabulary.names.index(f"<0x{byte:02X}>") for byte in symbol.encode()]
    return ids
