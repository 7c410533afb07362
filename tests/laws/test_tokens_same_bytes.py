"""Laws 2 and 3 for tokens: any number of workers, any death, any tokens before: the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from inprocess import Died, dying_after, sift
from kept import decoded, flat, kept_corpus, written
from support import command, digests

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus

ASKED = ("--vocabulary", "v", "--shard-tokens", "5k")
WRITES = ((Corpus, "complete"), (Path, "replace"), (Path, "unlink"), (files, "remove_below"))
STEPS = 274  # of these in a call that nothing disturbs


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `corpus`, and `tokens` of it by one worker that nothing disturbed."""
    place = tmp_path_factory.mktemp("tokens")
    kept_corpus(place)
    sift(place, "tokenize", "corpus", "-o", "tokens", *ASKED)
    return place


def left_over(tokens: Path) -> list[str]:
    """What only the work needed."""
    names = [path.relative_to(tokens).as_posix() for path in tokens.rglob("*")]
    return [n for n in names if n.endswith((".tmp", ".lock")) or n.startswith(("work", ".corpus"))]


@pytest.mark.parametrize("seed", range(int(os.environ.get("TAMIS_KILLS", "10"))))
def test_dead_at_any_write(seed: int, whole: Path) -> None:
    """Whatever was written last, and whatever tokens were there before; from a corpus, or files."""
    draw = random.Random(seed)
    name, inputs = f"died-{seed}", draw.choice(["corpus", "corpus", "corpus/cleaned"])
    if draw.random() < 0.5:
        sift(whole, "tokenize", inputs, "-o", name, "--vocabulary", "v", "--no-shuffle")
    for steps in (draw.randint(1, STEPS), draw.randint(1, STEPS // 2)):
        try:
            with dying_after(steps, *WRITES):
                sift(whole, "tokenize", inputs, "-o", name, *ASKED)
        except Died:
            for folder in (name, "corpus"):  # held by this process, which is not really dead
                for lock in (whole / folder).glob(".lock*"):
                    lock.unlink()
            expected = digests(whole / "tokens")
            if (whole / name / "tokens.json").exists() and inputs == "corpus":
                # Whoever reads them now reads the old ones whole, or the new ones.
                assert digests(whole / name).items() >= expected.items() or flat(
                    decoded(whole / name)
                ) == flat(written(whole / "corpus/cleaned"))
    sift(whole, "tokenize", inputs, "-o", name, *ASKED)
    if inputs == "corpus":
        assert digests(whole / name) == digests(whole / "tokens")
    else:
        assert sorted(flat(decoded(whole / name))) == sorted(flat(decoded(whole / "tokens")))
        sift(whole, "tokenize", inputs, "-o", "again", *ASKED)
        assert digests(whole / name) == digests(whole / "again")
    assert left_over(whole / name) == []
    shutil.rmtree(whole / name)


def test_killed_and_started_again_by_other_workers(whole: Path) -> None:
    """The real command, killed when a shard is encoded, and gone on with by more workers."""
    arguments = command("tokenize", "corpus", "-o", "killed", *ASKED, "--workers")
    with subprocess.Popen(
        [*arguments, "2"], cwd=whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not list((whole / "killed").glob("records/encoded/*")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    subprocess.run([*arguments, "5"], cwd=whole, check=True, capture_output=True, timeout=300)
    assert digests(whole / "killed") == digests(whole / "tokens")
    assert left_over(whole / "killed") == []
