"""Inputs that are read whole: a text or Markdown file is a document; others hold a few."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from tamis.pipeline.ingest import catalogue, description, docstrings, man
from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.records import Extractor, Rows
from tamis.pipeline.ingest.streams import Source, whole

Documents = list[tuple[str, dict[str, object]]]

READERS: dict[str, Callable[[bytes], Documents]] = {
    "catalogue": catalogue.documents,
    "description": description.documents,
    "docstrings": docstrings.documents,
    "man": man.documents,
}


def read(source: Source, extractor: Extractor, options: IngestOptions) -> Rows:
    """All documents of an input that is read whole; raises Unreadable if it cannot be."""
    rows = Rows()
    data = whole(source, options.max_document_bytes)
    texts = READERS.get(source.input.format)
    found = texts(data) if texts else [(_decode(data, options.encoding), {})]
    for place, (text, meta) in enumerate(found):
        record = {**meta, **_origin(source.input), options.text_key: text}
        extractor.add(rows, record, place)
    return rows


def _origin(source: Input) -> dict[str, object]:
    """What is known of a document that is a file: its path, and its package if it has one."""
    origin: dict[str, object] = {"path": source.name}
    return origin | ({"package": source.package} if source.package else {})


def _decode(data: bytes, encoding: str) -> str:
    """Text of a given encoding without its byte order mark; raises Unreadable if it is not that."""
    utf8 = codecs.lookup(encoding).name == "utf-8"
    if utf8 and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable("invalid_utf8", "a UTF-16 byte order mark: try --encoding utf-16")
    try:
        text = data.decode(encoding)
        text.encode()  # some codecs let lone surrogates through
    except UnicodeError as error:
        where = getattr(error, "start", 0)
        what = f"byte {data[where]:#04x} at {where}" if where < len(data) else str(error)
        reason = "invalid_utf8" if utf8 else "invalid_encoding"
        raise Unreadable(reason, f"{what} is not {encoding} (see --encoding)") from None
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise Unreadable("binary_file", f"a NUL at character {text.index(chr(0))}: not a text file")
    return text
