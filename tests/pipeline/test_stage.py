"""Stages: columns that depend on options, renamed ones, what is made ready before workers start."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pytest

from tamis.pipeline import recipe, stage
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.stage import Stage, fingerprints, make


def named(name: str, **options: object) -> Stage:
    return Stage(name, "heuristics", make("heuristics", options))


def test_a_renamed_stage_says_so_in_its_columns() -> None:
    """Two stages of a kind must not give the same columns, nor give `fineweb_fineweb_...`."""
    assert list(named("fineweb", sets=["fineweb"]).given.values()) == [
        "fineweb_end_mark_lines",
        "fineweb_short_lines",
        "fineweb_duplicate_line_chars",
        "fineweb_newlines_per_word",
    ]
    again = named("again", sets=["fineweb", "rps"]).given
    assert again["fineweb_short_lines"] == "again_fineweb_short_lines"
    assert again["rps_doc_word_count"] == "again_rps_doc_word_count"
    assert named("fine", sets=["fineweb"]).given["fineweb_short_lines"].startswith("fine_fineweb")
    plain = named("heuristics", sets=["gopher"])
    assert list(plain.given) == list(plain.given.values())


def test_columns_and_needs_are_those_of_the_options() -> None:
    """What a stage gives is asked of the measure, not of its class."""
    assert "dclm_words" not in named("heuristics", sets=["gopher"]).schema.names
    with_language = named("heuristics", language_column="language")
    assert with_language.measure.needs == ("text", "language")


def test_a_set_twice_is_refused_with_the_column(tmp_path: Path) -> None:
    """The later columns would hide the earlier ones."""
    path = tmp_path / "twice.toml"
    path.write_text(
        '[[stage]]\nkind = "heuristics"\n[[stage]]\nkind = "heuristics"\nname = "dclm"\n'
    )
    with pytest.raises(CallError, match=r"'dclm' gives the column 'dclm_words', which is there"):
        recipe.load(str(path))


def test_a_language_column_has_to_be_there_by_then(tmp_path: Path) -> None:
    """A stage that needs a column of a later one can never run."""
    path = tmp_path / "early.toml"
    path.write_text('[[stage]]\nkind = "heuristics"\nlanguage_column = "language"\n')
    with pytest.raises(CallError, match="'heuristics' needs the column 'language'"):
        recipe.load(str(path))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sets": ["gofer"]}, "option 'sets.0'"),
        ({"set": ["gopher"]}, "no option 'set': did you mean 'sets'"),
        ({"stop_words": {"de": [1]}}, "option 'stop_words.de.0'"),
    ],
)
def test_wrong_options_are_said(options: dict[str, object], said: str) -> None:
    """By the name that the recipe has for them."""
    with pytest.raises(CallError, match=said):
        make("heuristics", options)


def test_a_list_of_stop_words_that_is_missing_is_said(tmp_path: Path) -> None:
    """Before anything is measured."""
    missing = tmp_path / "none.json"
    with pytest.raises(CallError, match=r"none.json: No such file"):
        fingerprints([named("heuristics", rps_stop_words=str(missing))])


def test_every_option_changes_the_fingerprint(tmp_path: Path) -> None:
    """Law 5, for the options of this kind."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"en": [name]}))
    kinds: list[dict[str, object]] = [
        {},
        {"sets": ["gopher"]},
        {"language": "de"},
        {"language_column": "source"},
        {"stop_words": {"de": ["und"]}},
        {"stop_words": {"de": ["oder"]}},
        {"rps_stop_words": str(tmp_path / "one.json")},
        {"rps_stop_words": str(tmp_path / "two.json")},
    ]
    found = [fingerprints([named("heuristics", **options)])["heuristics"] for options in kinds]
    assert len(set(found)) == len(kinds)
    (tmp_path / "moved.json").write_bytes((tmp_path / "one.json").read_bytes())
    moved = named("heuristics", rps_stop_words=str(tmp_path / "moved.json"))
    assert fingerprints([moved])["heuristics"] == found[6], "a file is what is in it"


class Ready:
    """A measure that has something to make, which takes until its event is set."""

    version, needs, gives = 1, ("text",), pa.schema([])

    def __init__(self, wait: Event | None = None, broken: bool = False) -> None:
        self.wait, self.broken = wait, broken

    def prepare(self) -> None:
        if self.wait:
            assert self.wait.wait(60), "nothing was said"
        if self.broken:
            raise OSError("no compiler")

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.select([])


def ready(measure: Any) -> list[Stage]:
    return [Stage("ready", "ready", measure)]


def test_making_ready_is_said_if_it_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute in which nothing is said looks like a hang."""
    said: list[str] = []
    stage.prepare(ready(Ready()), said.append)
    stage.prepare(ready(make("noop", {})), said.append)
    assert said == []
    heard = Event()
    monkeypatch.setattr(stage, "PATIENCE", 0.0)
    stage.prepare(ready(Ready(heard)), lambda line: (said.append(line), heard.set()))
    (line,) = said
    assert "'ready' is being made ready" in line and "only once" in line


def test_what_cannot_be_made_ready_is_said() -> None:
    """With the stage that it is about."""
    with pytest.raises(WorkError, match="'ready' cannot be made ready: no compiler"):
        stage.prepare(ready(Ready(broken=True)), print)


PREPARED = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import pyarrow as pa

@dataclass(frozen=True)
class Prepared:
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("text",)
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("times", pa.int32())])

    def prepare(self):
        with Path("made").open("a") as file:
            file.write("x")

    def measure(self, batch):
        times = len(Path("made").read_text())
        return pa.record_batch([pa.array([times] * batch.num_rows, pa.int32())], schema=self.gives)
"""


def test_workers_find_what_was_made_ready(tmp_path: Path, tamis) -> None:
    """Once a command, before the first of them starts."""
    (tmp_path / "prepared.py").write_text(PREPARED)
    (tmp_path / "own.toml").write_text('[[stage]]\nkind = "prepared:Prepared"\n')
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    tamis("run", "own.toml", "in.jsonl", "-o", "c", "--set", "ingest.shard_bytes=1", "--workers", 2)
    assert (tmp_path / "made").read_text() == "x"


@pytest.mark.parametrize("body", ["import nowhere", "size = undefined", "def", "class Own: pass"])
def test_a_stage_of_ones_own_that_is_broken_is_said_so(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the user's code: what is wrong with it, and no traceback through ours."""
    module = f"broken_{len(body)}"
    (tmp_path / f"{module}.py").write_text(body + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CallError, match=f"the stage '{module}:Own'"):
        stage.load(f"{module}:Own")
