"""Kills `tamis ablate` and all its processes at random moments: it has to end with the same bytes.

    .venv/bin/python benchmarks/killed_ablate.py CORPUS HELDOUT OUT [--kills N] [--seed N]

One experiment is left alone; another is killed N times, each at a moment drawn from the time that
the first took, and then left to its end. plan.json, verdict.json and report.json are compared.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

FILES = ("plan.json", "verdict.json", "report.json")


def main() -> None:
    """Prints when it was killed, and what differs; ends with 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("heldout", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=40_000)
    asked = parser.parse_args()
    how = ["--heldout", asked.heldout, "--arms", "raw,full", "--seeds", 2, "--tokens", asked.tokens]
    names = {name: asked.out / name for name in ("alone", "killed")}
    lines = {name: [asked.corpus, "-o", folder, *how] for name, folder in names.items()}
    started = time.monotonic()
    start(lines["alone"]).wait()
    whole = time.monotonic() - started
    draw = random.Random(asked.seed)
    for _ in range(asked.kills):
        process = start(lines["killed"])
        moment = draw.uniform(0, whole / 2)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print(f"killed after {moment:.1f} s: {count(names['killed'])} files", flush=True)
            time.sleep(1)  # its trainings are told by the system
    if start(lines["killed"]).wait():
        sys.exit("it did not come to its end")
    texts = {
        name: [(folder / file).read_text().replace(str(folder), "EX") for file in FILES]
        for name, folder in names.items()
    }
    wrong = [f for f, one, other in zip(FILES, *texts.values(), strict=True) if one != other]
    print(f"{whole:.0f} s undisturbed; differing: {', '.join(wrong) or 'nothing'}")
    sys.exit(bool(wrong))


def start(arguments: list[object]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tamis.pipeline.cli.main", "ablate", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def count(folder: Path) -> int:
    """Files that are there."""
    return sum(path.is_file() for path in folder.rglob("*"))


if __name__ == "__main__":
    main()
