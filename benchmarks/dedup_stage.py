"""The whole deduplication stage against datatrove's four steps, and alone at size.

    python benchmarks/dedup_stage.py [--data DIR] [--mb 200] [--size-mb 1000] [--rounds N]
                                     [--datatrove PYTHON]

Both sides get two cores and the same documents, real text recombined by paragraph, every fourth a
copy of another, exact or edited. tamis: `tamis dedup CORPUS`, from the start of its process to its
end, verification by exact sets included. datatrove: signatures, buckets, cluster and filter by the
clock, without the start of Python; PYTHON has it and spaCy. The best of our rounds counts; theirs
takes minutes, so it runs once.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from at_size import Memory
from measuring import Row, machine, tamis
from texts import SCRATCH, Pool, documents, fresh, pool

POLL_SECONDS = 0.02
SHARE = 0.25
RATIO, RATE = 40.0, 60.0
RECIPE = '[[stage]]\nkind = "dedup"\n[stage.rules]\nduplicate = { column = "duplicate", max = 0 }\n'


def rows(
    data: Path | None, megabytes: float | None, rounds: int, python: str = sys.executable
) -> list[Row]:
    """The row of the comparison: at some 200 MB, below which the start of processes is all."""
    folder = fresh(SCRATCH / "dedup")
    sources = written(folder / "texts", pool(data), megabytes or 200.0, 2)
    size, corpus = text_mb(sources), ingested(folder, sources)
    ours = min((staged(corpus) for _ in range(rounds)), key=lambda took: took["seconds"])
    try:
        theirs = datatrove(sources, python)  # minutes: once
    except subprocess.CalledProcessError as error:
        theirs = None
        print(error.stderr[-300:], file=sys.stderr)
    ratio = _seconds(theirs) / ours["seconds"] if theirs else 0.0
    return [
        Row(
            f"deduplication of {size:.0f} MB, all steps, by the clock, 2 cores",
            f"{ours['seconds']:.1f} s, {size / ours['seconds']:.1f} MB/s",
            f"{_seconds(theirs):.1f} s, {size / _seconds(theirs):.2f} MB/s" if theirs else "",
            f"{ratio:.0f}x" if theirs else "",
            f">= {RATIO:g}x",
            ratio >= RATIO if theirs else None,
            {"text_mb": size, "tamis": ours, "datatrove": theirs and theirs["seconds"]},
        )
    ]


def alone(data: Path | None, megabytes: float, rounds: int) -> Row:
    """The row of tamis alone."""
    folder = fresh(SCRATCH / "dedup-size")
    sources = written(folder / "texts", pool(data), megabytes, 8)
    size, corpus = text_mb(sources), ingested(folder, sources)
    best = min((staged(corpus) for _ in range(rounds)), key=lambda took: took["seconds"])
    return Row(
        f"deduplication of {size:,.0f} MB, all steps, by the clock, 2 cores",
        f"{best['seconds']:.1f} s, {size / best['seconds']:.1f} MB/s, "
        f"{best['at_once_mb']:,.0f} MB of memory at once",
        "",
        "",
        f">= {RATE:g} MB/s",
        size / best["seconds"] >= RATE,
        {"text_mb": size, "tamis": best},
    )


def written(folder: Path, pool: Pool, megabytes: float, count: int) -> list[Path]:
    """JSON lines of so much text in so many files; those that are there are used again."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"part-{number:02d}.jsonl" for number in range(count)]
    for number, path in enumerate(paths):
        with path.open("wb") as file:
            texts = with_copies(documents(pool, int(megabytes * 1e6 / count), number), number)
            for place, text in enumerate(texts):
                record = {"id": f"{number}-{place}", "text": text, "source": "bench"}
                file.write(orjson.dumps(record) + b"\n")
    return paths


def with_copies(texts: Iterator[str], seed: int) -> Iterator[str]:
    """Texts of which some are copies of one of the last thousand: exact, cut, or edited."""
    draw, known = random.Random(seed), [""]
    for text in texts:
        if draw.random() < SHARE:
            text = edited(draw.choice(known), draw)
        known.append(text)
        if len(known) > 1000:
            del known[: len(known) // 2]
        yield text


def edited(text: str, draw: random.Random) -> str:
    """A text as it is, or with a paragraph less, or with one word in thirty another."""
    kind = draw.randrange(3)
    if kind == 1:
        parts = text.split("\n\n")
        del parts[draw.randrange(len(parts))]
        return "\n\n".join(parts) or text
    if kind == 2:
        words = text.split(" ")
        for _ in range(len(words) // 30):
            words[draw.randrange(len(words))] = str(draw.randrange(1000))
        return " ".join(words)
    return text


def ingested(folder: Path, sources: list[Path]) -> Path:
    """A corpus of files, with a recipe of deduplication alone."""
    corpus, recipe = folder / "corpus", folder / "recipe.toml"
    recipe.write_text(RECIPE)
    _call(tamis("ingest", *sources, "-o", corpus, "--recipe", recipe))
    return corpus


def staged(corpus: Path) -> dict[str, Any]:
    """What `tamis dedup` took: seconds by the clock, of each phase, and memory."""
    _forget(corpus)
    memory, start = Memory(corpus / "logs"), time.perf_counter()
    command = [str(part) for part in tamis("dedup", corpus, "--json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            memory.poll(process.pid)
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(f"tamis dedup ended with {process.returncode}")
        assert process.stdout is not None
        counts = json.loads(process.stdout.read())
    phases = {
        path.parent.name: json.loads(path.read_text())["seconds"]
        for path in sorted((corpus / "logs").glob("dedup*/timing.json"))
    }
    peaks = [peak for workers in memory.workers.values() for peak in workers.values()]
    return {
        "seconds": seconds,
        "phases": phases,
        "at_once_mb": memory.at_once / 1e6,
        "parent_mb": memory.parent / 1e6,
        "worker_mb": max(peaks, default=0) / 1e6,
        "entered": counts["entered"][0],
        "removed": counts["rejected"][0],
    }


def _forget(corpus: Path) -> None:
    """Leaves a corpus as it was ingested."""
    for part in ("signals/dedup", "records/dedup", "logs"):
        fresh(corpus / part)
    (corpus / "logs").mkdir()
    (corpus / "signals" / "dedup").mkdir()


def datatrove(sources: list[Path], python: str) -> dict[str, Any]:
    """What its four steps took, in seconds, and the clusters they found."""
    out = fresh(SCRATCH / "dedup-datatrove")
    script = Path(__file__).with_name("datatrove_dedup.py")
    found: dict[str, Any] = json.loads(_call([python, script, "stage", *sources, "--", out]))
    return found


def _seconds(found: dict[str, Any]) -> float:
    return float(sum(found["seconds"].values()))


def _call(command: list[str | Path]) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return done.stdout.strip().rpartition("\n")[2]


def text_mb(paths: list[Path]) -> float:
    size = 0
    for path in paths:
        with path.open("rb") as file:
            size += sum(len(orjson.loads(line)["text"].encode()) for line in file)
    return size / 1e6


def main() -> None:
    """Prints the rows, and what each phase took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="where text_en/ and html_pages/ are")
    parser.add_argument("--mb", type=float, default=200.0, help="for the comparison; 0: none")
    parser.add_argument("--size-mb", type=float, default=1000.0, help="for tamis alone; 0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--datatrove", default=sys.executable, help="a Python that has it")
    asked = parser.parse_args()
    found = rows(asked.data, asked.mb, asked.rounds, asked.datatrove) if asked.mb else []
    if asked.size_mb:
        found.append(alone(asked.data, asked.size_mb, asked.rounds))
    print(json.dumps(machine(), indent=2))
    for row in found:
        print(" | ".join(row.cells()))
        print(json.dumps(row.details, indent=2))


if __name__ == "__main__":
    main()
