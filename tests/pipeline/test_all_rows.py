"""--all-rows: rejected rows are measured too, so that every reason of each is known."""

from __future__ import annotations

import json
from pathlib import Path

from support import RECIPE, SENTENCES


def test_all_reasons_of_a_rejected_document(here, tmp_path: Path) -> None:
    """Whoever tunes a recipe wants to know what else would have rejected a page."""
    (tmp_path / "r.toml").write_text(RECIPE.replace("quantile = [0.1, 1.0]", "min = 2.0"))
    rows = [{"id": f"{lang}", "text": SENTENCES[lang]} for lang in ("en", "es")]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    nothing = ["--set", "ingest.set_aside={}"]
    corpus = tmp_path / "corpus"
    here("run", tmp_path / "r.toml", tmp_path / "in.jsonl", "-o", corpus, *nothing)

    def explain(name: str) -> tuple[list[str], str]:
        found = json.loads(here("why", corpus, name, "--json").stdout)[0]
        return found["reasons"], found["stages"][-1]["status"]

    assert explain("en") == (["again.best"], "evaluated")
    assert explain("es") == (["language.wanted"], "not evaluated")
    before = (corpus / "ledger.json").read_bytes()
    only = ["--set", 'again.only={language = ["en", "de", "es"]}']
    here("stage", "again", corpus, "--all-rows", *only)
    reasons, status = explain("es")
    assert (reasons, status) == (["language.wanted"], "evaluated")
    rules = json.loads(here("why", corpus, "es", "--json").stdout)[0]["stages"][-1]["rules"]
    assert rules[0]["failed"] is True
    here("write", corpus)
    assert (corpus / "ledger.json").read_bytes() == before  # decisions are the recipe's alone
    said = here("stage", "again", corpus).stderr
    assert "nothing to do" in said
