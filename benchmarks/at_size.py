"""A gigabyte and more through `tamis run quickstart` or `crawl`: speed, memory, disk.

    python benchmarks/at_size.py [--data DIR] [--mb N | --html-mb N] [--recipe R] [--tokens] ...

The text is written as .jsonl.gz first, which is not timed. Memory is each process's own peak as the
kernel counts it (VmHWM), shared pages included.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import bench_warc
import texts
from measuring import children, machine, tamis

POLL_SECONDS = 0.02


@dataclass
class Memory:
    """The peaks of a command's processes, in bytes: parent, fork server, workers by stage."""

    logs: Path
    parent: int = 0
    server: int = 0
    workers: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    at_once: int = 0
    """The most that all processes held at one time, shared pages counted once for each sharer."""
    _stage: dict[int, str] = field(default_factory=dict)

    def poll(self, pid: int) -> None:
        """Looks at every process there is now."""
        self.parent = max(self.parent, _status(pid, "VmHWM"))
        together = _status(pid, "VmRSS")
        for server in children(pid):
            self.server = max(self.server, _status(server, "VmHWM"))
            together += _status(server, "VmRSS")
            for worker in children(server):
                stage = self._stage.setdefault(worker, self._running())
                peak = max(_status(worker, "VmHWM"), self.workers[stage].get(worker, 0))
                self.workers[stage][worker] = peak
                together += _status(worker, "VmRSS")
        self.at_once = max(self.at_once, together)

    def _running(self) -> str:
        """The stage whose logs were begun last."""
        begun = list(self.logs.glob("*"))
        return max(begun, key=_begun).name if begun else "?"


def _begun(logs: Path) -> float:
    """When a stage's first log was opened: its timing.json comes at its end."""
    times = [path.stat().st_mtime for path in logs.glob("worker-*.log")]
    return max(times, default=logs.stat().st_mtime)


def _status(pid: int, key: str) -> int:
    """A size of /proc/PID/status in bytes, 0 for a process that is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    """Makes the text, runs the recipe, prints what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="where text_en/ and html_pages/ are")
    parser.add_argument("--mb", type=float, default=1100.0, help="text in MB")
    parser.add_argument("--files", type=int, default=8, help="into how many files it goes")
    parser.add_argument("--workers", type=int, help="processes; default: tamis's own")
    parser.add_argument("--recipe", help="instead of quickstart, or of crawl for pages")
    parser.add_argument("--tokens", action="store_true", help="tokenize what is kept, too")
    parser.add_argument("--html-mb", type=float, help="instead of text, pages of so much HTML")
    asked = parser.parse_args()
    if asked.html_mb:
        sources = _archives(asked.data, asked.html_mb, asked.files)
    else:
        sources = texts.files(texts.pool(asked.data), asked.mb, asked.files)
    corpus = texts.fresh(texts.SCRATCH / "at-size")
    recipe, form = ("crawl", ".warc.gz") if asked.html_mb else ("quickstart", ".jsonl.gz")
    recipe = asked.recipe or recipe
    arguments = tamis("run", recipe, *sources, "-o", corpus, "--json")
    if asked.workers:
        arguments += ["--workers", str(asked.workers)]
    seconds, memory, ledger = _watched(arguments, Memory(corpus / "logs"))
    size = ledger["ingested"]["bytes"] / 1e6
    print(json.dumps(machine(), indent=2))
    print(f"\n{size:,.0f} MB of text, {ledger['ingested']['documents']:,} documents,")
    print(f"in {seconds:.1f} s: {size / seconds:.1f} MB/s from {form} to cleaned shards\n")
    print(_stages(corpus, memory, size))
    print(f"\npeak memory: parent {memory.parent / 1e6:,.0f} MB, fork server", end=" ")
    print(f"{memory.server / 1e6:,.0f} MB, all at once {memory.at_once / 1e6:,.0f} MB\n")
    print(_disk(corpus, sources))
    if asked.tokens:
        _tokenize(corpus, asked.workers)


def _tokenize(corpus: Path, workers: int | None) -> None:
    """Learns a vocabulary of what the corpus keeps, and makes tokens of it."""
    out = texts.fresh(texts.SCRATCH / "at-size-tokens")
    arguments = tamis("tokenize", corpus, "-o", out, "--json")
    if workers:
        arguments += ["--workers", str(workers)]
    seconds, memory, made = _watched(arguments, Memory(out / "logs"))
    size = made["bytes"] / 1e6
    print(f"\n{size:,.0f} MB to {made['tokens']:,} tokens, {made['vocabulary']['size']:,} pieces,")
    print(f"in {seconds:.1f} s, learning the vocabulary included\n")
    print(_stages(out, memory, size))
    print(f"\npeak memory: parent {memory.parent / 1e6:,.0f} MB, fork server", end=" ")
    print(f"{memory.server / 1e6:,.0f} MB, all at once {memory.at_once / 1e6:,.0f} MB\n")


def _archives(data: Path | None, megabytes: float, files: int) -> list[Path]:
    """Archives of real pages: one, under as many names."""
    source, _ = bench_warc.archive(bench_warc.real_pages(data), megabytes / files)
    names = [source.with_name(f"{number:02d}-{source.name}") for number in range(files)]
    for name in names:
        name.unlink(missing_ok=True)
        name.hardlink_to(source)
    return names


def _watched(
    arguments: list[str | Path], memory: Memory
) -> tuple[float, Memory, dict[str, dict[str, int]]]:
    """Runs a command and watches its memory; returns seconds, memory and what it printed."""
    start = time.monotonic()
    with subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while process.poll() is None:
            memory.poll(process.pid)
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - start
        printed = process.stdout.read()
    if process.returncode:
        raise SystemExit(process.returncode)
    return seconds, memory, json.loads(printed)


def _stages(corpus: Path, memory: Memory, ingested: float) -> str:
    """Speed and workers' memory of every stage, as Markdown."""
    lines = [
        "| stage | seconds | workers | MB | MB/s | worker peak MB, highest | median |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for path in sorted((corpus / "logs").glob("*/timing.json"), key=lambda p: p.stat().st_mtime):
        timing = json.loads(path.read_text())
        name, seconds = path.parent.name, timing["seconds"]
        size = ingested if name == "ingest" else timing["bytes"] / 1e6  # it counts bytes of files
        peaks = sorted(memory.workers.get(name, {0: 0}).values())
        high, middle = peaks[-1] / 1e6, peaks[len(peaks) // 2] / 1e6
        lines.append(
            f"| {name} | {seconds:.1f} | {timing['workers']} | {size:,.0f} "
            f"| {size / seconds:.1f} | {high:,.0f} | {middle:,.0f} |"
        )
    return "\n".join(lines)


def _disk(corpus: Path, sources: list[Path]) -> str:
    """What the inputs and each part of the corpus take, as Markdown."""
    sizes = {"input": sum(path.stat().st_size for path in sources)}
    for part in sorted(corpus.iterdir()):
        inside = [part] if part.is_file() else part.rglob("*")
        sizes[part.name] = sum(path.stat().st_size for path in inside if path.is_file())
    rows = [f"| {name} | {size / 1e6:,.2f} |" for name, size in sizes.items() if size]
    return "\n".join(["| on disk | MB |", "| --- | --- |", *rows])


if __name__ == "__main__":
    main()
