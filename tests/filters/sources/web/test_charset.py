"""Bytes become the text that was meant, whatever a page or its server declares."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tamis.filters.sources.web.charset import codec, declaration, decode, to_utf8

DATA = Path(__file__).parents[4].parent / "shared" / "data" / "html_pages"
GERMAN = "Die Mühle fährt über Straßen, „größer“ – 5 €. " * 4
RUSSIAN = "Старая мельница у реки давно стояла пустой, и никто в деревне не верил. " * 4
JAPANESE = "川のそばの古い水車小屋は四十年ものあいだ空き家でした。" * 4
CHINESE = "河边的老磨坊已经空了四十年，村里没有人相信水轮会再转。" * 4
KOREAN = "강가의 오래된 방앗간은 사십 년 동안 비어 있었다. " * 4


def meta(charset: str) -> bytes:
    return f'<html><head><meta charset="{charset}"></head><body>'.encode()


@pytest.mark.parametrize(
    ("text", "written", "server", "page", "encoding"),
    [
        (GERMAN, "utf-8", None, "", "utf-8"),
        (GERMAN, "utf-8", "utf-8", "", "utf-8"),
        (GERMAN, "utf-8", "iso-8859-1", "iso-8859-1", "utf-8"),  # a lie, told by many servers
        (GERMAN, "cp1252", None, "iso-8859-1", "cp1252"),  # what the standard says it means
        (GERMAN, "cp1252", "ISO-8859-1", "", "cp1252"),
        (GERMAN, "cp1252", "utf-8", "utf-8", "cp1252"),
        (GERMAN, "cp1252", "no-such-charset", "windows-1252", "cp1252"),
        ("Größe: 5 €, né à Nîmes. " * 9, "iso8859-15", "l9", "", "iso8859-15"),
        (GERMAN, "utf-16", None, "", "utf-16-le"),  # with its mark
        (GERMAN, "utf-16-le", None, "", "utf-16-le"),
        (GERMAN, "utf-16-be", "utf-8", "", "utf-16-be"),
        (JAPANESE + "<p>", "utf-16-le", "utf-16", "", "utf-16-le"),
        (GERMAN, "cp1252", None, "utf-16", "cp1252"),
        (GERMAN, "utf-8-sig", "iso-8859-1", "", "utf-8"),
        (RUSSIAN, "cp1251", None, "windows-1251", "cp1251"),
        (RUSSIAN, "cp1251", None, "", "cp1251"),
        (RUSSIAN, "cp1251", "utf-8", "", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r", "", "koi8-r"),
        (RUSSIAN, "koi8-r", "koi8-r", "windows-1251", "koi8-r"),  # the server goes first
        (JAPANESE, "cp932", None, "x-sjis", "cp932"),
        (JAPANESE, "euc_jp", None, "euc-jp", "euc_jp"),
        (JAPANESE, "iso2022_jp", None, "iso-2022-jp", "iso2022_jp"),
        (JAPANESE, "utf-8", "shift_jis", "", "utf-8"),
        (CHINESE, "gb18030", None, "gb2312", "gb18030"),
        (CHINESE, "gb18030", "utf-8", "", "gb18030"),
        (KOREAN, "cp949", None, "euc-kr", "cp949"),
    ],
)
def test_the_text_that_was_meant(
    text: str, written: str, server: str | None, page: str, encoding: str
) -> None:
    """If it fails, a language's pages enter the corpus as rubbish, all of them."""
    head = meta(page).decode() if page else ""
    found, name = decode((head + text).encode(written), server)
    assert found == head + text
    assert name == encoding


def test_an_xml_declaration_counts() -> None:
    """If it fails, XHTML of the nineties is guessed at."""
    data = b"<?xml version='1.0' encoding='windows-1251'?><p>" + RUSSIAN.encode("cp1251")
    assert declaration(data) == "windows-1251"
    assert RUSSIAN in decode(data)[0]


def test_utf8_with_a_few_foreign_bytes_keeps_its_characters() -> None:
    """If it fails, one pasted quotation mark turns a whole page into mojibake."""
    data = (JAPANESE * 3).encode() + b"\x93quoted\x94" + JAPANESE.encode()
    assert decode(data) == (JAPANESE * 3 + "“quoted”" + JAPANESE, "utf-8")


def test_utf8_cut_in_a_character_is_utf8() -> None:
    """If it fails, every page that a crawler cut at its limit is at risk of mojibake."""
    assert decode(JAPANESE[:5].encode() + "川".encode()[:2]) == (JAPANESE[:5], "utf-8")


def test_bytes_without_a_meaning_are_left_out_not_guessed() -> None:
    """If it fails, the holes of Windows-1252 become replacement characters."""
    assert decode(b"caf\xe9 \x81\x8d", "windows-1252") == ("café ", "cp1252")


@pytest.mark.parametrize("name", [None, "", "utf-7", "\xff", "a" * 10_000, "undefined", "rot13"])
def test_a_name_that_means_nothing_is_nothing(name: str | None) -> None:
    """If it fails, a server's word reaches Python's codecs that are no charsets."""
    assert codec(name) is None


@given(
    st.binary(max_size=300), st.none() | st.text(max_size=20) | st.sampled_from(["utf-16", "gbk"])
)
@example(b"\xff\xfe\x00\xd8", None)
@example(b"\xed\xa0\x80" * 9, "utf-8")
def test_any_bytes_are_some_text(data: bytes, charset: str | None) -> None:
    """If it fails, one record ends a worker, or half a character reaches a Parquet file."""
    text, encoding = decode(data, charset)
    assert (text, encoding) == decode(data, charset)
    written = to_utf8(data, charset)
    assert written == (text.encode(), encoding)


def test_real_pages_that_are_not_utf8_have_no_replacement_characters() -> None:
    """If it fails, what older sites wrote is full of holes."""
    path = DATA / "trafilatura_eval.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no pages at {path}")
    with gzip.open(path) as file:
        raw = [row["html_b64"] for row in map(orjson.loads, file) if row.get("html_b64")]
    assert len(raw) == 19
    assert [decode(base64.b64decode(one))[0].count("\ufffd") for one in raw] == [0] * 19
