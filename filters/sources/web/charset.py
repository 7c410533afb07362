"""Bytes to text: which encoding a page is really in, whatever it says.

The order is that of the WHATWG encoding standard (a byte order mark, the server, the page), but
every declaration is tried on the bytes. Text that is valid UTF-8 and not ASCII is UTF-8 whoever
says otherwise: in other encodings that happens by accident in a few words, not in pages. What is
declared as UTF-8 and is not is taken for what the bytes look like; UTF-8 with a few foreign bytes,
as templates with pasted text have, keeps its characters and reads those bytes as Windows-1252.

Source: https://encoding.spec.whatwg.org/, https://html.spec.whatwg.org/#encoding-sniffing-algorithm
"""

from __future__ import annotations

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What a name means on the web, where Python's codec of that name is another or knows less.
_CODECS = {
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-11": "cp874",
}
_PRESCAN = 4096  # bytes in which a page may declare its encoding; the standard says 1024
_DECLARED = re.compile(
    rb"""<(?:meta\b[^>]{0,500}?|\?xml\b[^>]{0,200}?en)(?:charset|coding)\s{0,9}=\s{0,9}["']?\s{0,9}"""
    rb"([A-Za-z0-9_:.-]{2,40})",
    re.IGNORECASE,
)
_SAMPLE = 1024
_DAMAGED = 50  # characters of UTF-8 for one foreign byte, from which a page is UTF-8 with damage


def decode(data: bytes, charset: str | None = None) -> tuple[str, str]:
    """The text of bytes and the name of the encoding they were read in.

    Never fails: what cannot be decoded becomes U+FFFD. The charset is the server's word.
    """
    text, encoding, _ = _decoded(data, charset)
    return text, encoding


def to_utf8(data: bytes, charset: str | None = None) -> tuple[bytes, str]:
    """The text of bytes as UTF-8, and the encoding they were in; the bytes themselves if they can.

    A string costs two bytes a character where a quotation mark is typographic, and every look at
    it twice the time.
    """
    text, encoding, same = _decoded(data, charset)
    return (data if same else text.encode("utf-8", "replace")), encoding


def _decoded(data: bytes, charset: str | None) -> tuple[str, str, bool]:
    """Text, encoding, and whether the bytes are the text's UTF-8."""
    for mark, marked in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(marked, "replace"), marked, False
    if wide := _wide(data):
        return data.decode(wide, "replace"), wide, False
    declared = [name for name in (codec(charset), codec(declaration(data))) if name]
    # A page whose markup can be read as ASCII is not in UTF-16, whoever says so.
    if declared and declared[0].startswith("utf-16") and data.count(0, 0, _SAMPLE):
        return data.decode(declared[0], "replace"), declared[0], False
    declared = [name for name in declared if not name.startswith("utf-16")]
    seven_bit = next((name for name in declared if name.startswith("iso2022")), None)
    if seven_bit and b"\x1b" in data:
        return data.decode(seven_bit, "replace"), seven_bit, False
    try:
        return data.decode("utf-8"), "utf-8", True
    except UnicodeDecodeError:
        return *_not_utf8(data, declared), False


def codec(charset: str | None) -> str | None:
    """Python's codec for a charset's name; None for an unknown name."""
    if not charset or not charset.isascii():
        return None
    name = map_encoding_to_html5(charset.strip(" \t\"';,").lower(), False)
    name = _CODECS.get(name or "", name)
    try:
        return codecs.lookup(name).name if name else None
    except LookupError:
        return None


def declaration(data: bytes) -> str | None:
    """The charset that a page declares in a `<meta>` or as XML."""
    found = _DECLARED.search(data[:_PRESCAN])
    return found[1].decode("ascii") if found else None


def _wide(data: bytes) -> str | None:
    """UTF-16 without a byte order mark: every other byte of Latin text in it is a zero."""
    sample = data[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 4 > len(sample) and min(even, odd) * 16 < len(sample):
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _not_utf8(data: bytes, declared: list[str]) -> tuple[str, str]:
    text = data.decode("utf-8", "replace")
    # A character of UTF-8 that is not ASCII has one to three more bytes than characters.
    more = len(data) - len(text)
    if text.count("\ufffd") * _DAMAGED < more:
        return data.decode("utf-8", _FOREIGN), "utf-8"
    if more and text.find("\ufffd") == len(text) - 1:
        return text[:-1], "utf-8"  # cut in the middle of its last character
    guess = codec(detect_encoding(data))
    candidates = [name for name in (*declared, guess, "cp1252") if name and name != "utf-8"]
    best: tuple[int, str, str] | None = None
    for name in dict.fromkeys(candidates):
        # Bytes that have no meaning in a code page are control characters by the standard.
        found = data.decode(name, "ignore" if name == "cp1252" else "replace")
        bad = found.count("\ufffd")
        if best is None or bad < best[0]:
            best = bad, found, name
        if not bad:
            break
    assert best is not None  # cp1252 is always a candidate
    return best[1], best[2]


def _foreign(error: UnicodeError) -> tuple[str, int]:
    """Reads bytes that are not UTF-8 as Windows-1252: an error handler, as codecs has them."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "ignore"), error.end


_FOREIGN = "tamis.windows-1252"
codecs.register_error(_FOREIGN, _foreign)
