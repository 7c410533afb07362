"""Gettext catalogues, compiled and written, good and hostile."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest.catalogue import documents
from tamis.pipeline.ingest.inputs import Unreadable

HEADER = "Language: fr\nContent-Type: text/plain; charset={}\n"


def compiled(messages: dict[str, str], charset: str = "UTF-8", order: str = "<") -> bytes:
    """A .mo file, as msgfmt lays it out."""
    pairs = [("", HEADER.format(charset)), *messages.items()]
    count, place = len(pairs), 28 + 16 * len(pairs)
    tables, strings = b"", b""
    for side in (0, 1):
        for pair in pairs:
            text = pair[side].encode(charset)
            tables += struct.pack(f"{order}2I", len(text), place + len(strings))
            strings += text + b"\0"
    header = struct.pack(f"{order}7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0)
    return header + tables + strings


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("charset", ["UTF-8", "ISO-8859-1"])
def test_translations_in_file_order(order: str, charset: str) -> None:
    messages = {"File": "_Fichier", "Open\n": "Ouvrir à\ncôté\n", "None": ""}
    assert documents(compiled(messages, charset, order)) == [
        ("_Fichier\n\nOuvrir à\ncôté", {"messages": 2, "language": "fr"})
    ]


def test_plural_forms_are_lines_of_one_paragraph() -> None:
    text = documents(compiled({"%d file\0%d files": "%d fichier\0%d fichiers", "a\0b": "c\0c"}))
    assert text[0][0] == "%d fichier\n%d fichiers\n\nc"


def test_a_catalogue_that_translates_nothing_is_no_document() -> None:
    assert documents(compiled({})) == []
    assert documents(b"") == []
    assert documents(b'msgid ""\nmsgstr "Language: fr\\n"\n') == []


GOOD = compiled({"File": "Fichier"})


def patched(place: int, value: int) -> bytes:
    return GOOD[:place] + struct.pack("<I", value) + GOOD[place + 4 :]


@pytest.mark.parametrize(
    "data",
    [
        GOOD[:4],
        GOOD[:19],
        GOOD[:40],
        GOOD[:-9],
        patched(4, 0x70000),  # revision
        patched(8, 0xFFFFFFFF),  # count
        patched(12, 0xFFFFFFF0),  # where the originals are
        patched(16, len(GOOD)),  # where the translations are
        patched(28 + 16 + 12, 0x7FFFFFFF),  # where a translation is
        compiled({"a": "b"}).replace(b"charset=UTF-8", b"charset=rot13"),
        compiled({"a": "b"}).replace(b"charset=UTF-8", b"charset=idna "),
        compiled({"a": "b"}).replace(b"charset=UTF-8", b"charset=no-no"),
        compiled({"a": "é"}, "ISO-8859-1").replace(b"ISO-8859-1", b"UTF-8     "),
    ],
)
def test_a_hostile_catalogue_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        documents(data)
    assert caught.value.reason == "invalid_catalogue"


def test_entries_that_share_one_long_string_are_refused_at_once() -> None:
    count, filler = 20_000, b"x" * 500_000
    place = 28 + 16 * count
    table = struct.pack("<2I", len(filler), place) * (2 * count)
    header = struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0)
    start = time.perf_counter()
    with pytest.raises(Unreadable, match="overlap"):
        documents(header + table + filler)
    assert time.perf_counter() - start < 2


PO = """# a comment
msgid ""
msgstr ""
"Language: de\\n"
"Content-Type: text/plain; charset=UTF-8\\n"

#: place.c:1
msgctxt "menu"
msgid "File"
msgstr "Datei"

#, fuzzy, c-format
msgid "Guess"
msgstr "Geraten"

#, c-format
msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d Datei"
msgstr[1] "%d Dateien"

msgid ""
"long"
msgstr ""
"Zeile \\"eins\\"\\n"
"\\tund zwei\\\\drei\\303"

msgid "untranslated"
msgstr ""

#~ msgid "old"
#~ msgstr "alt"
"""


def test_a_written_catalogue() -> None:
    assert documents(PO.encode()) == [
        (
            'Datei\n\n%d Datei\n%d Dateien\n\nZeile "eins"\n\tund zwei\\drei\u00c3',
            {"messages": 3, "language": "de"},
        )
    ]


@pytest.mark.parametrize(
    "text",
    ["Hello", 'msgid "a', 'msgid a"', '"stray"', 'msgfoo "a"', 'msgid "a"\nmsgstr "b"\nGIF89a'],
)
def test_what_is_no_po_file_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        documents(text.encode())
    assert caught.value.reason == "invalid_catalogue"


PIECES = ["msgid", "msgstr", "msgstr[0]", "msgctxt", '"', ' "a"', "\n", "#, fuzzy", "\\", "8", "ü"]


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.binary()
    | st.binary().map(lambda b: GOOD[:28] + b)
    | st.tuples(st.integers(0, len(GOOD) - 4), st.integers(0, 2**32 - 1)).map(lambda p: patched(*p))
    | st.lists(st.sampled_from(PIECES)).map(lambda pieces: "".join(pieces).encode())
)
def test_any_bytes_are_read_or_unreadable(data: bytes) -> None:
    try:
        for text, _ in documents(data):
            text.encode()
    except Unreadable as error:
        assert error.reason == "invalid_catalogue"
