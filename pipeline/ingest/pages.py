"""How large the pages of a Parquet row group are, read from their headers before any is opened.

Parquet is read page by page, and a page is decompressed whole: its size is what a row group needs
at once. The footer knows only whole column chunks, where 500 MB may be a million small values or
a single one; the headers tell, for a seek and some 30 bytes a page.
"""

from __future__ import annotations

from typing import Any, BinaryIO, NamedTuple

_LEAST = 1 << 20  # what is smaller needs no look
_PEEK = 1 << 12
_LONGEST_HEADER = 1 << 24  # what Arrow accepts


class Pages(NamedTuple):
    """The largest page of a row group and of its dictionaries, in bytes once decompressed."""

    largest: int
    column: str
    dictionary: int


def measure(file: BinaryIO, group: Any) -> Pages:
    """The pages of a row group, given its metadata; what is no header ends the look at a column."""
    size = group.total_byte_size
    if size < _LEAST:
        return Pages(size, "", size)
    largest, column, dictionary = 0, "", 0
    for place in range(group.num_columns):
        chunk = group.column(place)
        if chunk.total_uncompressed_size < _LEAST:
            sizes = [(chunk.has_dictionary_page, chunk.total_uncompressed_size)]
        else:
            sizes = _chunk_pages(file, chunk)
        for is_dictionary, size in sizes:
            dictionary = max(dictionary, size if is_dictionary else 0)
            if size > largest:
                largest, column = size, chunk.path_in_schema
    return Pages(largest, column, dictionary)


def _chunk_pages(file: BinaryIO, chunk: Any) -> list[tuple[bool, int]]:
    """Whether it is a dictionary, and the size, of every page of a column chunk."""
    offsets = [chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset]
    place, end, found = min(offsets), min(offsets) + chunk.total_compressed_size, []
    while place < end:
        try:
            fields, length = _header(file, place)
            kind, size, compressed = fields[1], fields[2], fields[3]
        except (IndexError, KeyError, OSError, RecursionError):
            break  # reading it will tell what is wrong
        if compressed < 0 or size < 0:
            break
        found.append((kind == 2, size))
        place += length + compressed
    return found


def _header(file: BinaryIO, place: int) -> tuple[dict[int, int], int]:
    """The fields of the page header at a place, and its length."""
    peek = _PEEK
    while True:
        file.seek(place)
        data = file.read(peek)
        try:
            return _struct(data, 0)
        except IndexError:
            if len(data) < peek or peek >= _LONGEST_HEADER:
                raise
            peek *= 16  # it carries long statistics


def _struct(data: bytes, at: int) -> tuple[dict[int, int], int]:
    """The numbers of a struct in Thrift's compact protocol, and where it ends."""
    fields: dict[int, int] = {}
    number = 0
    while head := data[at]:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _number(data, at)
        fields[number], at = _value(data, at, head & 15)
    return fields, at + 1


def _value(data: bytes, at: int, kind: int) -> tuple[int, int]:
    """A value's number, or 0 for what is none, and where the value ends."""
    if kind in (1, 2):  # true, false
        return 2 - kind, at
    if kind == 3:  # a byte
        return data[at], at + 1
    if kind in (4, 5, 6):
        return _number(data, at)
    if kind == 7:  # a double
        return 0, at + 8
    if kind == 8:
        length, at = _varint(data, at)
        return 0, at + length
    if kind in (9, 10):  # lists and sets
        size, inner, at = data[at] >> 4, data[at] & 15, at + 1
        if size == 15:
            size, at = _varint(data, at)
        for _ in range(size):
            at = at + 1 if inner in (1, 2) else _value(data, at, inner)[1]
        return 0, at
    if kind == 12:
        return 0, _struct(data, at)[1]
    raise KeyError(kind)  # no page header holds a map


def _number(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
