"""Gettext catalogues (.mo and .po) to one document: the translated strings, a paragraph each."""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Iterator

from tamis.pipeline.ingest.inputs import Unreadable

_MAGIC = 0x950412DE
_HEADER_BYTES = 20
# Charsets that catalogues are really in. Python's other codecs include some that are quadratic
# (punycode), compressed, or no text at all, and the header is anybody's to write.
_CHARSETS = ("utf-8", "ascii", "iso8859", "koi8", "cp", "euc", "gb", "big5", "shift", "tis")
_CHARSET = re.compile(rb"charset=([\w.:-]{1,40})", re.IGNORECASE)
_LANGUAGE = re.compile(r"^Language:[ \t]*([\w@.-]{1,40})", re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|(.))")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "", "b": "", "f": "\n", "v": "\n"}

_Message = tuple[str, list[str]]  # what is translated ("" for the header), and its translations


def documents(data: bytes) -> list[tuple[str, dict[str, object]]]:
    """The translations in a catalogue as one document; none where nothing is translated.

    Raises:
        Unreadable: truncated, or not a catalogue, or in a charset nobody knows.
    """
    if data[:4] in (struct.pack("<I", _MAGIC), struct.pack(">I", _MAGIC)):
        messages = iter(_compiled(data))
    else:
        messages = _written(_decode(data, _charset(data)))
    header, paragraphs = "", []
    for original, forms in messages:
        if not original:
            header = header or forms[0]
        elif text := "\n".join(dict.fromkeys(form.strip() for form in forms)).strip():
            paragraphs.append(text)
    if not paragraphs:
        return []
    meta: dict[str, object] = {"messages": len(paragraphs)}
    if language := _LANGUAGE.search(header):
        meta["language"] = language[1]
    return [("\n\n".join(paragraphs), meta)]


def _invalid(detail: str) -> Unreadable:
    return Unreadable("invalid_catalogue", detail)


def _charset(header: bytes) -> str:
    """The charset that a header names, UTF-8 where it names none or still says CHARSET."""
    match = _CHARSET.search(header)
    name = match[1].decode("ascii", "replace") if match else "UTF-8"
    if name == "CHARSET":
        return "utf-8"
    try:
        charset = codecs.lookup(name).name
    except LookupError as error:
        raise _invalid(f"unknown charset {name}") from error
    if not charset.startswith(_CHARSETS):
        raise _invalid(f"charset {name} is not one that catalogues are in")
    return charset


def _decode(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset)
    except UnicodeError as error:
        raise _invalid(f"not the {charset} that its header says") from error


def _compiled(data: bytes) -> list[_Message]:
    """The messages of a .mo file: a header, two tables of (length, offset), and the strings."""
    if len(data) < _HEADER_BYTES:
        raise _invalid("ends within its header")
    order = "<" if data[:4] == struct.pack("<I", _MAGIC) else ">"
    revision, count, originals, translations = struct.unpack_from(f"{order}4I", data, 4)
    if revision >> 16 > 1:
        raise _invalid(f"revision {revision >> 16} of the format is unknown")
    pairs = list(
        zip(
            _strings(data, order, count, originals),
            _strings(data, order, count, translations),
            strict=True,
        )
    )
    charset = _charset(next((text for original, text in pairs if not original), b""))
    return [
        (_decode(original, charset), _decode(text, charset).split("\0")) for original, text in pairs
    ]


def _strings(data: bytes, order: str, count: int, table: int) -> list[bytes]:
    """The strings that a table of a .mo file points to, every offset checked."""
    if table + 8 * count > len(data):
        raise _invalid(f"a table of {count} strings reaches past its end")
    numbers = struct.unpack_from(f"{order}{2 * count}I", data, table)
    places = list(zip(numbers[::2], numbers[1::2], strict=True))
    # Strings do not overlap: entries that all point to the same megabyte would be a bomb.
    if sum(length for length, _ in places) > len(data):
        raise _invalid("its strings overlap")
    if any(offset + length > len(data) for length, offset in places):
        raise _invalid("a string reaches past its end")
    return [data[offset : offset + length] for length, offset in places]


def _written(text: str) -> Iterator[_Message]:
    """The messages of a .po file, without fuzzy and obsolete ones."""
    original: list[str] = []
    forms: list[list[str]] = []
    current: list[str] | None = None  # where a line that only continues goes
    fuzzy = next_fuzzy = False
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if line.startswith("#,"):
            next_fuzzy = next_fuzzy or "fuzzy" in line
        if not line or line.startswith("#"):
            continue
        keyword, quoted = _po_line(line, number)
        if forms and keyword in ("msgctxt", "msgid"):
            if not fuzzy:
                yield "".join(original), ["".join(form) for form in forms]
            original, forms, current = [], [], None
        if keyword in ("msgctxt", "msgid_plural"):
            current = []
        elif keyword == "msgid":
            current, fuzzy, next_fuzzy = original, next_fuzzy, False
        elif keyword.startswith("msgstr"):
            current = []
            forms.append(current)
        if current is None:
            raise _invalid(f"line {number}: a string that belongs to nothing")
        current.append(quoted)
    if forms and not fuzzy:
        yield "".join(original), ["".join(form) for form in forms]


_KEYWORDS = ("msgctxt", "msgid", "msgid_plural", "msgstr")


def _po_line(line: str, number: int) -> tuple[str, str]:
    """The keyword of a line ("" where it continues the one before) and its unescaped string."""
    keyword, quote, rest = line.partition('"')
    keyword = keyword.strip()
    known = not keyword or keyword.partition("[")[0].rstrip() in _KEYWORDS
    if not known or not quote or not rest.endswith('"'):
        raise _invalid(f"line {number}: neither a keyword with a string nor a comment")
    return keyword, _ESCAPE.sub(_unescaped, rest[:-1])


def _unescaped(match: re.Match[str]) -> str:
    octal, other = match.groups()
    return chr(int(octal, 8)) if octal else _ESCAPES.get(other, other)
