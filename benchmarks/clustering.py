"""Clustering of synthetic signatures with planted duplicates: seconds and memory by size.

    python benchmarks/clustering.py [--rows N ...] [--folder DIR] [--json FILE]

Signatures of 14 bands of 8 values are those of documents that have nothing in common, but for every
tenth row, which has some bands of another one; with all 14 its text is the same. One row has a
thousandth of all as copies. What must be found is therefore known: every planted pair is in one
component, and it ends in its original's star just if it has enough bands for the bound. Files have
500,000 rows; each step is a process of its own, and its peak is what the kernel counted, pages of
mapped files included. No step uses more than one core.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tamis.filters.kernels.arrays import Hashes, Longs
from tamis.filters.kernels.compiled import at, inlined, kernel
from tamis.pipeline.dedup import bands, elect, join
from tamis.pipeline.dedup.signatures import Rows, Signatures, write

BANDS, VALUES = 14, 8
WIDTH = BANDS * VALUES
SHARD = 500_000
EVERY = 10
"""One row in so many is a duplicate."""
COPIED, COPIES = 1, 1000
"""A row, and one row in so many that is its copy."""
NEAR = 0.7
"""Of 14 bands: 10 and more are similar enough, 9 are not."""
AT_ONCE = 500_000
"""Rows that a unit of electing compares."""
MIX = np.uint64(0x9E3779B97F4A7C15)


@inlined
def mixed(number: np.uint64) -> np.uint64:
    """A number that looks like chance (the finaliser of SplitMix64)."""
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@kernel
def plant(rows: Longs, original: Longs, shared: Longs) -> None:
    """Writes whose duplicate each row is, itself for none, and in how many bands.

    An original is a row before it that is nobody's duplicate.
    """
    for place in range(len(original)):
        row = rows[place]
        original[place], shared[place] = row, 0
        if row % COPIES == COPIED and row > COPIES:
            original[place], shared[place] = COPIED, BANDS
        elif row % EVERY == 0 and row:
            drawn = mixed(np.uint64(row) * MIX)
            other = int(drawn % np.uint64(row))
            other -= other % EVERY == 0 and other > 0
            if other % COPIES != COPIED:
                original[place] = other
                shared[place] = 1 + int((drawn >> np.uint64(32)) % np.uint64(BANDS))


@kernel
def sign(
    first: int, original: Longs, shared: Longs, signature: npt.NDArray[np.uint32], keys: Hashes
) -> None:
    """Writes the signatures of rows, and their keys by band."""
    for place in range(len(original)):
        row = np.uint64(first + place)
        for band in range(BANDS):
            turned = (band + first + place) % BANDS  # so that every band is shared as often
            document = np.uint64(original[place]) if turned < shared[place] else row
            key = np.uint64(band)
            for value in range(band * VALUES, (band + 1) * VALUES):
                drawn = mixed(document * MIX + np.uint64(value)) >> np.uint64(32)
                signature[at(place), at(value)] = drawn
                key = mixed(key * MIX + drawn)
            keys[at(band), at(place)] = key


def names(folder: Path, total: int) -> tuple[list[Path], list[int]]:
    """The files of so many rows, and their first rows."""
    firsts = list(range(0, total, SHARD))
    return [folder / f"{number:05d}.arrow" for number in range(len(firsts))], firsts


def planted(rows: Longs) -> tuple[Longs, Longs]:
    """Whose duplicates rows are, themselves for none, and in how many bands."""
    original, shared = np.empty_like(rows), np.empty_like(rows)
    plant(rows, original, shared)
    return original, shared


def gather(
    places: list[Path], firsts: list[int], rows: Longs, columns: list[str]
) -> list[npt.NDArray[Any]]:
    """Columns of rows from all files, of which one is open at a time: pages of it count, too."""
    order = np.argsort(rows, kind="stable")
    stops = np.searchsorted(rows[order], [*firsts[1:], firsts[-1] + SHARD])
    found: list[npt.NDArray[Any]] = []
    start = 0
    for place, first, stop in zip(places, firsts, stops.tolist(), strict=True):
        file, which = Signatures.open(place), order[start:stop]
        for number, name in enumerate(columns):
            column = getattr(file, name)
            if len(found) == number:
                found.append(np.empty((len(rows), *column.shape[1:]), column.dtype))
            found[number][which] = column[rows[which] - first]
        start = stop
    return found


def step_write(folder: Path, total: int) -> dict[str, Any]:
    """Writes the files of signatures."""
    for path, first in zip(*names(folder, total), strict=True):
        rows = np.arange(first, min(first + SHARD, total))
        original, shared = planted(rows)
        signature = np.empty((len(rows), WIDTH), np.uint32)
        keys = np.empty((BANDS, len(rows)), np.uint64)
        sign(first, original, shared, signature, keys)
        texts = np.where((shared == BANDS) & (original != COPIED), original, rows)
        order = np.arange(len(rows), dtype=np.uint32)
        signed = Rows(
            order.astype(np.int32),
            pa.array(rows).cast(pa.string()),
            (shared > 0).astype(np.float64),
            np.repeat(texts.astype(np.uint64), 2).view(np.uint8).reshape(-1, 16),
            np.zeros((len(rows), 16), np.uint8),
            np.full(len(rows), 500, np.int32),
            signature,
            {f"{band:02d}": (keys[band], order) for band in range(BANDS)},
        )
        write(path, signed)
    return {"GB": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e9, 2)}


def step_match(folder: Path, total: int) -> dict[str, Any]:
    """Finds the edges of every band, a range of keys after the other."""
    places, firsts = names(folder, total)
    count, longest = 0, 0
    for band in range(BANDS):
        for number, (low, high) in enumerate(bands.ranges(total)):
            files = [Signatures.open(place) for place in places]
            found = bands.edges(files, firsts, f"{band:02d}", low, high)
            np.save(folder / f"edges-{band:02d}-{number:05d}.npy", np.stack(found[:2]))
            count, longest = count + len(found.left), max(longest, int(found.longest))
    return {"edges": count, "longest": longest}


def step_join(folder: Path, total: int) -> dict[str, Any]:
    """Joins edges to components, and finds who stands for a text."""
    parts = (np.load(path) for path in sorted(folder.glob("edges-*.npy")))
    rows, component = join.components(((one[0], one[1]) for one in parts), total, folder)
    (texts,) = gather(*names(folder, total), rows, ["text_hash"])
    first = join.representatives(rows, component, texts)
    np.save(folder / "members.npy", np.stack([rows, component, first]))
    return {"members": len(rows), "components": len(np.unique(component))}


def step_check(folder: Path, total: int) -> dict[str, Any]:
    """Counts planted pairs that did not come together; no part of the work."""
    rows, component, _ = np.load(folder / "members.npy")
    missed = 0
    for begin in range(0, total, SHARD):
        every = np.arange(begin, min(begin + SHARD, total))
        original, shared = planted(every)
        missed += _apart(rows, component, every[shared > 0], original[shared > 0])
    return {"pairs missed": missed}


def _apart(rows: Longs, component: Longs, one: Longs, two: Longs) -> int:
    """How many pairs of rows are not in one component."""
    order = np.argsort(rows)
    ascending = rows[order]
    found = []
    for ends in (one, two):
        place = np.minimum(np.searchsorted(ascending, ends), len(rows) - 1)
        found.append(np.where(ascending[place] == ends, component[order[place]], -1 - ends))
    return int(np.count_nonzero(found[0] != found[1]))


def step_elect(folder: Path, total: int) -> dict[str, Any]:
    """Cuts components into stars by estimated similarity, some components at a time."""
    rows, component, first = np.load(folder / "members.npy")
    rows, component = rows[rows == first], component[rows == first]
    begins = np.flatnonzero(np.diff(component, prepend=-1))
    counted = {"compared": 0, "uncompared": 0, "stars": 0, "wrong": 0}
    start = 0
    while start < len(rows):
        stop = np.searchsorted(begins, start + AT_ONCE, side="right")
        end = int(begins[stop]) if stop < len(begins) else len(rows)
        _elect(folder, total, rows[start:end], component[start:end], counted)
        start = end
    return counted


def _elect(
    folder: Path, total: int, rows: Longs, component: Longs, counted: dict[str, int]
) -> None:
    columns = ["priority", "signature", "shingles"]
    priority, signatures, shingles = gather(*names(folder, total), rows, columns)
    order = np.lexsort((rows, priority, component))
    starts = np.append(np.flatnonzero(np.diff(component, prepend=-1)), len(rows))
    signatures = signatures[order]
    members = elect.Members(
        starts,
        np.zeros(len(starts) - 1, np.int64),
        np.zeros((len(rows), 2), np.uint64),
        signatures=signatures,
        shingles=shingles,
    )
    found = elect.stars(members, elect.Bounds(jaccard=NEAR))
    joined = np.flatnonzero(found.by)
    band = elect.matching_band(signatures, joined, found.centre[joined], BANDS, VALUES)
    counted["wrong"] += int(np.count_nonzero(band < 0))
    rows = rows[order]
    original, shared = planted(rows)
    expected = np.where(shared / BANDS >= NEAR, original, rows)
    counted["wrong"] += int(np.count_nonzero(rows[found.centre] != expected))
    counted["compared"] += int(found.compared.sum())
    counted["uncompared"] += int(found.uncompared.sum())
    counted["stars"] += int(np.count_nonzero(found.by == 0))


STEPS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "write": step_write,
    "match": step_match,
    "join": step_join,
    "check": step_check,
    "elect": step_elect,
}


def measure(folder: Path, total: int, name: str) -> dict[str, Any]:
    """A step in a process of its own: its seconds, its peak in MB, and what it found."""
    command = [sys.executable, __file__, "--step", name, "--rows", str(total)]
    with subprocess.Popen([*command, "--folder", str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    found: dict[str, Any] = json.loads(printed)
    return {"rows": total, "step": name, "peak MB": usage.ru_maxrss // 1024, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000, 2_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--step", choices=STEPS)
    options = parser.parse_args()
    if options.step:
        start = time.monotonic()
        found = STEPS[options.step](options.folder, options.rows[0])
        print(json.dumps({"seconds": round(time.monotonic() - start, 2), **found}))
        return
    results = []
    for total in [COPIES, *options.rows]:  # the first compiles
        folder = Path(tempfile.mkdtemp(prefix="clustering-", dir=options.folder))
        try:
            for step in STEPS:
                results.append(measure(folder, total, step))
                if total > COPIES:
                    print(_line(results[-1]), flush=True)
        finally:
            shutil.rmtree(folder)
    if options.json:
        options.json.write_text(json.dumps(results[len(STEPS) :], indent=2) + "\n")


def _line(row: dict[str, Any]) -> str:
    """A row of a Markdown table, what was found in its last cell."""
    facts = ", ".join(f"{name} {value:,}" for name, value in list(row.items())[4:])
    head = f"| {row['rows']:,} | {row['step']} | {row['seconds']:.1f} | {row['peak MB']:,} "
    return f"{head}| {facts} |"


if __name__ == "__main__":
    main()
