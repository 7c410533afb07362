"""Laws 2 and 3 where clusters are settled in two rounds: any workers, any death, the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from families import pages, save
from inprocess import Died, dying_after, sift
from support import command, digests

from tamis.pipeline import files
from tamis.pipeline.corpus import Corpus

RECIPE = """
[ingest]
shard_bytes = 60000

[[stage]]
kind = "dedup"
[stage.rules]
duplicate = { column = "duplicate", max = 0 }

[[stage]]
kind = "judges:Points"
[stage.rules]
enough = { column = "points", quantile = [0.4, 1.0] }

[[stage]]
kind = "judges:Rest"
[stage.rules]
small = { column = "rest", max = 1 }
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with documents, a recipe, and `corpus`, by one worker that nothing disturbed."""
    place = tmp_path_factory.mktemp("clusters")
    save(place, pages(11, 150), files=2)
    (place / "r.toml").write_text(RECIPE)
    sift(place, "run", "r.toml", "in", "-o", "corpus")
    return place


def left_over(corpus: Path) -> list[str]:
    """What only passes from one phase to the next."""
    found = [path.relative_to(corpus) for path in corpus.rglob("*")]
    passing = {"work", "chance"}
    return [
        str(path)
        for path in found
        if passing & {*path.parts} or path.name.endswith((".tmp", ".lock"))
    ]


@pytest.mark.parametrize("seed", range(int(os.environ.get("TAMIS_KILLS", "8"))))
def test_dead_at_any_write(seed: int, whole: Path, tmp_path: Path) -> None:
    """Whatever was written last, the same command goes on from there to the same bytes."""
    draw = random.Random(seed)
    corpus, steps = whole / f"died-{seed}", draw.randint(1, 438)
    places = ((Corpus, "complete"), (Corpus, "retract"), (files, "remove_below"))
    died = 0
    while steps > 0 and died < 3:
        try:
            with dying_after(steps, *places):
                sift(whole, "run", "r.toml", "in", "-o", corpus.name)
            break
        except Died:
            died += 1
            steps = draw.randint(1, 200)
    sift(whole, "run", "r.toml", "in", "-o", corpus.name)
    assert digests(corpus) == digests(whole / "corpus")
    assert left_over(corpus) == []
    shutil.rmtree(corpus)


def test_killed_and_started_again_by_other_workers(whole: Path) -> None:
    """The real command, killed in the second round and gone on with by more workers."""
    arguments = command("run", "r.toml", "in", "-o", "killed", "--workers")
    with subprocess.Popen(
        [*arguments, "2"], cwd=whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not _settling(whole / "killed"):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    subprocess.run([*arguments, "5"], cwd=whole, check=True, capture_output=True, timeout=300)
    assert digests(whole / "killed") == digests(whole / "corpus")
    assert left_over(whole / "killed") == []


def _settling(corpus: Path) -> bool:
    """Whether the second round has begun."""
    return (corpus / "records/dedup/chance").exists()
