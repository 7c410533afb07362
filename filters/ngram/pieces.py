"""SentencePiece unigram models: their files read, and words segmented by them.

A word is what stands between spaces; each is segmented on its own, and gives what the library gives
for that word alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tamis.filters.ngram.charsmap import Charsmap, charsmap, rewrite
from tamis.filters.ngram.trie import Trie, trie
from tamis.filters.ngram.unigram import search, segment
from tamis.filters.ngram.wire import BYTES, FIXED32, VARINT, fields, known, single

LARGEST, MOST, LONGEST, ALL = 1 << 28, 1 << 20, 1024, 1 << 22
"""A file in bytes, pieces, one in bytes, all in bytes: more is refused."""
_SPACE = "\u2581"
_UNIGRAM = 1
_NORMAL, _UNKNOWN, _CONTROL, _USER, _UNUSED, _BYTE = range(1, 7)
_UNKNOWN_PENALTY = np.float32(10)


class Pieces(NamedTuple):
    """A model, as kernels take it."""

    rules: Charsmap
    trie: Trie
    names: tuple[bytes, ...] = ()
    """The pieces themselves."""

    def encode(self, word: bytes) -> list[bytes]:
        """The pieces of a word without spaces, in UTF-8, as `encode_as_pieces` has them."""
        data = np.frombuffer(word, np.uint8)
        text = np.empty(self.rules.widest * len(data) + 3, np.uint8)
        units, replacements, plain, _ = self.rules
        size = rewrite(data, 0, len(data), units, replacements, plain, text)
        room = search(size)
        units, scores, unknown = self.trie
        count = segment(text, size, units, scores, unknown[0], *room)
        ends = [0, *room.ends[:count].tolist()]
        whole = text.tobytes()
        return [whole[ends[k] : ends[k + 1]] for k in range(count)]


def load(data: bytes) -> Pieces:
    """Reads an `sp.model`.

    ValueError says what is wrong with it, or what it has that is not handled here: another type
    than unigram, pieces of bytes or of the user's, U+2581 inside a piece, whitespace kept or put
    behind words, rules that replace spaces.
    """
    try:
        return _load(data)
    except ValueError as error:
        raise ValueError(f"This is no SentencePiece model that can be used: {error}.") from None


def _load(data: bytes) -> Pieces:
    if len(data) > LARGEST:
        raise ValueError(f"it has {len(data)} bytes, more than {LARGEST}")
    scores: dict[bytes, float] = {}
    trainer, normalizer = b"", b""
    kinds = {1: BYTES, 2: BYTES, 3: BYTES}
    for count, (number, value) in enumerate(known(data, kinds)):
        if count > MOST:
            raise ValueError(f"it has more than {MOST} pieces")
        assert isinstance(value, bytes)
        if number == 1:
            _add(value, scores)
        elif number == 2:
            trainer += value  # a message in parts is one
        else:
            normalizer += value
    if not trainer or not normalizer:
        raise ValueError("its settings are missing")
    _check_trainer(trainer)
    if _SPACE.encode() not in scores:
        raise ValueError("U+2581 is no piece of it")
    if sum(map(len, scores)) >= ALL:
        raise ValueError(f"its pieces have more than {ALL} bytes in all")
    values = np.array(list(scores.values()), np.float32)
    least = values.min() - _UNKNOWN_PENALTY
    return Pieces(_rules(normalizer), trie(list(scores), values, least), tuple(scores))


def _add(message: bytes, scores: dict[bytes, float]) -> None:
    """Adds a piece, unless it is one that no text gives."""
    piece, score, kind = b"", 0.0, _NORMAL
    for number, value in known(message, {1: BYTES, 2: FIXED32, 3: VARINT}):
        if number == 1:
            assert isinstance(value, bytes)
            piece = value
        elif number == 2:
            score = single(value)
        else:
            assert isinstance(value, int)
            kind = value
    text = piece.decode()
    if not 0 < len(piece) <= LONGEST or "\0" in text:
        raise ValueError(f"a piece has {len(piece)} bytes or a zero among them")
    if not math.isfinite(score):
        raise ValueError(f"the score of the piece {text!r} is not finite")
    if kind in (_UNKNOWN, _CONTROL, _UNUSED):
        return
    if kind != _NORMAL:
        names = {_USER: "one that its user defined", _BYTE: "a byte"}
        raise ValueError(f"the piece {text!r} is {names.get(kind, f'of type {kind}')}")
    if _SPACE in text[1:]:
        raise ValueError(f"the piece {text!r} has U+2581 behind its first character")
    if piece in scores:
        raise ValueError(f"the piece {text!r} is there twice")
    scores[piece] = score


def _check_trainer(message: bytes) -> None:
    for number, value in known(message, {3: VARINT, 24: VARINT, 35: VARINT}):
        if number == 3 and value != _UNIGRAM:
            names: dict[object, str] = {2: "BPE", 3: "word", 4: "char"}
            raise ValueError(f"its type is {names.get(value, value)}, not unigram")
        if number == 24 and value:
            raise ValueError("it puts whitespace behind words")
        if number == 35 and value:
            raise ValueError("it takes unknown characters apart into bytes")


def _rules(message: bytes) -> Charsmap:
    blob = b""
    asked = {3: "U+2581 before the first word", 4: "to drop extra whitespace", 5: "to mark spaces"}
    for number, _, value in fields(message):
        if number == 2 and isinstance(value, bytes):
            blob = value
        elif number in asked and value != 1:
            raise ValueError(f"it is not set {asked[number]}")
    return charsmap(blob)
