"""Fixture: three months of a crawl, each held against an index of what those before published."""

from __future__ import annotations

import json
import subprocess

import pytest
from crawls import BANNING, MONTHS, RECIPE, Months
from support import command


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> Months:
    """For reading only: run, index, run, index, run, index."""
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
            run = command("run", f"{name}.toml", f"{name}.jsonl", "-o", name, "--workers", 1)
            done = subprocess.run(run, cwd=root, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            made.appended[name] = made.append(name, made.index)
    return made
