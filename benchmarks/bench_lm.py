"""Estimation of a 5-gram model from text, against KenLM's lmplz where it is on PATH.

Both get the same text, normalised words between spaces, a line a sentence, 1 GiB to work in and
both cores of a machine with two, and write an ARPA file. lmplz is built from KenLM's sources,
for this comparison alone. Where it is missing our own figures stand alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from measuring import Row
from texts import SCRATCH, documents, fresh, pool

if TYPE_CHECKING:
    from tamis.filters.ngram.levels import Levels

Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]

MEGABYTES = 100.0
MEMORY = 1 << 30
ORDER = 5
RATIO = 8.0
CLOSE = 1e-4  # of log10 of a probability
PART = 8 << 20
WARM = 200_000  # bytes of the text that the first, uncounted run is given


class Took(NamedTuple):
    """Seconds by the clock, and the most memory a process held, in MB."""

    seconds: float
    peak: float


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table."""
    folder = fresh(SCRATCH / "lm")
    folder.mkdir(parents=True)
    text = folder / "text"
    size = _write(text, data, megabytes or MEGABYTES)
    ours = [sys.executable, __file__, str(text), str(folder / "tamis.arpa")]
    program = shutil.which("lmplz")
    other = [program or "", "-o", str(ORDER), "-S", f"{MEMORY}b", "-T", f"{folder}/"]
    other += ["--discount_fallback", "--text", str(text), "--arpa", str(folder / "lmplz.arpa")]
    (folder / "some").write_bytes(text.read_bytes()[:WARM])
    _run([sys.executable, __file__, str(folder / "some"), str(folder / "some.arpa")])  # compiles
    sides = {"tamis": ours} | ({"lmplz": other} if program else {})
    taken: dict[str, list[Took]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, command in sides.items():
            taken[name].append(_run(command))
    found = {name: sorted(t)[len(t) // 2] for name, t in taken.items()}
    mine, theirs = found["tamis"], found.get("lmplz")
    made = [
        Row(
            f"5-grams of {size:.0f} MB of words to ARPA, by the clock, {len(_cores())} cores",
            f"{mine.seconds:.0f} s, {mine.peak:.0f} MB",
            f"{theirs.seconds:.0f} s, {theirs.peak:.0f} MB" if theirs else "lmplz is not on PATH",
            f"{mine.seconds / theirs.seconds:.2f} times its time" if theirs else "",
            f"< {RATIO:g} times, under 1 GiB",
            mine.peak < MEMORY / 1e6 and (theirs is None or mine.seconds < RATIO * theirs.seconds),
            {"text_mb": size, "samples": {name: [list(t) for t in taken[name]] for name in taken}},
        )
    ]
    return [*made, _equality(folder)] if theirs else made


def _write(path: Path, data: Path | None, megabytes: float) -> float:
    """Writes the text; gives its size in MB."""
    from tamis.filters.ngram.normalise import normalised
    from tamis.filters.ngram.vocabulary import RESERVED

    with path.open("wb") as file:
        for text in documents(pool(data), int(megabytes * 1e6)):
            for line in normalised(text, "fixed").split("\n"):
                words = [word for word in line.split(" ") if word and word.encode() not in RESERVED]
                if words:
                    file.write(" ".join(words).encode() + b"\n")
        return file.tell() / 1e6


def _cores() -> set[int]:
    return set(range(os.cpu_count() or 1))


def _run(command: list[str]) -> Took:
    """Runs a command on all cores, which this process itself may have given up."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, _cores()),
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command[0]} ended with {status}")
    return Took(time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6)


def _equality(folder: Path) -> Row:
    """How far apart the probabilities and weights of the two files are, n-gram by n-gram."""
    from tamis.filters.ngram import arpa_reader

    sides = [arpa_reader.read(folder / f"{name}.arpa") for name in ("tamis", "lmplz")]
    numbers = {word: n for n, word in enumerate(sides[0][0])}
    counts = [levels.counts for _, levels in sides]
    ids = np.array([numbers[word] for word in sides[1][0]], np.uint64)
    worst = 0.0
    for order in range(1, ORDER + 1):
        mine = _sorted(sides[0][1], order, None)
        theirs = _sorted(sides[1][1], order, ids)
        assert (mine[0] == theirs[0]).all()
        for one, other in zip(mine[1:], theirs[1:], strict=True):
            worst = max(worst, float(np.abs(one - other).max()))
    return Row(
        f"log10 p and weights of all {sum(counts[0]):,} n-grams, furthest apart",
        f"{worst:.1e}",
        "",
        "",
        f"<= {CLOSE:g}",
        worst <= CLOSE and counts[0] == counts[1],
    )


def _sorted(levels: Levels, order: int, ids: Hashes | None) -> tuple[Hashes, Floats, Floats]:
    """The n-grams of an order as words in rows, by our numbers and sorted, and what they have."""
    parts = list(levels.blocks(order))
    keys = np.concatenate([part.keys for part in parts])
    mask = np.uint64((1 << levels.bits) - 1)
    words = np.stack([_shifted(keys, levels.bits * n) & mask for n in range(order)], axis=1)
    words = words if ids is None else ids[words]
    rank = np.lexsort(words.T)
    values = (np.concatenate([getattr(p, name) for p in parts]) for name in ("prob", "backoff"))
    prob, backoff = (value[rank] for value in values)
    return words[rank], prob, backoff


def _shifted(keys: Hashes, by: int) -> Hashes:
    """The low half of keys shifted to the right."""
    high, low = keys[:, 0], keys[:, 1]
    if by >= 64:
        return high >> np.uint64(by - 64)
    return low if by == 0 else (low >> np.uint64(by)) | (high << np.uint64(64 - by))


def main(text: Path, out: Path) -> None:
    """Text to ARPA, as `tamis lm train --tokens words` does it, without ingest."""
    from tamis.filters.ngram import arpa
    from tamis.filters.ngram.estimate import estimate
    from tamis.filters.ngram.levels import END
    from tamis.filters.ngram.model_training import room
    from tamis.filters.ngram.tokens import Tokens
    from tamis.filters.ngram.vocabulary import Vocabulary

    tokens = Tokens("fixed", None, Vocabulary())

    def blocks() -> Iterator[npt.NDArray[np.uint32]]:
        with text.open("rb") as file:
            while lines := file.readlines(PART):
                data = np.frombuffer(b"".join(lines), np.uint8)
                ids, ends, _ = tokens.read(data, np.array([0, len(data)], np.int64))
                yield np.insert(ids, ends, np.uint32(END))

    scratch = fresh(out.with_suffix(".scratch"))
    scratch.mkdir()
    words = tokens.vocabulary.words
    levels = estimate(blocks(), lambda: len(words()), ORDER, room(MEMORY), scratch)
    arpa.write(out, words(), levels)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
