"""Arrow columns to Python values, whatever they hold: no value stops a file from being read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

_UNSPEAKABLE = (ValueError, OverflowError, KeyError, pa.ArrowException)


def unique(names: Sequence[str]) -> list[str]:
    """Names that a record can have as keys: a name that comes again gets a number."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(f"{name}#{seen[name]}" if seen[name] > 1 else name)
    return result


def simple(column: pa.Array) -> pa.Array:
    """A column without dictionaries, views and nanoseconds, which Python has no type for."""
    wanted = _simple_type(column.type)
    if wanted == column.type:
        return column
    try:
        return column.cast(wanted, safe=False)
    except pa.ArrowException:
        return column  # its values are translated one by one


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a column of a type has strings or bytes."""
    t = pa.types
    return bool(t.is_string(kind) or t.is_large_string(kind) or _is_binary(kind))


def values(column: pa.Array) -> list[Any]:
    """The values of a column; invalid UTF-8 comes as bytes, a time past year 9999 as a number."""
    try:
        found: list[Any] = column.to_pylist()
    except _UNSPEAKABLE:
        return [_value(scalar) for scalar in column]
    return found


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _simple_type(kind: pa.DataType) -> pa.DataType:
    t = pa.types
    if t.is_dictionary(kind):
        return _simple_type(kind.value_type)
    if t.is_string_view(kind):
        return pa.large_string()
    if t.is_binary_view(kind):
        return pa.large_binary()
    if t.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if t.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if t.is_time64(kind):
        return pa.time64("us")
    if t.is_struct(kind):
        return pa.struct([field.with_type(_simple_type(field.type)) for field in kind])
    if t.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_simple_type(kind.value_type)))
    if t.is_list(kind):
        return pa.list_(kind.value_field.with_type(_simple_type(kind.value_type)))
    if t.is_map(kind):
        return pa.map_(_simple_type(kind.key_type), _simple_type(kind.item_type))
    return kind


def _value(scalar: pa.Scalar) -> Any:
    """A value that Arrow itself cannot turn into a Python object, or not all of it."""
    try:
        return scalar.as_py()
    except _UNSPEAKABLE:
        pass
    if pa.types.is_struct(scalar.type):
        names = unique([field.name for field in scalar.type])
        return {name: _value(scalar[place]) for place, name in enumerate(names)}
    if pa.types.is_nested(scalar.type):
        return [_value(one) for one in scalar.values]
    if is_bytes(scalar.type):
        return scalar.as_buffer().to_pybytes()
    return getattr(scalar, "value", None)
