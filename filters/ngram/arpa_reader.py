"""Reads ARPA files, plain or compressed by gzip, line by line: nobody needs to hold one in memory.

Everything wrong is said with its line. A file may come from anybody: lines are bounded, and memory
is what the words take and some megabytes.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, cast

import numpy as np
import numpy.typing as npt

from tamis.filters.kernels.arrays import Hashes
from tamis.filters.kernels.murmur import murmur
from tamis.filters.ngram.arpa_lines import (
    FEW_WORDS,
    LAST_WEIGHT,
    LONG,
    LONGEST_LINE,
    NO_NUMBER,
    NO_WEIGHT,
    TOO_LIKELY,
    UNKNOWN_WORD,
    read_longer,
    read_unigrams,
)
from tamis.filters.ngram.levels import HIGHEST_ORDER, SPECIAL, Level
from tamis.filters.ngram.probing import enter

UNKNOWN_PROB = -100.0
"""log10 of the probability of <unk> in a model without one; KenLM's."""
_CHUNK = 1 << 22
_BLOCK = 1 << 18
_SHORTEST_LINE = 4
_BEST_COMPRESSION = 1100
"""gzip makes no file smaller than by this factor; who believes a larger count may fill a disk."""
_UNKNOWN = (SPECIAL[0], b"<UNK>")
_COUNT = re.compile(rb"ngram\s+([0-9]{1,3})\s*=\s*([0-9]{1,18})")
_WRONG = {
    NO_NUMBER: "no probability at its start",
    TOO_LIKELY: "a probability above 1",
    FEW_WORDS: "fewer words than its section says",
    UNKNOWN_WORD: "a word that is none of the unigrams",
    NO_WEIGHT: "something after its words that is no weight",
    LAST_WEIGHT: "a weight, though nothing is longer",
    LONG: f"longer than {LONGEST_LINE} bytes",
}


class _Lines:
    """A file whose lines are taken from its start on."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.rest = b""
        self.ended = False
        self.done = 0
        """How many lines were taken."""

    def __del__(self) -> None:
        self.file.close()

    def wrong(self, what: str, line: int | None = None) -> NoReturn:
        self.file.close()
        raise ValueError(f"{self.path}, line {self.done if line is None else line}: {what}")

    def more(self) -> None:
        """Reads on; ValueError if nothing comes any more, or no end of a line."""
        if self.ended:
            self.wrong("the file ends here", self.done + 1)
        if len(self.rest) > LONGEST_LINE:
            self.wrong(f"more than {LONGEST_LINE} bytes without an end", self.done + 1)
        try:
            chunk = self.file.read(_CHUNK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.wrong(f"the compressed file is broken: {error}", self.done + 1)
        self.ended = not chunk
        self.rest += chunk or b"\n"

    def line(self) -> bytes:
        """The next line without blanks around it."""
        while (end := self.rest.find(b"\n")) < 0:
            self.more()
        line, self.rest = self.rest[:end], self.rest[end + 1 :]
        self.done += 1
        if len(line) > LONGEST_LINE:
            self.wrong(f"longer than {LONGEST_LINE} bytes")
        return line.strip()

    def past_blank(self) -> bytes:
        """The next line that is not empty."""
        while not (line := self.line()):
            pass
        return line

    def take(self, count: int, place: int, wrong: int) -> None:
        """So many lines were read up to a place, the next of which is wrong in some way."""
        self.rest = self.rest[place:]
        self.done += count
        if wrong:
            end = self.rest.index(b"\n")
            said = self.rest[: min(end, 80)]
            self.done += 1
            self.wrong(f"{_WRONG[wrong]}: {said.decode(errors='replace')!r}")
        if not count:
            self.more()


def _open(path: Path) -> BinaryIO:
    file = path.open("rb")
    if file.read(2) == b"\x1f\x8b":
        file.close()
        return cast(BinaryIO, gzip.open(path, "rb"))
    file.seek(0)
    return file


class _Unigrams(NamedTuple):
    level: Level
    known: Hashes
    """The hash table of the words."""
    ids: npt.NDArray[np.uint32]


class Arpa:
    """The n-grams of a file, as Levels, but in its order.

    Orders are best asked for one after another: going back reads the file from its start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = _Lines(path, _open(path))
        said = _counts(self._lines)
        self._said = said
        self.words, self._unigrams = _unigrams(self._lines, said[0])
        self._next = 2
        self.counts = (len(self.words), *said[1:])
        self.bits = max(1, (len(self.words) - 1).bit_length())
        if self.bits * len(said) > 128:
            most = 1 << 128 // len(said)
            raise ValueError(f"{path}: {len(self.words)} words; with order {len(said)} {most} fit")

    def blocks(self, order: int) -> Iterator[Level]:
        """The n-grams of an order; ValueError says which line is wrong."""
        if order == 1:
            yield self._unigrams.level
            return
        if self._next != order:
            self._go_to(order)
        self._next = 0
        yield from self._section(order)
        self._next = order + 1

    def _go_to(self, order: int) -> None:
        """Reads the file anew, up to an order."""
        self._lines.file.close()
        self._lines = _Lines(self._path, _open(self._path))
        _counts(self._lines)
        _unigrams(self._lines, self._said[0])
        for shorter in range(2, order):
            for _ in self._section(shorter):
                pass

    def _section(self, order: int) -> Iterator[Level]:
        lines, left = self._lines, self._said[order - 1]
        _heading(lines, f"\\{order}-grams:")
        last = order == len(self._said)
        while left:
            size = min(left, _BLOCK)
            level = Level(
                np.empty((size, 2), np.uint64),
                np.empty(size, np.float32),
                np.empty(size, np.float32),
            )
            data = np.frombuffer(lines.rest, np.uint8)
            found = read_longer(
                data, order, last, self.bits, self._unigrams.known, self._unigrams.ids, *level
            )
            lines.take(*found)
            count = found[0]
            left -= count
            if count:
                yield Level(level.keys[:count], level.prob[:count], level.backoff[:count])
        if last:
            _heading(lines, "\\end\\")
            lines.file.close()


def read(path: Path) -> tuple[list[bytes], Arpa]:
    """The words of a file by number and its n-grams, in its order.

    <unk> is 0 whether it is there or not (<UNK> is taken for it), the others are numbered in the
    order of their unigrams. ValueError says the line and what is wrong with it.
    """
    arpa = Arpa(path)
    return arpa.words, arpa


def _heading(lines: _Lines, wanted: str) -> None:
    line = lines.past_blank()
    if line != wanted.encode():
        said = line[:80].decode(errors="replace")
        lines.wrong(f"{wanted} should come here, after as many n-grams as were said: {said!r}")


def _counts(lines: _Lines) -> tuple[int, ...]:
    """What the head of a file says of every order."""
    while (line := lines.past_blank()).startswith(b"#"):
        pass
    if line != b"\\data\\":
        lines.wrong(f"not an ARPA file: {line[:80].decode(errors='replace')!r} instead of \\data\\")
    counts: list[int] = []
    while line := lines.line():
        match = _COUNT.fullmatch(line)
        if match is None or int(match[1]) != len(counts) + 1:
            lines.wrong(f"'ngram {len(counts) + 1}=' and a count should come here")
        counts.append(int(match[2]))
    if not 2 <= len(counts) <= HIGHEST_ORDER:
        lines.wrong(f"a model of order {len(counts)}; 2 to {HIGHEST_ORDER} can be read")
    if sum(counts) * _SHORTEST_LINE > lines.path.stat().st_size * _BEST_COMPRESSION:
        lines.wrong(f"{sum(counts)} n-grams cannot be in a file of this size")
    return tuple(counts)


def _unigrams(lines: _Lines, count: int) -> tuple[list[bytes], _Unigrams]:
    """The words by number, and what their lines say."""
    _heading(lines, "\\1-grams:")
    first = lines.done + 1
    words: list[bytes] = []
    parts: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], Hashes]] = []
    while len(words) < count:
        size = min(count - len(words), _BLOCK)
        prob, backoff = np.empty(size, np.float32), np.empty(size, np.float32)
        hashes, bounds = np.empty(size, np.uint64), np.empty(2 * size, np.int64)
        text = lines.rest
        found = read_unigrams(np.frombuffer(text, np.uint8), prob, backoff, hashes, bounds)
        lines.take(*found)
        ends = bounds[: 2 * found[0]].tolist()
        words += [text[a:b] for a, b in zip(ends[::2], ends[1::2], strict=True)]
        parts.append((prob[: found[0]], backoff[: found[0]], hashes[: found[0]]))
    if not words:
        lines.wrong("no words")
    prob, backoff, hashes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _numbered(lines, first, words, prob, backoff, hashes)


def _numbered(
    lines: _Lines,
    first: int,
    words: list[bytes],
    prob: npt.NDArray[np.float32],
    backoff: npt.NDArray[np.float32],
    hashes: Hashes,
) -> tuple[list[bytes], _Unigrams]:
    """Puts <unk> first and makes the table to read n-grams by; first: the line of words[0]."""
    _check_twice(lines, first, words, hashes)
    for special in SPECIAL[1:]:
        if special not in words:
            lines.wrong(f"the unigrams, which end here, lack {special.decode()}")
    unknown = [place for place, word in enumerate(words) if word in _UNKNOWN]
    if len(unknown) > 1:
        lines.wrong(f"{words[unknown[1]].decode()} a second time", first + unknown[1])
    rest = np.delete(np.arange(len(words)), unknown)
    named = [words[place] for place in rest.tolist()]
    start = prob[unknown] if unknown else np.array([UNKNOWN_PROB], np.float32)
    weight = backoff[unknown] if unknown else np.zeros(1, np.float32)
    keys = np.zeros((len(named) + 1, 2), np.uint64)
    keys[:, 1] = np.arange(len(named) + 1)
    level = Level(
        keys, np.concatenate([start, prob[rest]]), np.concatenate([weight, backoff[rest]])
    )
    known, ids = _table(hashes[rest])
    return [SPECIAL[0], *named], _Unigrams(level, known, ids)


def _check_twice(lines: _Lines, first: int, words: list[bytes], hashes: Hashes) -> None:
    order = np.argsort(hashes, kind="stable")
    again = order[1:][hashes[order[1:]] == hashes[order[:-1]]]
    if again.size:
        place = int(again.min())
        lines.wrong(f"{words[place][:80].decode(errors='replace')!r} a second time", first + place)


def _table(hashes: Hashes) -> tuple[Hashes, npt.NDArray[np.uint32]]:
    """Words by their hashes, numbered from 1, and both names of <unk> as 0."""
    known = np.zeros(2 * hashes.size + 5, np.uint64)
    ids = np.zeros(known.size, np.uint32)
    names = [np.uint64(murmur(np.frombuffer(word, np.uint8), 0, 5)) for word in _UNKNOWN]
    enter(np.array(names, np.uint64), 0, known, ids)
    ids[:] = 0
    enter(hashes, 1, known, ids)
    return known, ids
