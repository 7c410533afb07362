"""How the benchmarks measure: one core, sides interleaved, medians, CPU and wall seconds."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "tamis",
    "datatrove",
    "fasttext-numpy2-wheel",
    "isal",
    "numba",
    "numpy",
    "orjson",
    "pyarrow",
)
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: orphaned grandchildren become ours, CPU time included
_PATIENCE = 3.0


@dataclass(frozen=True)
class Sample:
    """What one execution took, in seconds."""

    wall: float
    cpu: float
    inner: Sample | None = None
    """The work alone, without start-up, where the process that did it said so."""


@dataclass(frozen=True)
class Row:
    """A line of the table; details go to results.json alone."""

    what: str
    ours: str
    other: str
    ratio: str
    target: str
    met: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def cells(self) -> list[str]:
        met = {True: "yes", False: "NO", None: ""}[self.met]
        return [self.what, self.ours, self.other, self.ratio, self.target, met]


def pin_to_one_core() -> int:
    """Keeps this process and all it starts on one core; returns which."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def interleave(sides: Mapping[str, Callable[[], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Samples of every side, taken in turns after one round that does not count."""
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            sample = side()
            if number:
                samples[name].append(sample)
    return samples


def median(samples: Sequence[Sample]) -> Sample:
    """The medians of wall and CPU seconds, each on its own."""
    inner = [sample.inner for sample in samples if sample.inner]
    return Sample(
        statistics.median(sample.wall for sample in samples),
        statistics.median(sample.cpu for sample in samples),
        median(inner) if inner else None,
    )


def in_process(work: Callable[[], object]) -> Sample:
    """What a call took in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Sample(time.perf_counter() - wall, time.process_time() - cpu)


def command(arguments: Sequence[str | Path]) -> Sample:
    """What a command took, with every process that it started.

    Its last line of output may be a JSON object with the wall and CPU seconds of the work alone.
    Raises RuntimeError with what it said if it fails.
    """
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    before, start = _children_cpu(), time.perf_counter()
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
    wall = time.perf_counter() - start
    _reap()
    if done.returncode:
        raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    inner = None
    lines = done.stdout.strip().splitlines()
    if lines and lines[-1].startswith('{"wall"'):
        inner = Sample(**json.loads(lines[-1]))
    return Sample(wall, _children_cpu() - before, inner)


def tamis(*arguments: str | Path) -> list[str | Path]:
    """The command line of a tamis command, with this interpreter."""
    return [sys.executable, "-m", "tamis.pipeline.cli.main", *arguments]


def side(*arguments: str | Path) -> list[str | Path]:
    """The command line of one of sides.py."""
    return [sys.executable, Path(__file__).with_name("sides.py"), *arguments]


@contextmanager
def say_time() -> Iterator[None]:
    """Prints what the block took, as `command` reads it."""
    wall, cpu = time.perf_counter(), time.process_time() + _children_cpu()
    yield
    took = time.process_time() + _children_cpu() - cpu
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": took}), flush=True)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    """Waits for the orphans of a command, and ends those that outstay it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            found, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not found:
            if time.monotonic() > deadline:
                for child in children(os.getpid()):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
            time.sleep(0.01)


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def rate(megabytes: float, sample: Sample) -> str:
    """`61.2 MB/s (58.0 by the clock)`."""
    return f"{megabytes / sample.cpu:.1f} MB/s ({megabytes / sample.wall:.1f} by the clock)"


def plain(samples: Mapping[str, Sequence[Sample]]) -> dict[str, Any]:
    """Samples as JSON takes them."""
    return {name: [asdict(sample) for sample in taken] for name, taken in samples.items()}


def machine(core: int | None = None) -> dict[str, Any]:
    """What the numbers depend on besides the code."""
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "pinned_to_core": core,
        "memory_gb": round(pages / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
