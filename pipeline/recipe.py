"""Recipes: TOML in, stages and rules out, and an error that names the line.

A recipe lists stages in order, each with its options and rules. `--set stage.key=value` changes one
value; the recipe a corpus was made with is kept in it, with such changes, as recipe.toml.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from tamis.pipeline import schema, stage, toml_lines
from tamis.pipeline.errors import CallError, nearest
from tamis.pipeline.files import atomic
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.rules import Bound, ByTable, Rule
from tamis.pipeline.stage import Stage
from tamis.pipeline.storage.location import Location, location

NAME = r"^[a-z][a-z0-9_]*$"
FORMS = ("float", "TableSpec")  # of a bound, as pydantic calls them in error places
RESERVED = ("ingest", "ledger", "write")  # they have places in a corpus where stages have theirs
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TableSpec(_Strict):
    """A bound by another column: { by = "language", values = { de = 0.6 }, default = 0.5 }."""

    by: str
    values: dict[str, float]
    default: float | None = None


class RuleSpec(_Strict):
    """A rule as TOML says it."""

    column: str
    min: float | TableSpec | None = None
    max: float | TableSpec | None = None
    one_of: list[str] | None = Field(None, alias="in")
    not_in: list[str] | None = None
    quantile: tuple[Share, Share] | None = None
    null: Literal["pass", "reject"] = "pass"

    @model_validator(mode="after")
    def _bounded(self) -> RuleSpec:
        ways = (
            self.min is not None or self.max is not None,
            self.one_of is not None or self.not_in is not None,
            self.quantile is not None,
        )
        if sum(ways) != 1:
            raise ValueError("give min and/or max, or in and/or not_in, or quantile = [low, high]")
        if self.quantile is not None and self.quantile[0] > self.quantile[1]:
            raise ValueError("quantile = [low, high] needs low <= high")
        return self

    def rule(self, name: str) -> Rule:
        return Rule(
            name,
            self.column,
            _bound(self.min),
            _bound(self.max),
            None if self.one_of is None else tuple(self.one_of),
            None if self.not_in is None else tuple(self.not_in),
            self.quantile,
            self.null,
        )


def _bound(spec: float | TableSpec | None) -> Bound | None:
    return ByTable(spec.by, spec.values, spec.default) if isinstance(spec, TableSpec) else spec


class StageSpec(BaseModel):
    """A stage as TOML says it: further keys are options of its kind."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str
    name: Annotated[str, Field(pattern=NAME)] | None = None
    only: dict[str, list[str]] = {}
    rules: dict[Annotated[str, Field(pattern=NAME)], RuleSpec] = {}

    def stage(self) -> Stage:
        default = _default_name(self.kind)
        return Stage(
            self.name or default,
            default,
            stage.make(self.kind, self.model_extra or {}),
            tuple(spec.rule(name) for name, spec in self.rules.items()),
            {column: tuple(values) for column, values in self.only.items()},
        )

    def unknown_option(self) -> tuple[str, str] | None:
        """A key that neither a stage nor its kind has, and a message about it."""
        options = {f.name for f in dataclasses.fields(stage.load(self.kind)) if f.init}
        for key in self.model_extra or {}:
            if key not in options:
                valid = options | set(type(self).model_fields)
                return key, f"'{self.kind}' has no option '{key}': {nearest(key, valid)}"
        return None


def _default_name(kind: str) -> str:
    return kind.rpartition(":")[2].lower() if ":" in kind else kind


class RecipeSpec(_Strict):
    """A recipe file."""

    name: str = ""
    description: str = ""
    ingest: IngestOptions = IngestOptions()
    stage: list[StageSpec] = []


@dataclass(frozen=True)
class Recipe:
    """Stages in order, checked against each other, and the options of ingest."""

    name: str
    description: str
    ingest: IngestOptions
    stages: tuple[Stage, ...]
    raw: Mapping[str, Any]

    def save(self, path: Location) -> None:
        """Writes the recipe as TOML, with the changes that --set made."""
        with atomic(path) as draft:
            draft.path.write_bytes(tomli_w.dumps(self.raw).encode())

    def stage(self, name: str) -> Stage:
        """The stage of this name; raises CallError if there is none."""
        for candidate in self.stages:
            if candidate.name == name:
                return candidate
        names = [candidate.name for candidate in self.stages]
        raise CallError(f"recipe '{self.name}' has no stage '{name}': {nearest(name, names)}")

    def only(self, names: Sequence[str]) -> Recipe:
        """The recipe with just these stages, in its own order."""
        wanted = {self.stage(name).name for name in names}
        entries = zip(self.stages, self.raw.get("stage", []), strict=True)
        kept = [entry for stage, entry in entries if stage.name in wanted]
        return build({**self.raw, "stage": kept})

    def without(self, name: str) -> Recipe:
        """The recipe with one stage, `stage`, or one rule, `stage.rule`, left out."""
        stage_name, dot, rule_name = name.partition(".")
        left_out = self.stage(stage_name)
        raw = {**self.raw, "stage": [dict(entry) for entry in self.raw.get("stage", [])]}
        place = self.stages.index(left_out)
        if not dot:
            del raw["stage"][place]
        else:
            rules = dict(raw["stage"][place].get("rules", {}))
            if rule_name not in rules:
                raise CallError(
                    f"stage '{stage_name}' has no rule '{rule_name}': {nearest(rule_name, rules)}"
                )
            del rules[rule_name]
            raw["stage"][place]["rules"] = rules
        raw["name"] = f"{self.name} without {name}"
        return build(raw)


def nothing() -> Recipe:
    """The recipe without a stage: it keeps every document."""
    return build({"name": "nothing"})


def bundled() -> dict[str, Path]:
    """The recipes that ship with tamis, by name."""
    folder = Path(str(resources.files("tamis.recipes")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(which: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe of a bundled name or in a file, with `stage.key=value` changes made.

    Raises CallError, naming file, line and the nearest valid key, for anything wrong with it.
    """
    path = location(which)
    if not (which.endswith(".toml") or "/" in which):
        known = bundled()
        if which not in known:
            raise CallError(f"no recipe '{which}': {nearest(which, known)}; or a path to a .toml")
        path = known[which]
    try:
        text = path.read_bytes().decode()
        raw = tomllib.loads(text)
    except OSError as error:
        raise CallError(f"cannot read the recipe {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CallError(f"{path} is not UTF-8: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise CallError(f"{path}{_at(_toml_line(error, text))}: {error}") from error
    for change in changes:
        _change(raw, change)
    raw.setdefault("name", path.name.removesuffix(".toml"))
    try:
        return build(raw, text, str(path))
    except CallError as error:
        if not changes:
            raise
        raise CallError(f"{error} (with --set {' --set '.join(changes)})") from None


def _toml_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else text.rstrip().count("\n") + 1


def _change(raw: dict[str, Any], change: str) -> None:
    """Makes one `stage.key=value` change in a recipe's raw tables."""
    target, separator, written = change.partition("=")
    stage_name, *keys = target.strip().split(".")
    if not separator or not keys:
        raise CallError(f"--set {change}: write stage.key=value, such as language.model=lid.bin")
    entries = raw.get("stage", [])
    tables = {
        str(entry.get("name", _default_name(str(entry.get("kind"))))): entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
    }
    tables["ingest"] = raw.setdefault("ingest", {})
    if stage_name not in tables:
        raise CallError(f"--set {change}: no stage '{stage_name}': {nearest(stage_name, tables)}")
    table: Any = tables
    for key in (stage_name, *keys[:-1]):
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise CallError(f"--set {change}: '{key}' holds a value, not a table")
    try:
        table[keys[-1]] = tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        table[keys[-1]] = written.strip()


def build(raw: Mapping[str, Any], text: str = "", where: str = "recipe") -> Recipe:
    """The recipe of raw tables; CallError for anything wrong with them, with its line in text."""
    try:
        spec = RecipeSpec.model_validate(raw)
    except ValidationError as error:
        raise CallError(_explain(error, text, where)) from None
    stages = []
    for place, entry in enumerate(spec.stage):
        at: tuple[object, ...] = ("stage", place)
        try:
            if unknown := entry.unknown_option():
                at = (*at, unknown[0])
                raise CallError(unknown[1])
            stages.append(entry.stage())
        except CallError as error:
            raise CallError(f"{where}{_at(toml_lines.find(text, at))}: {error}") from None
    recipe = Recipe(spec.name, spec.description, spec.ingest, tuple(stages), raw)
    _check_columns(recipe, text, where)
    return recipe


def _at(line: int | None) -> str:
    return f":{line}" if line else ""


def _explain(error: ValidationError, text: str, where: str) -> str:
    """One error: a wrong key rather than what is missing because of it."""
    errors = [e for e in error.errors() if not _is_other_form(e)]
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    location = tuple(p for n, p in enumerate(first["loc"]) if n != 5 or p not in FORMS)
    dotted = ".".join(str(part) for part in location)
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if first["type"] == "extra_forbidden":
        message = f"unknown key: {nearest(str(location[-1]), _valid_keys(location))}"
    elif first["type"] == "missing":
        message = "missing"
    return f"{where}{_at(toml_lines.find(text, location))}: {dotted}: {message}"


def _is_other_form(error: ErrorDetails) -> bool:
    """Whether it is about the form of a bound that was not meant: a number, or a table."""
    meant = FORMS[isinstance(error["input"], dict)]
    form = error["loc"][5:]
    return len(form) == 1 and form[0] in FORMS and form[0] != meant


def _valid_keys(location: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = RecipeSpec
    if location[0] == "ingest":
        model = IngestOptions
    elif len(location) > 5:
        model = TableSpec
    elif len(location) > 2:
        model = RuleSpec
    return [field.alias or name for name, field in model.model_fields.items()]


def _check_columns(recipe: Recipe, text: str, where: str) -> None:
    """Every column that is read exists by then, and every rule suits the type of its column."""
    known = {field.name: field.type for field in (*schema.DOCUMENTS, *schema.INGEST)}
    names = set(RESERVED)
    for place, entry in enumerate(recipe.stages):
        at = f"{where}{_at(toml_lines.find(text, ('stage', place)))}: stage '{entry.name}'"
        if entry.name in names:
            raise CallError(f'{at}: the name is taken: give it another with name = "..."')
        names.add(entry.name)
        for column in (*entry.measure.needs, *entry.only):
            if column not in known:
                raise CallError(f"{at} needs the column '{column}': {nearest(column, known)}")
        for field in entry.schema:
            if field.name in known and not (entry.edits_text and field.name == "text"):
                raise CallError(f"{at} gives the column '{field.name}', which is there already")
        known |= {field.name: field.type for field in entry.schema}
        for rule in entry.rules:
            line = toml_lines.find(text, ("stage", place, "rules", rule.name))
            _check_rule(rule, known, f"{where}{_at(line)}: stage '{entry.name}'")


def _check_rule(rule: Rule, known: Mapping[str, pa.DataType], at: str) -> None:
    for column in rule.columns:
        if column not in known:
            raise CallError(
                f"{at}, rule '{rule.name}': no column '{column}': {nearest(column, known)}"
            )
        if pa.types.is_nested(known[column]):
            raise CallError(
                f"{at}, rule '{rule.name}': '{column}' holds {known[column]}, several values: "
                "a rule needs a column of single ones"
            )
    kind = known[rule.column]
    number = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if rule.numeric and not number:
        raise CallError(
            f"{at}, rule '{rule.name}': '{rule.column}' holds {kind}, not numbers: use in or not_in"
        )
