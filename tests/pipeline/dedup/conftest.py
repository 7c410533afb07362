"""Fixture: three months of a crawl, each held against an index of what those before published."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from crawls import BANNING, MONTHS, RECIPE, Months
from support import command

from tamis.pipeline import recipe as recipes
from tamis.pipeline.answer import WriteJob, measure_jobs, settle_jobs
from tamis.pipeline.engine import in_turn
from tamis.pipeline.guard import Guard
from tamis.pipeline.ingest.run import IngestJob
from tamis.pipeline.phase import Phase, pending


class Here:
    """Runs tasks in this process: a pool for each of fourteen phases takes five seconds a run."""

    def run(self, phase: Phase, quiet: bool = False) -> None:
        for rank in pending(phase):
            for unit in phase.tasks[rank]:
                phase.part(rank).work(unit, Guard())


def run(root: Path, name: str) -> None:
    """What `tamis run` does."""
    recipe = recipes.load(str(root / f"{name}.toml"))
    corpus, inputs = root / name, (str(root / f"{name}.jsonl"),)
    ingest = IngestJob(corpus, inputs, recipe.ingest, recipe, False)
    answer = [*measure_jobs(corpus, recipe), *settle_jobs(corpus, recipe)]
    in_turn([ingest, *answer, WriteJob(corpus, recipe)], Here())


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> Months:
    """For reading only: run, index, run, index, run, index; the second month by the commands."""
    root = tmp_path_factory.mktemp("months")
    (root / "banning_stage.py").write_text(BANNING)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root)
        made = Months(root, {})
        for name, documents in MONTHS.items():
            held = f"index = ['{made.index}']" if made.appended else ""
            (root / f"{name}.toml").write_text(RECIPE.format(index=held))
            lines = [json.dumps({"id": i, "text": " ".join(t)}) for i, t in documents.items()]
            (root / f"{name}.jsonl").write_text("\n".join(lines))
            if name == "feb":
                real = command("run", "feb.toml", "feb.jsonl", "-o", name, "--workers", 1)
                done = subprocess.run(real, cwd=root, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr
            else:
                run(root, name)
            made.appended[name] = made.append(name, made.index)
    return made
