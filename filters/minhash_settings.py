"""How MinHash cuts texts into shingles and signatures into bands, with the published settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
_FACTOR_BITS = {32: 28, 64: 64}
_SUMMAND_BITS = {32: 60, 64: 64}
"""So that a 32-bit hash times a factor plus a summand stays below 2^61 - 1: datasketch's scheme
`legacy` takes that remainder, then the lowest 32 bits, and finds what the sum modulo 2^32 is."""


@dataclass(frozen=True)
class Shingling:
    """The pieces of a text that are compared."""

    size: int = 5
    """Units in a shingle; a text with fewer has one shingle of all its units."""

    unit: Literal["words", "characters"] = "words"
    """Simplified words, or the characters of these words with one space between any two."""

    digits: Literal["keep", "zero"] = "keep"
    """Whether every decimal digit counts as 0."""

    def __post_init__(self) -> None:
        if not 1 <= self.size <= 1000:
            raise ValueError(f"a shingle has 1 to 1000 units, not {self.size}")
        if self.unit not in ("words", "characters"):
            raise ValueError(f"a shingle is of words or characters, not of {self.unit!r}")
        if self.digits not in ("keep", "zero"):
            raise ValueError(f"digits are 'keep' or 'zero', not {self.digits!r}")


class Permutations(NamedTuple):
    """A hash h goes to factors * h + summands, modulo 2 to the power of the bits; uint64 arrays."""

    factors: Hashes
    summands: Hashes


@dataclass(frozen=True)
class Banding:
    """Signatures of bands x rows values; documents meet that agree in all rows of any band."""

    bands: int = 14
    rows: int = 8
    bits: Literal[32, 64] = 32
    """Of a value."""

    seed: int = 1
    """Of the permutations."""

    def __post_init__(self) -> None:
        if self.bands < 1 or self.rows < 1 or self.permutations > 100_000:
            raise ValueError(f"{self.bands} bands of {self.rows} rows: not 1 to 100,000 values")
        if self.bits not in (32, 64):
            raise ValueError(f"a value has 32 or 64 bits, not {self.bits}")
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"the seed is 0 to 2^64 - 1, not {self.seed}")

    @property
    def permutations(self) -> int:
        """How many values a signature has."""
        return self.bands * self.rows

    @property
    def values(self) -> Permutations:
        """The permutations that the seed gives, read-only; the first ones of any greater number."""
        return _drawn(self.permutations, self.bits, self.seed)

    def found(self, similarity: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The share of pairs of a similarity (or of each of several) that meet in some band."""
        share = np.asarray(similarity, np.float64)
        found: npt.NDArray[np.float64] = 1 - (1 - share**self.rows) ** self.bands
        return found

    def midpoint(self) -> float:
        """The similarity at which half of the pairs meet."""
        return float((1 - 0.5 ** (1 / self.bands)) ** (1 / self.rows))


@lru_cache(maxsize=16)
def _drawn(count: int, bits: int, seed: int) -> Permutations:
    numbers = _splitmix(seed, 2 * count)
    factors = (numbers[0::2] >> np.uint64(64 - _FACTOR_BITS[bits])) | np.uint64(1)
    summands = numbers[1::2] >> np.uint64(64 - _SUMMAND_BITS[bits])
    for values in (factors, summands):
        values.flags.writeable = False
    return Permutations(factors, summands)


def _splitmix(seed: int, count: int) -> Hashes:
    """Numbers of the generator splitmix64, which no release of NumPy changes."""
    state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(
        0x9E3779B97F4A7C15
    )
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)), np.uint64)


_THIRTEEN = Shingling(13)
NAMED: Mapping[str, tuple[Shingling, Banding]] = MappingProxyType(
    {
        "default": (Shingling(), Banding()),
        "fineweb": (Shingling(digits="zero"), Banding(14, 8, 64)),
        "refinedweb": (Shingling(), Banding(450, 20)),
        "dclm": (Shingling(), Banding(93, 15)),
        "rpv2-0.7": (_THIRTEEN, Banding(14, 9)),
        "rpv2-0.8": (_THIRTEEN, Banding(9, 13)),
        "rpv2-0.9": (_THIRTEEN, Banding(5, 25)),
        "rpv2-1.0": (_THIRTEEN, Banding(1, 128)),
    }
)
"""Shingles, bands and rows as published (FineWeb, RefinedWeb, DCLM, RedPajama-V2 by threshold);
words are tamis' own. RedPajama-V2 computes 128 values and bands as many of them as it uses."""
