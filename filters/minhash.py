"""MinHash: texts become signatures, whose share of equal values estimates how alike they are.

The settings are in minhash_settings, which needs no compiler. Signatures are those of datasketch
for the same base hashes and permutations: of its scheme `legacy` at 32 bits, `affine64` at 64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tamis.filters.kernels import shingles
from tamis.filters.kernels.arrays import Bytes, Hashes, Ints, Longs, Values
from tamis.filters.kernels.shingles import ROOM, Cut
from tamis.filters.kernels.simple_words import SLACK, simple_words
from tamis.filters.minhash_settings import Banding, Shingling


class Signed(NamedTuple):
    """What MinHash knows of texts."""

    signatures: Values
    """[n, permutations], uint32 or uint64; the greatest value throughout where there is no word."""
    shingles: Ints
    """[n]: how many shingles each text has, repeated ones counted; 0 if it has no word."""


class Sets(NamedTuple):
    """The distinct shingles of texts, one text after another."""

    values: Hashes
    """Ascending within a text."""
    offsets: Longs
    """[n + 1]: where each text's begin."""


class Signer:
    """Signs texts; holds room of a fixed size, so that each thread needs its own.

    Texts are given as Arrow has them: bytes of UTF-8 and the n + 1 places where they begin and end.
    """

    def __init__(self, shingling: Shingling, banding: Banding) -> None:
        self.shingling, self.banding = shingling, banding
        self.kind: type[np.unsignedinteger[Any]] = np.uint32 if banding.bits == 32 else np.uint64
        self._factors, self._summands = (part.astype(self.kind) for part in banding.values)
        self._cut = _cut(shingling)

    def sign(self, data: Bytes, offsets: Longs) -> Signed:
        """The signature of every text, and its number of shingles."""
        count = len(offsets) - 1
        signatures = np.empty((count, self.banding.permutations), self.kind)
        found = np.empty(count, np.int32)
        base = np.empty(ROOM, self.kind)
        shingles.sign(
            data, offsets, self._cut, self._factors, self._summands, base, signatures, found
        )
        return Signed(signatures, found)

    def keys(self, signatures: Values) -> Hashes:
        """The key of every band of signatures [n, permutations]: [bands, n]."""
        keys = np.empty((self.banding.bands, len(signatures)), np.uint64)
        shingles.write_keys(signatures, self.banding.rows, keys)
        return keys

    def sets(self, data: Bytes, offsets: Longs) -> Sets:
        """The distinct shingles of every text, as hashes; room for eight times the text is taken,
        and touched where there are shingles."""
        room = np.empty(int(offsets[-1] - offsets[0]) + SLACK, np.uint64)
        ends = np.zeros(len(offsets), np.int64)
        shingles.write_all(data, offsets, self._cut, room, ends)
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            room[start:stop].sort()
        shingles.drop_repeated(room, ends)
        return Sets(room[: ends[-1]].copy(), ends)


def base_hashes(text: str, shingling: Shingling, bits: int = 32) -> Hashes:
    """The base hashes of a text's shingles in their order, repeated ones too.

    What datasketch is to be given in their place: the upper half of the mixed hash at 32 bits; at
    64 the hash before it is mixed, which its scheme `affine64` does in the same way.
    """
    data = np.frombuffer(text.encode(), np.uint8)
    found = np.empty(len(data) + SLACK, np.uint64)
    ends = np.zeros(2, np.int64)
    offsets = np.array([0, len(data)], np.int64)
    shingles.write_all(data, offsets, _cut(shingling), found, ends, bits == 32)
    return found[: ends[-1]] >> np.uint64(64 - bits)


def _cut(shingling: Shingling) -> Cut:
    words = simple_words(shingling.digits == "zero")
    return shingles.cut(words, shingling.unit == "characters", shingling.size)
