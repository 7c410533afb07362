"""The page on decontamination: its recipe, its commands and its Python, word for word."""

import json
import random
import re
from pathlib import Path

from tamis.pipeline.heldout import domains, make

PAGE = Path(__file__).parents[3] / "docs/decontaminate.md"


def blocks(language: str) -> list[str]:
    return re.findall(f"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def prose(seed: int) -> str:
    return " ".join(f"w{random.Random(seed + k).randrange(10_000)}" for k in range(120))


def test_the_page_runs(tmp_path, here, monkeypatch):
    rows = [{"text": prose(1000 * k), "package": f"p{k}", "source": "s"} for k in range(300)]
    (tmp_path / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "evalsets").mkdir()
    items = "".join(json.dumps({"question": row["text"]}) + "\n" for row in rows[:9])
    (tmp_path / "evalsets/set.jsonl").write_text(items)
    recipe = '[ingest]\nset_aside = { heldout = 0.2 }\nsource_key = "source"\n\n'
    (tmp_path / "clean.toml").write_text(recipe + blocks("toml")[0])
    for line in blocks("sh")[0].splitlines():
        here(*line.split()[1:])
    ledger = json.loads((tmp_path / "corpus/ledger.json").read_text())
    assert ledger["stages"][0]["rejected"]["documents"] in range(5, 10)  # but for those set aside
    monkeypatch.chdir(tmp_path)
    small = domains.Limits(20, 5_000, 20_000)
    monkeypatch.setattr(make, "domains", lambda *a, **k: _domains(a, k, small))
    found: dict[str, object] = {}
    exec(blocks("python")[0], found)
    assert [one.name for one in found["held"].domains] == ["s", "pool"]
    assert (tmp_path / "experiment/heldout/phrases.npy").exists()


_drawn = domains.domains


def _domains(arguments, options, limits):
    """As the page has it, but of less text, and of a source that is none of installed ones."""
    return _drawn(*arguments, **(options | {"limits": limits, "sources": ["s"]}))
