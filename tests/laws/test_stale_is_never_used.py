"""Law 5: a changed option, asset or version is noticed, said, and what depended on it redone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support import execute, once

from tamis.filters.language import bundled_model

STAGE = """
from dataclasses import dataclass
from typing import ClassVar
import pyarrow as pa
import pyarrow.compute as pc

@dataclass(frozen=True)
class Long:
    scale: int = 1
    version: ClassVar[int] = {version}
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("long", pa.int64())])

    def measure(self, batch):
        lengths = pc.multiply(pc.utf8_length(batch.column("text")).cast(pa.int64()), self.scale)
        return pa.record_batch([lengths], schema=self.gives)

@dataclass(frozen=True)
class Half:
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("long",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("half", pa.float64())])

    def measure(self, batch):
        halves = pc.divide(batch.column("long").cast(pa.float64()), 2)
        return pa.record_batch([halves], schema=self.gives)
"""

RECIPE = """
[[stage]]
kind = "own_stage:Long"

[[stage]]
kind = "own_stage:Half"
[stage.rules]
small = {column = "half", max = 50}
"""


def _make(root: Path) -> None:
    (root / "own_stage.py").write_text(STAGE.format(version=1))
    (root / "own.toml").write_text(RECIPE)
    lines = [json.dumps({"id": str(n), "text": "x" * n}) for n in range(200)]
    (root / "in.jsonl").write_text("\n".join(lines))
    execute("run", "own.toml", "in.jsonl", "-o", "corpus", cwd=root)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a run of two stages of the user's own, the second reading the first."""
    return once(tmp_path_factory, "stages", _make)


@pytest.fixture
def corpus(tmp_path: Path, made: Path) -> Path:
    """A copy of that corpus, and of the stages beside it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "corpus"


def states(run, corpus: Path, *more: object) -> dict[str, tuple[str, str]]:
    lines = json.loads(run("status", corpus, "--json", *more).stdout)
    return {line["name"]: (line["state"], line["detail"]) for line in lines}


def kept(run, corpus: Path, *more: object) -> int:
    return json.loads(run("write", corpus, "--json", *more).stdout)["kept"]["documents"]


def test_own_stages_decide(here, corpus: Path) -> None:
    """A user's stage by import path is a stage like any other."""
    assert {state for state, _ in states(here, corpus).values()} == {"done"}
    assert kept(here, corpus) == 101
    why = json.loads(here("why", corpus, "150", "--json").stdout)[0]
    assert why["reasons"] == ["half.small"]
    assert why["stages"][1]["signals"] == {"half": 75.0}


def test_a_changed_option_makes_what_read_it_stale(here, corpus: Path) -> None:
    """Scores of the old model under the new one's name would never be found out."""
    change = ["--set", "long.scale=3"]
    found = states(here, corpus, *change)
    assert found["long"] == ("stale", "scale was 1, is 3")
    assert found["half"][0] == "stale"
    said = here("stage", "half", corpus, *change, expect=1).stderr
    assert "tamis stage long" in said
    here("stage", "long", corpus, *change)
    here("stage", "half", corpus)
    assert kept(here, corpus) == 34


def test_a_changed_version_is_noticed(tamis, corpus: Path, tmp_path: Path) -> None:
    """New code behind old signals: in processes of their own, which import it."""
    (tmp_path / "own_stage.py").write_text(STAGE.format(version=2))
    found = states(tamis, corpus)
    assert found["long"] == ("stale", "version was 1, is 2")
    said = tamis("write", corpus).stderr
    assert "taking no part: long, half" in said
    tamis("write", corpus, "--strict", expect=1)


def test_a_changed_rule_measures_nothing(here, corpus: Path) -> None:
    """Thresholds are decisions: changing one must not cost a measurement."""
    done = here("run", corpus / "recipe.toml", "-o", corpus, "--set", "half.rules.small.max=10")
    assert "nothing to do, it is all there" in done.stderr
    assert kept(here, corpus) == 21


def test_a_changed_model_file_is_noticed(here, corpus: Path, tmp_path: Path) -> None:
    """A model replaced in place keeps its path and its size, and nothing else."""
    model = bytearray(bundled_model().read_bytes())
    (tmp_path / "lid.ftz").write_bytes(model)
    recipe = f'[[stage]]\nkind = "language"\nmodel = "{tmp_path}/lid.ftz"\n'
    (tmp_path / "lid.toml").write_text(recipe)
    here("language", corpus, "--recipe", tmp_path / "lid.toml")
    assert states(here, corpus)["language"][0] == "done"
    model[len(model) // 2] ^= 1
    (tmp_path / "lid.ftz").write_bytes(model)
    assert states(here, corpus)["language"] == ("stale", "the file of model changed")


def test_documents_that_came_alive_are_never_passed_unmeasured(here, tmp_path: Path) -> None:
    """A loosened rule lets documents through to stages that know nothing of them."""
    (tmp_path / "own_stage.py").write_text(STAGE.format(version=1))
    rule = '[stage.rules]\nshort = {column = "long", max = 20}\n'
    own = RECIPE.replace('kind = "own_stage:Long"\n', f'kind = "own_stage:Long"\n{rule}')
    (tmp_path / "own.toml").write_text(own)
    lines = [json.dumps({"id": str(n), "text": "x" * n}) for n in range(200)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    corpus = tmp_path / "corpus"
    here("run", tmp_path / "own.toml", tmp_path / "in.jsonl", "-o", corpus)
    assert kept(here, corpus) == 21
    loose = ["--set", "long.rules.short.max=150"]
    assert states(here, corpus, *loose)["half"] == ("partial", "130 documents came alive since")
    said = here("write", corpus, *loose, expect=1).stderr
    assert "'half' has not measured 130 documents" in said and "tamis stage half" in said
    here("stage", "half", corpus)
    assert kept(here, corpus) == 101
    assert kept(here, corpus, "--set", "long.rules.short.max=20") == 21
