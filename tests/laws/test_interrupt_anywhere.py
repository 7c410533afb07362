"""Law 3: killed at any moment and started again, a run ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support import command, digests

MOMENTS = int(os.environ.get("TAMIS_KILLS", "2"))  # `make kills` tries 20


@pytest.mark.parametrize("seed", range(MOMENTS))
def test_killed_and_started_again(
    seed: int,
    tmp_path: Path,
    inputs: Path,
    with_models: Path,
    undisturbed_with_models: dict[str, str],
) -> None:
    """A run that cannot be resumed is a run that a full day's work is lost with.

    It is killed three times, each time when it has written more files than the time before.
    """
    corpus = tmp_path / "corpus"
    arguments = command("run", with_models, inputs, "-o", corpus, "--workers", 2)
    draw = random.Random(seed)
    for amount in sorted(draw.sample(range(len(undisturbed_with_models)), 3)):
        with subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            while process.poll() is None and _files(corpus) < amount:
                time.sleep(0.01)
            with suppress(subprocess.TimeoutExpired):  # somewhere in the work on the next file
                process.wait(timeout=draw.uniform(0, 0.3))
            process.kill()
    assert not _workers_of(corpus), "workers outlived the run that started them"
    subprocess.run(arguments, check=True, capture_output=True, timeout=120)
    assert digests(corpus) == undisturbed_with_models
    left = [
        p.name for p in corpus.rglob("*") if p.name.endswith(".tmp") or p.name.startswith(".lock")
    ]
    assert left == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_clean_stop(
    number: signal.Signals, sleeping: subprocess.Popen[str], tmp_path: Path
) -> None:
    """What clusters send before they take a machine ends with a word and exit code 1, at once."""
    sleeping.send_signal(number)
    _, said = sleeping.communicate(timeout=30)
    assert sleeping.returncode == 1, said
    assert "goes on where it was" in said and "Traceback" not in said
    assert not _workers_of(tmp_path / "asleep")


def _files(corpus: Path) -> int:
    """The number of files that `support.digests` looks at, of a corpus that is being written."""
    names = [
        name
        for folder, _, files in os.walk(corpus)
        if not {"logs", "records"} & set(Path(folder).relative_to(corpus).parts)
        for name in files
    ]
    return sum(not name.endswith(".tmp") for name in names)


def _workers_of(corpus: Path, patience: float = 5.0) -> list[int]:
    """Processes that have a file of this corpus open, once they had time to notice."""
    end = time.monotonic() + patience
    while True:
        found = []
        for folder in Path("/proc").glob("[0-9]*/fd"):
            try:
                targets = [str(link.readlink()) for link in folder.iterdir()]
            except OSError:
                continue
            if any(target.startswith(str(corpus)) for target in targets):
                found.append(int(folder.parent.name))
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)
