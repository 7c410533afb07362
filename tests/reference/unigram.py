"""The most probable pieces of a word, in plain Python and single precision."""

from __future__ import annotations

import numpy as np

from tamis.filters.kernels.arrays import Flags
from tamis.filters.ngram.levels import Floats
from tamis.filters.ngram.pieces import Pieces

MARK = "\u2581"


def best_pieces(model: Pieces, word: str) -> list[str]:
    """The pieces of a word that no rule of the model changes."""
    scores = dict(_pieces(model.trie.units, model.trie.scores))
    text = MARK + word
    best: list[tuple[np.float32, list[str], bool]] = [(np.float32(0), [], False)]
    for end in range(1, len(text) + 1):
        ways = []
        for start in range(end):
            piece = text[start:end]
            unknown = len(piece) == 1 and piece.encode() not in scores
            if unknown or piece.encode() in scores:
                score = model.trie.unknown[0] if unknown else scores[piece.encode()]
                ways.append((best[start][0] + score, _joined(best[start], piece, unknown), unknown))
        best.append(max(ways, key=lambda way: way[0]))  # of equal ones the first
    return best[-1][1]


def _joined(way: tuple[np.float32, list[str], bool], piece: str, unknown: bool) -> list[str]:
    _, pieces, before = way
    return [*pieces[:-1], pieces[-1] + piece] if before and unknown else [*pieces, piece]


def _pieces(units: Flags, scores: Floats) -> list[tuple[bytes, np.float32]]:
    owners, bases = units[::2].tolist(), units[1::2].tolist()
    found, ahead = [], [(0, b"")]
    while ahead:
        node, text = ahead.pop()
        if not np.isnan(scores[node]):
            found.append((text, scores[node]))
        for byte in range(256) if bases[node] else ():
            if owners[bases[node] ^ byte] == bases[node]:
                ahead.append((bases[node] ^ byte, text + bytes([byte])))
    return found
