"""Web archives: .warc.gz to documents, against fastwarc and resiliparse bare, and datatrove."""

from __future__ import annotations

import base64
import gzip
import io
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import orjson
import texts
from measuring import Row, Sample, command, interleave, median, plain, rate, side, tamis

MEGABYTES = 200.0
TARGET = 0.8


def rows(data: Path | None, megabytes: float | None, rounds: int) -> list[Row]:
    """The rows of the table; none where there are no pages to make an archive of."""
    pages = real_pages(data)
    if not pages:
        print("warc: no html_pages/*.jsonl.gz in --data: left out", file=sys.stderr)
        return []
    source, size = archive(pages, megabytes or MEGABYTES)
    samples = interleave(_sides(source), rounds)
    found = {name: median(taken) for name, taken in samples.items()}
    details: dict[str, object] = {"html_mb": size, "samples": plain(samples)}
    alone = {name: sample.inner for name, sample in found.items() if sample.inner}
    label = f".warc.gz to documents, {size:.0f} MB of HTML; other: "
    return [
        _row(f"{label}fastwarc + resiliparse; the work alone", size, alone, "bare-warc", details),
        _row(f"{label}datatrove + trafilatura; the work alone", size, alone, "datatrove-warc", {}),
        _row(
            f"{label}datatrove + trafilatura; whole command",
            size,
            {"tamis-ingest": found["tamis"], "datatrove-warc": found["datatrove-warc"]},
            "datatrove-warc",
            {},
        ),
    ]


def _row(
    what: str, size: float, found: dict[str, Sample], other: str, details: dict[str, object]
) -> Row:
    ours, theirs = found["tamis-ingest"], found[other]
    ratio = theirs.cpu / ours.cpu
    return Row(
        what,
        rate(size, ours),
        rate(size, theirs),
        f"{ratio:.2f}x",
        f">= {TARGET:g}x" if other == "bare-warc" else "",
        ratio >= TARGET if other == "bare-warc" else None,
        details,
    )


def _sides(source: Path) -> dict[str, Callable[[], Sample]]:
    def run(*arguments: str | Path, out: Path) -> Sample:
        texts.fresh(out)
        return command(arguments)

    out = texts.SCRATCH / "warc"
    whole = tamis("ingest", source, "-o", out / "tamis", "--workers", "1")
    sides: dict[str, Callable[[], Sample]] = {"tamis": partial(run, *whole, out=out / "tamis")}
    for name in ("tamis-ingest", "bare-warc", "datatrove-warc"):
        sides[name] = partial(run, *side(name, source, out / name), out=out / name)
    return sides


def real_pages(data: Path | None) -> list[Path]:
    """The files of real pages that there are."""
    return sorted((data or texts.DEFAULT_DATA).glob("html_pages/*.jsonl.gz"))


def archive(pages: list[Path], megabytes: float) -> tuple[Path, float]:
    """An archive of so many MB of real pages, each after the request for it, and those MB."""
    stem = texts.SCRATCH / "archives" / f"{pages[0].parent.parent.name}-{megabytes:g}MB"
    path, said = stem.with_suffix(".warc.gz"), stem.with_suffix(".size")
    if not (path.is_file() and said.is_file()):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        said.write_text(str(_write(temporary, pages, int(megabytes * 1e6))), encoding="utf-8")
        temporary.replace(path)
    return path, int(said.read_text(encoding="utf-8")) / 1e6


def _write(path: Path, pages: list[Path], most: int) -> int:
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    size = 0
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for number, (url, page) in enumerate(_pages(pages)):
            url = url or f"https://site{number % 997}.example/{number}"
            head = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            asked = StatusAndHeaders("GET / HTTP/1.1", [("Host", "x")], is_http_request=True)
            request = writer.create_warc_record(url, "request", http_headers=asked)
            response = writer.create_warc_record(
                url,
                "response",
                payload=io.BytesIO(page),
                http_headers=head,
                # Without it datatrove asks libmagic.
                warc_headers_dict={"WARC-Identified-Payload-Type": "text/html"},
            )
            writer.write_request_response_pair(request, response)
            size += len(page)
            if size >= most:
                break
    return size


def _pages(paths: list[Path]) -> Iterator[tuple[str | None, bytes]]:
    """URL and bytes of every page, over and over."""
    for path in cycle(paths):
        with gzip.open(path) as file:
            for line in file:
                page = orjson.loads(line)
                html = page.get("html")
                data = html.encode() if html else base64.b64decode(page["html_b64"])
                yield page.get("url"), data
