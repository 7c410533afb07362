"""Recipes: what is wrong is said with file, line and nearest valid key; what is right is kept."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tamis.pipeline import recipe
from tamis.pipeline.errors import CallError
from tamis.pipeline.rules import ByTable

GOOD = """
    description = "all a recipe can say"

    [ingest]
    text_key = "body"
    set_aside = { heldout = 0.02 }

    [[stage]]
    kind = "noop"

    [[stage]]
    kind = "language"
    only = { source = ["web", "books"] }
    [stage.rules]
    english = { column = "language", in = ["en", "de"], not_in = ["xx"], null = "reject" }
    sure = { column = "language_score", min = 0.5, max = 1 }

    [[stage]]
    kind = "language"
    name = "again"
    model = "other.bin"
    [stage.rules]
    best = { column = "again_score", quantile = [0.1, 1.0] }
    [stage.rules.by_language]
    column = "again_score"
    min = { by = "language", values = { de = 0.6, fr = 0.7 }, default = 0.5 }
"""


@pytest.fixture
def written(tmp_path):
    """Writes a recipe and gives its path."""

    def write(text: str) -> str:
        path = tmp_path / "mine.toml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write


def refusal(path: str, *changes: str) -> str:
    """What loading a recipe says is wrong with it, without its directory."""
    with pytest.raises(CallError) as caught:
        recipe.load(path, changes)
    return str(caught.value).replace(str(Path(path).parent) + "/", "")


WRONG = {
    "not TOML": ('name = "x"\n\nkind language\n', "mine.toml:3: ", "after a key"),
    "ends too soon": ('name = "x"\nx = [1,\n\n', "mine.toml:2: ", ""),
    "top-level key": ('name = "x"\nstages = 1', "mine.toml:2: stages:", "did you mean 'stage'?"),
    "ingest key": (
        "[ingest]\nshard_byte = 1",
        "mine.toml:2: ingest.shard_byte:",
        "did you mean 'shard_bytes'?",
    ),
    "ingest value": (
        '[ingest]\nencoding = "UTF-99"',
        "mine.toml:2: ingest.encoding:",
        "unknown encoding 'UTF-99'",
    ),
    "option": (
        '\n[[stage]]\nkind = "language"\nmodle = "x"',
        "mine.toml:4: ",
        "did you mean 'model'?",
    ),
    "stage key": (
        '[[stage]]\nkind = "noop"\n[[stage]]\nkind = "noop"\nname = "b"\nrule = {}',
        "mine.toml:6: ",
        "did you mean 'rules'?",
    ),
    "option of a wrong type": (
        '\n[[stage]]\nkind = "language"\nmodel = 3',
        "mine.toml:2: 'language', option 'model':",
        "valid string",
    ),
    "stage without kind": ('\n[[stage]]\nname = "x"', "mine.toml:2: stage.0.kind:", "missing"),
    "unknown kind": (
        '\n[[stage]]\nkind = "langage"',
        "mine.toml:2: unknown kind of stage 'langage'",
        "did you mean 'language'?",
    ),
    "import path": ('[[stage]]\nkind = "no_such_module:Class"', "mine.toml:1: ", "no_such_module"),
    "class of an import path": ('[[stage]]\nkind = "json:Nothing"', "mine.toml:1: ", "Nothing"),
    "class that is no stage": (
        '[[stage]]\nkind = "json:JSONDecoder"',
        "mine.toml:1: ",
        "lacks version, needs, gives, measure",
    ),
    "not a list of stages": ('[stage]\nkind = "noop"', "mine.toml:1: stage:", "valid list"),
    "name of a stage": (
        '[[stage]]\nkind = "noop"\nname = "No!"',
        "mine.toml:3: stage.0.name:",
        "pattern",
    ),
    "only": (
        '[[stage]]\nkind = "noop"\nonly = { source = "web" }',
        "mine.toml:3: stage.0.only.source:",
        "valid list",
    ),
    "column of only": (
        '\n[[stage]]\nkind = "noop"\nonly = { sorce = ["web"] }',
        "mine.toml:2: stage 'noop' needs the column 'sorce'",
        "did you mean 'source'?",
    ),
    "two of one name": (
        '[[stage]]\nkind = "noop"\n[[stage]]\nkind = "noop"',
        "mine.toml:3: stage 'noop'",
        "the name is taken",
    ),
    "name with a place of its own": (
        '[[stage]]\nkind = "noop"\nname = "ledger"',
        "mine.toml:1: stage 'ledger'",
        "the name is taken",
    ),
    "column of a document": (
        '[[stage]]\nkind = "language"\nname = "text"',
        "mine.toml:1: stage 'text' gives the column 'text'",
        "which is there already",
    ),
    "column of another stage": (
        '[[stage]]\nkind = "language"\n[[stage]]\nkind = "language"\nname = "language_score"',
        "mine.toml:3: stage 'language_score' gives the column 'language_score'",
        "which is there already",
    ),
}

LANGUAGE = '\n[[stage]]\nkind = "language"\n[stage.rules]\n'
SCORE = 'column = "language_score"'
WRONG_RULES = {
    "key": (f"x = {{ {SCORE}, mim = 1 }}", "stage.0.rules.x.mim:", "did you mean 'min'?"),
    "type": (f'x = {{ {SCORE}, min = "much" }}', "stage.0.rules.x.min:", "valid number"),
    "called float": (f"float = {{ {SCORE} }}", "stage.0.rules.float:", "give min and/or max"),
    "not a number": (f"x = {{ {SCORE}, max = nan }}", "stage.0.rules.x.max:", "finite number"),
    "no column": ("x = { min = 1 }", "stage.0.rules.x.column:", "missing"),
    "no bound": (f"x = {{ {SCORE} }}", "stage.0.rules.x:", "give min and/or max"),
    "two bounds": (
        f"x = {{ {SCORE}, min = 0, quantile = [0, 1] }}",
        "stage.0.rules.x:",
        "give min and/or max",
    ),
    "quantile upside down": (
        f"x = {{ {SCORE}, quantile = [0.9, 0.1] }}",
        "stage.0.rules.x:",
        "low <= high",
    ),
    "quantile above one": (
        f"x = {{ {SCORE}, quantile = [0.9, 1.1] }}",
        "stage.0.rules.x.quantile.1:",
        "less than or equal to 1",
    ),
    "null": (f'x = {{ {SCORE}, min = 1, null = "fail" }}', "stage.0.rules.x.null:", "'reject'"),
    "list of numbers": (
        'x = { column = "language", in = [1] }',
        "stage.0.rules.x.in.0:",
        "valid string",
    ),
    "key of a table": (
        f'x = {{ {SCORE}, min = {{ by = "language", vales = {{ de = 1 }} }} }}',
        "stage.0.rules.x.min.vales:",
        "did you mean 'values'?",
    ),
    "value of a table": (
        f'x = {{ {SCORE}, min = {{ by = "language", values = {{ de = "a" }} }} }}',
        "stage.0.rules.x.min.values.de:",
        "valid number",
    ),
    "unknown column": (
        'x = { column = "languge_score", min = 1 }',
        "stage 'language', rule 'x': no column 'languge_score'",
        "did you mean 'language_score'?",
    ),
    "unknown column of a table": (
        f'x = {{ {SCORE}, min = {{ by = "lang", values = {{ de = 1 }} }} }}',
        "stage 'language', rule 'x': no column 'lang'",
        "did you mean 'language'?",
    ),
    "bound on text": (
        'x = { column = "language", min = 1 }',
        "stage 'language', rule 'x': 'language' holds string",
        "use in or not_in",
    ),
    "quantile of text": (
        'x = { column = "text", quantile = [0, 0.5] }',
        "stage 'language', rule 'x': 'text' holds large_string",
        "use in or not_in",
    ),
    "name": (f'"A b" = {{ {SCORE}, min = 1 }}', "stage.0.rules.A b", "pattern"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_names_file_line_and_what_is_valid(written, case):
    """Without them a user searches a recipe of a hundred lines for one letter."""
    text, place, advice = WRONG[case]
    said = refusal(written(text))
    assert said.startswith(place) and advice in said


@pytest.mark.parametrize("case", WRONG_RULES)
def test_an_error_of_a_rule_names_the_line_of_the_rule(written, case):
    """A stage may have dozens of rules: the line of the stage alone would not do."""
    text, place, advice = WRONG_RULES[case]
    fine = f"fine = {{ {SCORE}, min = 0.1 }}\n"
    said = refusal(written(LANGUAGE + fine + text))
    line = 4 if case == "name" else 6  # where the pattern of a name fails, its table is meant
    assert said.startswith(f"mine.toml:{line}: {place}") and advice in said


def test_a_rule_is_found_under_a_header_of_its_own(written):
    """Rules may be tables of several lines."""
    said = refusal(written(LANGUAGE + f"[stage.rules.x]\n{SCORE}\n\nmim = 1\n"))
    assert said.startswith("mine.toml:8: stage.0.rules.x.mim: unknown key")


def test_a_recipe_that_is_not_text(tmp_path):
    """Latin-1, say: no traceback, and the byte that is wrong."""
    path = tmp_path / "mine.toml"
    path.write_bytes(b'name = "caf\xe9"\n')
    assert "mine.toml is not UTF-8" in refusal(str(path))


def test_a_recipe_that_is_not_there(tmp_path):
    """A path is told from a name by its ending or a slash."""
    assert "No such file" in refusal(str(tmp_path / "none.toml"))
    assert "did you mean 'quickstart'?" in refusal("quickstar")


@pytest.mark.parametrize("name", recipe.bundled())
def test_every_recipe_that_ships_is_right(name):
    """A bundled recipe that does not load is the first thing a user would meet."""
    loaded = recipe.load(name)
    assert loaded.name == name and loaded.description and loaded.stages


def test_it_becomes_stages_and_rules(written):
    """The whole way from TOML, defaults included."""
    loaded = recipe.load(written(GOOD))
    _, language, again = loaded.stages
    assert loaded.name == "mine" and loaded.ingest.text_key == "body"
    assert loaded.ingest.set_aside == {"heldout": 0.02}
    assert language.only == {"source": ("web", "books")}
    english, sure = language.rules
    assert (english.one_of, english.none_of, english.null) == (("en", "de"), ("xx",), "reject")
    assert (sure.min, sure.max, sure.null) == (0.5, 1, "pass")
    best, by_language = again.rules
    assert best.quantile == (0.1, 1.0)
    assert by_language.min == ByTable("language", {"de": 0.6, "fr": 0.7}, 0.5)


def test_a_kind_used_twice_has_columns_of_its_own(written):
    """Otherwise the second stage would overwrite the signals of the first."""
    _, language, again = recipe.load(written(GOOD)).stages
    assert language.given == {"language": "language", "language_score": "language_score"}
    assert again.given == {"language": "again", "language_score": "again_score"}
    assert again.schema.names == ["again_status", "again_error", "again", "again_score"]
    assert again.measure.model == "other.bin" and language.measure.model != "other.bin"


def test_a_stage_of_a_users_own(written, tmp_path, monkeypatch):
    """It comes by import path, is named by its class, and --set finds it by that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_stage_of_a_user.py").write_text(
        "from tamis.filters.noop import Noop\n"
        "from dataclasses import dataclass\n\n"
        "@dataclass(frozen=True)\nclass Mine(Noop):\n    size: int = 1\n"
    )
    path = written('[[stage]]\nkind = "own_stage_of_a_user:Mine"\n')
    (mine,) = recipe.load(path, ["mine.size=7"]).stages
    assert (mine.name, mine.measure.size) == ("mine", 7)


def test_set_changes_values_and_rules(written):
    """Numbers, lists and tables as TOML writes them; anything else is text."""
    changes = [
        "language.model=lid.bin",
        "language.rules.sure.min=0.9",
        'language.rules.english.in=["fr"]',
        "again.model = 'x y.bin'",
        'language.rules.new={ column = "language_score", max = 0.99 }',
        "ingest.seed=3",
        "ingest.set_aside.reference=0.5",
    ]
    loaded = recipe.load(written(GOOD), changes)
    language, again = loaded.stage("language"), loaded.stage("again")
    rules = {rule.name: rule for rule in language.rules}
    assert (language.measure.model, again.measure.model) == ("lid.bin", "x y.bin")
    assert (rules["sure"].min, rules["sure"].max, rules["new"].max) == (0.9, 1, 0.99)
    assert rules["english"].one_of == ("fr",)
    assert loaded.ingest.seed == 3
    assert loaded.ingest.set_aside == {"heldout": 0.02, "reference": 0.5}


@pytest.mark.parametrize(
    ("change", "advice"),
    {
        "language": "write stage.key=value",
        "language.model": "write stage.key=value",
        "language=x": "write stage.key=value",
        "=x": "write stage.key=value",
        "langage.model=x": "did you mean 'language'?",
        "language.modle=x": "did you mean 'model'?",
        "language.model=3": "valid string (with --set language.model=3)",
        "language.kind.x=3": "'kind' holds a value, not a table",
        "language.rules.sure.min=much": "valid number",
        "language.rules.sure.mim=1": "did you mean 'min'?",
        "language.rules.shure.min=1": "stage.1.rules.shure.column: missing",
        "ingest.text_kye=x": "did you mean 'text_key'?",
    }.items(),
)
def test_a_wrong_set_is_said(written, change, advice):
    """The change is shown again: the line of the file alone would mislead."""
    said = refusal(written(GOOD), change)
    assert f"--set {change}" in said and advice in said


@pytest.mark.parametrize(
    "text", ["stage = 5", 'stage = "noop"', "stage = [1]", "[stage]\nx = 1", "ingest = 5"]
)
def test_set_on_a_broken_recipe_is_no_traceback(written, text):
    """Changes are made before anything is checked."""
    assert refusal(written(text), "noop.x=1")
    assert refusal(written(text), "ingest.seed=1")


def test_without_leaves_out_a_stage_or_a_rule(written):
    """And nothing else: the recipe it came from stays as it was."""
    whole = recipe.load(written(GOOD))
    names = [stage.name for stage in whole.without("noop").stages]
    assert names == ["language", "again"]
    less = whole.without("language.sure")
    assert [rule.name for rule in less.stage("language").rules] == ["english"]
    assert less.name == "mine without language.sure"
    assert [rule.name for rule in whole.stage("language").rules] == ["english", "sure"]
    both = less.without("language.english")
    assert both.stage("language").rules == ()


@pytest.mark.parametrize(
    ("left_out", "advice"),
    {
        "langage": "did you mean 'language'?",
        "language.shure": "did you mean 'sure'?",
        "language.": "has no rule ''",
        "language": "rule 'by_language': no column 'language'",
    }.items(),
)
def test_without_refuses_what_is_not_there_or_needed(written, left_out, advice):
    """`language.` with nothing after it must not drop the whole stage."""
    with pytest.raises(CallError) as caught:
        recipe.load(written(GOOD)).without(left_out)
    assert advice in str(caught.value)


def test_only_keeps_the_order_of_the_recipe(written):
    """`apply again,language` means these two, as the recipe orders them."""
    whole = recipe.load(written(GOOD))
    assert [stage.name for stage in whole.only(["again", "language"]).stages] == [
        "language",
        "again",
    ]
    with pytest.raises(CallError, match="did you mean 'again'"):
        whole.only(["agian"])


def test_saved_and_loaded_it_is_the_same(written, tmp_path):
    """A corpus answers the recipe it holds: the copy has to mean what the original meant."""
    whole = recipe.load(written(GOOD), ["language.rules.sure.min=0.25", "ingest.seed=9"])
    saved = tmp_path / "corpus" / "recipe.toml"
    whole.save(saved)
    again = recipe.load(str(saved))
    assert again.stages == whole.stages
    assert (again.name, again.description, again.ingest) == (
        whole.name,
        whole.description,
        whole.ingest,
    )
    assert again.stage("language").rules[1].min == 0.25
