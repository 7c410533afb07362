"""Tasks of local files: each has a reader that makes of every record one common form, an Item.

A record is either as a task's authors publish it, or has `query`, `choices` and `gold`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from tamis.model.errors import ModelError
from tamis.model.score.records import Record, files_of, records, stem


@dataclass(frozen=True)
class Item:
    """What a model is asked: which of the choices continues the context."""

    context: str
    choices: tuple[str, ...]
    """With the space that parts them from the context, where there is one."""
    gold: int
    part: str = ""
    """A phenomenon of the task, whose accuracy is given apart."""
    lengths: tuple[int, ...] = ()
    """Characters of each choice, without that space."""
    place: str = ""
    """Where it stands, for errors: file and line."""


class Kind(Enum):
    """What is measured."""

    pairs = "which of two sentences is likelier"
    last_word = "the bits of the last word"
    cloze = "which ending is likelier"


@dataclass(frozen=True)
class Task:
    """A task: how it is called with its version, what is measured, and how records are read."""

    version: str
    kind: Kind
    read: Callable[[Record], Item]
    columns: tuple[str, ...]
    """The fields that `read` may look for."""


def _pair(record: Record) -> Item:
    """BLiMP: https://github.com/alexwarstadt/blimp; a phenomenon has some of its 67 paradigms."""
    part = record.get("linguistics_term") or record.get("UID") or ""
    both = (_text(record, "sentence_good"), _text(record, "sentence_bad"))
    return Item("", both, 0, str(part))


def _last_word(record: Record) -> Item:
    """LAMBADA: the whole text in one field, or the context and its continuation."""
    if "text" in record:
        context, space, word = _text(record, "text").rpartition(" ")
        if not context.strip() or not word or not space:
            raise ValueError("'text' has no last word after a context")
        return Item(context, (" " + word,), 0)
    context, word = _text(record, "context"), _text(record, "continuation")
    return Item(context.rstrip(), (" " + word.strip(),), 0)


def _arc(record: Record) -> Item:
    """ARC, with labels A to D or 1 to 4: https://allenai.org/data/arc."""
    if "query" in record:
        return _common(record, asked=True)
    named = record["choices"]
    gold = list(named["label"]).index(record["answerKey"])
    return _cloze(_question(_text(record, "question")), named["text"], gold)


def _hellaswag(record: Record) -> Item:
    """HellaSwag: https://github.com/rowanz/hellaswag; its [titles] become full stops."""
    if "query" in record:
        return _common(record, asked=False)
    opening = f"{_text(record, 'ctx_a')} {str(record.get('ctx_b', '')).capitalize()}"
    label = record.get("activity_label")
    context = _plain(f"{label}: {opening}" if label else opening)
    return _cloze(context, [_plain(one) for one in record["endings"]], int(record["label"]))


def _piqa(record: Record) -> Item:
    """PIQA: https://yonatanbisk.com/piqa."""
    if "query" in record:
        return _common(record, asked=True)
    both = [_text(record, "sol1"), _text(record, "sol2")]
    return _cloze(_question(_text(record, "goal")), both, int(record["label"]))


def _sciq(record: Record) -> Item:
    """SciQ: https://allenai.org/data/sciq; the support, if any, stands before the question."""
    if "query" in record:
        return _common(record, asked=True)
    support = str(record.get("support") or "").strip()
    question = _question(_text(record, "question"))
    wrong = [_text(record, f"distractor{n}") for n in (1, 2, 3)]
    context = f"{support}\n{question}" if support else question
    return _cloze(context, [*wrong, _text(record, "correct_answer")], 3)


def _common(record: Record, asked: bool) -> Item:
    query = _text(record, "query")
    context = _question(query) if asked else query.rstrip()
    return _cloze(context, record["choices"], record["gold"])


def _cloze(context: str, choices: Sequence[Any], gold: int) -> Item:
    """An item of endings; ValueError for what cannot be one."""
    if not isinstance(choices, list) or len(choices) < 2:
        raise ValueError("fewer than two choices")
    if not all(isinstance(one, str) and one.strip() for one in choices):
        raise ValueError("a choice without text")
    if type(gold) is not int or not 0 <= gold < len(choices):
        raise ValueError(f"the right choice is {gold!r}, of {len(choices)} counted from 0")
    endings = [one.strip() for one in choices]
    return Item(context, tuple(" " + one for one in endings), gold, lengths=(*map(len, endings),))


def _question(text: str) -> str:
    """The form in which models that follow no instructions are asked: the answer comes next."""
    text = text.strip()
    text = text if "Question:" in text else f"Question: {text}"
    return text if text.endswith("Answer:") else f"{text}\nAnswer:"


def _plain(text: str) -> str:
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def _text(record: Record, key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"no field '{key}' with a text")
    return value


COMMON = ("query", "choices", "gold")
_BLIMP = ("sentence_good", "sentence_bad", "linguistics_term", "UID")
_HELLASWAG = ("ctx_a", "ctx_b", "activity_label", "endings", "label")
_SCIQ = ("question", "support", "distractor1", "distractor2", "distractor3", "correct_answer")
TASKS = {
    "blimp": Task("blimp/1", Kind.pairs, _pair, _BLIMP),
    "lambada": Task("lambada/1", Kind.last_word, _last_word, ("text", "context", "continuation")),
    "arc_easy": Task("arc_easy/1", Kind.cloze, _arc, (*COMMON, "question", "answerKey")),
    "hellaswag": Task("hellaswag/1", Kind.cloze, _hellaswag, (*COMMON, *_HELLASWAG)),
    "piqa": Task("piqa/1", Kind.cloze, _piqa, (*COMMON, "goal", "sol1", "sol2", "label")),
    "sciq": Task("sciq/1", Kind.cloze, _sciq, (*COMMON, *_SCIQ)),
}
_ALIASES = {"lambada_openai": "lambada"}


def items(task: Task, files: Sequence[Path]) -> Iterator[Item]:
    """The items of a task's files; ModelError naming file and line for what is none of it."""
    for path in files:
        for place, record in records(path, task.columns):
            where = path.parent / place
            try:
                item = task.read(record)
            except KeyError as error:
                raise ModelError(f"{where}: no field {error}, as {task.version} has") from None
            except (ValueError, TypeError, AttributeError) as error:
                raise ModelError(f"{where}: not an item of {task.version}: {error}") from None
            yield Item(item.context, item.choices, item.gold, item.part, item.lengths, place)


def task_files(
    places: Sequence[Path], only: Sequence[str] | None = None
) -> tuple[dict[str, list[Path]], list[str]]:
    """The files of each task, by its name, and the names of files that are of none.

    A file is of the task that it is called like; a folder called like one has its files. Raises
    ModelError where nothing is found, for a named file of no task, and for names in `only` that
    are no tasks or have no files.
    """
    found: dict[str, list[Path]] = {}
    passed = []
    for place in places:
        for path in _candidates(place):
            name = path.name if path.is_dir() else stem(path)
            name = _ALIASES.get(name, name)
            if name not in TASKS:
                passed.append(path.name)
            elif name in found:
                raise ModelError(f"--tasks: {path} and {found[name][0]} are both of '{name}'")
            else:
                found[name] = files_of(path)
    wanted = [_ALIASES.get(name, name) for name in (found if only is None else only)]
    for name in wanted:
        if name not in found:
            there = f"files are there of: {', '.join(found) or 'none'}"
            raise ModelError(f"no files of a task '{name}': tasks are {', '.join(TASKS)}; {there}")
    if places and not wanted:
        raise ModelError(f"--tasks: no file is called like a task; they are {', '.join(TASKS)}")
    return {name: found[name] for name in TASKS if name in wanted}, passed


def _candidates(place: Path) -> list[Path]:
    """What may be a task of its own below a place: the place itself if it is called like one."""
    if not place.is_dir() or _ALIASES.get(place.name, place.name) in TASKS:
        files_of(place)
        return [place]
    inside = sorted(place.iterdir())
    folders = [one for one in inside if one.is_dir() and one.name in {*TASKS, *_ALIASES}]
    try:
        return folders + files_of(place)
    except ModelError:
        if not folders:
            raise
        return folders
