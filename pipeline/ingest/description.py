"""Core metadata (METADATA, PKG-INFO) to one document: a distribution's long description."""

from __future__ import annotations

import re
from email.parser import HeaderParser

# Where a field holds the description, each further line begins with 8 spaces or 7 and a bar.
_CONTINUATION = re.compile(r"\n(?: {7}\||\t| {1,8})")


def documents(data: bytes) -> list[tuple[str, dict[str, object]]]:
    """The long description of a distribution, from the body or from the Description field.

    Nothing where there is none; nothing is unreadable, since the format has no invalid files.
    """
    message = HeaderParser().parsestr(_decode(data))
    body = message.get_payload()
    text = body.strip() if isinstance(body, str) else ""
    if not text:
        text = _CONTINUATION.sub("\n", str(message.get("Description", ""))).strip()
    if not text or text == "UNKNOWN":
        return []
    fields = {key: str(message.get(key.capitalize(), "")) for key in ("name", "version", "summary")}
    return [(text, {key: value for key, value in fields.items() if value})]


def _decode(data: bytes) -> str:
    """The text, in the UTF-8 that the format demands or the Latin-1 that old files are in."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
