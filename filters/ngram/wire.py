"""Protocol Buffers as bytes: the fields of a message, checked, for files that come from strangers.

Source: the encoding as protobuf.dev describes it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = int | bytes
_SIZES = {FIXED64: 8, FIXED32: 4}


def fields(message: bytes) -> Iterator[tuple[int, int, Value]]:
    """The number, type and value of every field; a fixed one as its bytes.

    ValueError if the message is cut off or no message at all.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise ValueError("field 0 is none")
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f"field {number} is of type {kind}, which is none")
        if size > len(message) - place:
            raise ValueError(f"field {number} is cut off")
        yield number, kind, message[place : place + size]
        place += size


def known(message: bytes, kinds: dict[int, int]) -> Iterator[tuple[int, Value]]:
    """The fields whose numbers are in kinds; ValueError if one is not of the type given there."""
    for number, kind, value in fields(message):
        if number in kinds:
            if kind != kinds[number]:
                raise ValueError(f"field {number} is of type {kind}, not {kinds[number]}")
            yield number, value


def single(value: Value) -> float:
    """A FIXED32 as the floating point number that it is."""
    assert isinstance(value, bytes)
    number: float = struct.unpack("<f", value)[0]
    return number


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(message):
            raise ValueError("the last field is cut off")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number has more than 64 bits")
