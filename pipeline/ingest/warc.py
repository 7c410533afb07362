"""Web archives: WARC, with WET's texts, and ARC; a document for every page that is one."""

from __future__ import annotations

from collections.abc import Iterator

from tamis.pipeline.ingest import warc_documents
from tamis.pipeline.ingest.inputs import READ, Unreadable
from tamis.pipeline.ingest.records import Extractor, Rows
from tamis.pipeline.ingest.streams import Source
from tamis.pipeline.ingest.warc_members import parts
from tamis.pipeline.ingest.warc_records import PassedOver, Reader, Record

BATCH_BYTES = 1 << 23
BATCH_RECORDS = 1 << 10


def read(source: Source, limit: int) -> Iterator[list[Record]]:
    """The records of an archive, those that begin near each other at once.

    limit is that of a document, in bytes. Raises Unreadable where the file itself fails.
    """
    told = not source.input.compression and source.input.bytes >= 0
    size = source.input.bytes if told else None
    held: list[Record] = []
    total = 0
    for record in Reader(parts(source), warc_documents.judge, limit, size).records():
        # A shard may end wherever a block of READ bytes does.
        full = total > BATCH_BYTES or len(held) == BATCH_RECORDS
        if held and (full or record.at // READ > held[0].at // READ):
            yield held
            held, total = [], 0
        held.append(record)
        total += len(record.body)
    if held:
        yield held


def rows(records: list[Record], extractor: Extractor, start: int, stop: int) -> Rows:
    """The documents and errors of records start to stop, and what was passed over among them."""
    found, options = Rows(), extractor.options
    keys = {
        "text": options.text_key,
        "id": options.id_key,
        "url": options.url_key,
        "date": options.date_key,
    }
    for record in records[start:stop]:
        try:
            if record.outcome is not None:
                raise record.outcome
            limit, kind = options.max_document_bytes, options.extractor
            document = warc_documents.document(record, limit, kind)
            named = {keys.get(name, name): value for name, value in document.items()}
            extractor.add(found, named, record.place)
        except PassedOver as passed:
            found.passed_over[passed.reason] += 1
        except Unreadable as error:
            found.lose(place_of(record), error)
    return found


def place_of(record: Record) -> str:
    """Where a record is."""
    return f"byte {record.place}"
