"""docs/heuristics.md says what the code says, and what it shows can be run."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tamis.filters.heuristics.stop_words import STOP_WORDS
from tamis.pipeline import recipe

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/heuristics.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("made", ROOT / "benchmarks/heuristics_page.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_columns_are_made_from_the_code(generator: ModuleType) -> None:
    """A definition that changed and a page that did not: run benchmarks/heuristics_page.py."""
    assert generator.made(PAGE) == PAGE
    assert generator.made(PAGE.replace("the share of lines", "x")) == PAGE


def test_no_definition_breaks_its_table(generator: ModuleType) -> None:
    """A bar within a cell is a column more."""
    for name, signals in generator.SETS.items():
        for line in generator.columns(signals).splitlines():
            assert line.count("|") == 5, (name, line)


def test_the_page_has_the_stop_words_of_the_code() -> None:
    """The measured table is made by hand, with the words that were measured."""
    for code, words in STOP_WORDS.items():
        row = re.search(rf"^\| `{code}` \| [^|]+ \| ([^|]+) \|", PAGE, re.MULTILINE)
        assert row and row[1].split() == list(words), (
            f"benchmarks/heuristics_by_language.py: {code}"
        )


def test_the_recipe_in_the_page_is_one(tmp_path: Path) -> None:
    """With another language and its own words."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "page.toml"
    path.write_text('[[stage]]\nkind = "language"\n\n' + block, encoding="utf-8")
    measure = recipe.load(str(path)).stages[1].measure
    assert measure.stop_words["tlh"] == ("je", "vaj")  # type: ignore[attr-defined]


def test_every_bundled_recipe_is_in_the_page() -> None:
    """With what it follows where paper and code differ; ccnet has a page of its own."""
    for name in recipe.bundled().keys() - {"ccnet"}:
        assert f"`{name}`" in PAGE, name
