"""Values of a JSON file by their names, of the kind they have to be; else an error that says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from tamis.model.errors import ModelError

T = TypeVar("T")

_WORDS: dict[type[Any], str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


class Fields:
    """An object of a JSON file, and where it stands in it."""

    def __init__(self, path: Path, values: dict[str, Any], place: str = "") -> None:
        self.path, self.values, self.place = path, values, place

    def get(self, name: str, kind: type[T]) -> T:
        """The value of a name; ModelError where it is missing or of another kind."""
        where = f"{self.place}.{name}" if self.place else name
        if name not in self.values:
            raise ModelError(f"{self.path}: '{where}' is missing")
        return self._kind(self.values[name], where, kind)

    def inside(self, name: str) -> Fields:
        where = f"{self.place}.{name}" if self.place else name
        return Fields(self.path, self.get(name, dict), where)

    def each(self, name: str) -> Iterator[Fields]:
        """The objects of a list."""
        for number, one in enumerate(self.get(name, list)):
            where = f"{self.place}.{name}[{number}]" if self.place else f"{name}[{number}]"
            yield Fields(self.path, self._kind(one, where, dict), where)

    def numbers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        where = f"{self.place}.{name}" if self.place else name
        return tuple(self._kind(one, f"{where}[…]", int) for one in self.get(name, list))

    def _kind(self, value: Any, where: str, kind: type[T]) -> T:
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ModelError(f"{self.path}: '{where}' is {value!r}, and has to be {_WORDS[kind]}")
        found: T = value
        return found


def read(path: Path) -> Fields:
    """The object that a file holds; ModelError where there is none."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{path} is missing") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise ModelError(f"{path} is no JSON object")
    return Fields(path, values)
