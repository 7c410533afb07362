"""Web archives to a corpus: what becomes a document, what is passed over, what is an error."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from archives import SENTENCE, arc, crawl, good, http, members, page, warc
from support import command
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import WorkError
from tamis.pipeline.guard import Guard, Held
from tamis.pipeline.ingest import warc_documents
from tamis.pipeline.ingest.inputs import expand
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.phase import IngestPhase
from tamis.pipeline.ingest.plan import plan
from tamis.pipeline.ingest.urls import Named
from tamis.pipeline.ingest.warc_records import PassedOver

Ingest = Callable[..., Any]
Tamis = Callable[..., subprocess.CompletedProcess[str]]
DATA = Path(__file__).parents[3].parent / "shared" / "data" / "warc"


def put(path: Path, *records: bytes) -> Path:
    path.write_bytes(members(records) if path.suffix == ".gz" else b"".join(records))
    return path


def test_a_page_becomes_a_document(tmp_path: Path, read_in: Ingest) -> None:
    """Id, URL and date are the archive's; the text is that of the page and not its markup."""
    record = warc(
        http(page("Ünïcödé"), kind="text/html; charset=UTF-8"),
        "WARC-Record-ID: <urn:uuid:6d058047-ede2-4a13-be79-90c17c631dd4>",
        "WARC-Truncated: length",
        url="<http://a.example/page?x=1>",
    )
    found = read_in(put(tmp_path / "in.warc.gz", record))
    (row,) = found.rows()
    assert "Ünïcödé" in row["text"] and SENTENCE in row["text"] and "<" not in row["text"]
    assert row["id"] == "6d058047-ede2-4a13-be79-90c17c631dd4"
    assert row["url"] == "http://a.example/page?x=1"
    assert row["date"] == datetime(2024, 5, 18, 1, 58, 10)
    meta = json.loads(row["meta"])
    assert meta.pop("encoding").lower() == "utf-8"
    assert meta == {
        "title": "T",
        "content_type": "text/html",
        "http_status": 200,
        "truncated": "length",
    }
    assert found.manifest["inputs"][0]["sha256"] is not None


def test_conversions_and_plain_text_stay_as_they_are(tmp_path: Path, read_in: Ingest) -> None:
    """A WET file's texts, and text/plain in the charset that is declared or found."""
    text = "Zwölf Boxkämpfer\n  jagen <b>Viktor</b>"
    language = "WARC-Identified-Content-Language: deu"
    found = read_in(
        put(
            tmp_path / "in.warc.wet.gz",
            warc(text.encode(), "Content-Type: text/plain", language, kind="conversion"),
            warc(http(text.encode("latin-1"), kind="text/plain; charset=ISO-8859-1")),
            warc(http(text.encode(), kind="text/plain")),
            warc(http("Съешь ещё этих мягких булок ".encode("cp1251") * 9, kind="text/plain")),
            warc(text.encode(), "Content-Type: text/plain", kind="resource"),
        )
    )
    assert found.texts[:3] == [text] * 3 and found.texts[4] == text
    assert found.texts[3].startswith("Съешь ещё")
    assert json.loads(found.rows()[0]["meta"])["language"] == "deu"


def test_what_is_no_document_is_counted_by_what_it_is(tmp_path: Path, read_in: Ingest) -> None:
    """A million pictures must be neither errors nor nothing."""
    records = [
        warc(b"", kind="warcinfo"),
        warc(b"GET / HTTP/1.1\r\n\r\n", kind="request"),
        warc(b"", kind="metadata"),
        warc(b"", kind="revisit"),
        warc(b"", kind="sermon"),
        warc(b"a", url="dns:a.example"),
        warc(b"a log", "Content-Type: text/plain", kind="resource", url="metadata://gnu.org/log"),
        warc(http(page("gone"), status="404 Not Found")),
        warc(http(b"", status="204 No Content")),
        warc(http(b"\x89PNG", kind="Image/PNG; charset=binary")),
        warc(http(b"{}", kind="application/json")),
        warc(http(b"abc", kind="a/b/c d\x00")),
        warc(http(b"abc", kind="")),
        warc(b"%PDF", "Content-Type: application/pdf", kind="resource"),
        good(),
    ]
    found = read_in(put(tmp_path / "in.warc.gz", *records))
    assert found.errors == [] and len(found.texts) == 1
    assert found.manifest["counts"]["passed_over"] == {
        "content_type application/json": 1,
        "content_type application/pdf": 1,
        "content_type image/png": 1,
        "content_type malformed": 1,
        "content_type none": 1,
        "dns": 1,
        "http_status 204": 1,
        "http_status 404": 1,
        "metadata": 2,
        "request": 1,
        "revisit": 1,
        "unknown_type": 1,
        "warcinfo": 1,
    }


def test_what_cannot_become_a_document_is_an_error(tmp_path: Path, read_in: Ingest) -> None:
    broken = http(bytes(range(256)), "Content-Encoding: gzip")
    records = [
        warc(http(b"")),
        warc(http(b"<html><body><script>x()</script></body></html>")),
        warc(http(b"\n \t", kind="text/plain")),
        warc(http(b"text\0" * 40, kind="text/plain")),
        warc(b"HTTP/1.1 OK\r\n\r\n"),
        warc(broken),
        warc(http(page("x" * 5000))),
        good().replace(b"Content-Length", b"Content-Longth"),
    ]
    path = put(tmp_path / "in.warc.gz", *records, good())
    found = read_in(path, max_document_bytes=3000)
    reasons = "no_text no_text no_text binary_file bad_http bad_encoding too_long malformed_record"
    assert [reason for _, _, reason, _ in found.errors] == reasons.split()
    starts = [len(members(records[:n])) for n in range(8)]
    assert [place for _, place, _, _ in found.errors] == [f"byte {start}" for start in starts]
    assert len(found.texts) == 1


def test_pages_without_a_type_or_a_head_are_recognised(tmp_path: Path, read_in: Ingest) -> None:
    """Servers that do not say what they send, and crawlers that lost what they said."""
    own = {"kind": "resource"}
    found = read_in(
        put(
            tmp_path / "in.warc",
            warc(http(page("untold"), kind="")),
            warc(http(page("html?"), kind="html")),
            warc(http(page("xhtml"), kind="application/xhtml+xml")),
            warc(page("headless"), "Content-Type: application/http; msgtype=response"),
            warc(page("resource"), "Content-Type: text/html; charset=utf-8", **own),
            warc(page("identified"), "WARC-Identified-Payload-Type: text/html", **own),
            arc(http(page("arc"))),
            arc(page("bare arc")),
        )
    )
    said = [text.split("\n")[0].strip() for text in found.texts]
    words = ["untold", "html?", "xhtml", "headless", "resource", "identified", "arc", "bare arc"]
    assert said == words
    assert found.rows()[6]["date"] == datetime(2008, 4, 30, 20, 48, 25)
    assert len({row["id"] for row in found.rows()}) == 8, "stable ids, where there is none"


def test_media_types_of_strangers_do_not_fill_the_ledger(tmp_path: Path, read_in: Ingest) -> None:
    """Each of a million could be another; past some number they count together."""
    pictures = [warc(http(b"x", kind=f"image/x-{n}")) for n in range(500)]
    found = read_in(put(tmp_path / "in.warc", *pictures, *pictures, good()))
    passed = found.manifest["counts"]["passed_over"]
    assert len(passed) <= 201 and sum(passed.values()) == 1000
    assert passed["content_type other"] > 500
    record = json.loads((found.root / "records/ingest/00000.json").read_bytes())
    assert len(record["passed_over"]) <= 201, "a shard may see as many"


@pytest.mark.parametrize("name", ["in.warc.gz", "in.warc"])
def test_shards_of_one_archive_whatever_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A worker that starts again numbers the records as before, and counts alike."""
    for module in ("plan", "streams", "warc"):
        monkeypatch.setattr(f"tamis.pipeline.ingest.{module}.READ", 1 << 12)
    path = put(tmp_path / name, *crawl(400))
    inputs, options = expand([str(path)], list).inputs, IngestOptions(shard_bytes=4000)
    made = plan(inputs, options.shard_bytes)
    assert len(made.tasks) == 1 and len(made.shards) > 4
    assert not made.split, "an archive is read from its beginning"
    corpus = Corpus(tmp_path / "corpus")

    def work(guard: Guard | None = None) -> dict[str, Any]:
        IngestPhase(corpus, inputs, made, options).work(0, guard or Guard())
        names = [f"{n:05d}" for n in range(len(made.shards))]
        return {one: corpus.record("ingest", one) for one in names}

    whole = work()
    assert sum(record["rows"] for record in whole.values()) == 400
    assert sum(1 for record in whole.values() if record["rows"]) > 4
    passed = Counter()
    for record in whole.values():
        passed.update(record["passed_over"])
    assert passed == {"warcinfo": 1, "request": 400, "content_type image/png": 80}
    for number in (1, len(made.shards) - 1):
        corpus.retract("ingest", f"{number:05d}")
    assert work() == whole
    corpus.retract("ingest", f"{len(made.shards) - 1:05d}")
    last = 1 + 400 + 400 + 80 - 1
    again = work(Guard(condemned=frozenset({Held(0, 0, last, last + 1)})))
    assert again[f"{len(made.shards) - 1:05d}"]["errors"] == {"killed_worker": 1}


KILL = """
import os, signal
from tamis.filters.sources.web import page

real = page.read_page

def read_page(data, *rest, **options):
    if b"poison" in data:
        os.kill(os.getpid(), signal.SIGSEGV)
    return real(data, *rest, **options)

page.read_page = read_page
"""


def test_a_page_that_kills_the_parser_costs_itself(tmp_path: Path) -> None:
    """A crash in native code takes the process with it: one page of a crawl, not the crawl."""
    (tmp_path / "sitecustomize.py").write_text(KILL)
    records = [*crawl(40), good("poison"), *crawl(3), good("poison again"), good("last")]
    put(tmp_path / "in.warc.gz", *records)
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command("ingest", "in.warc.gz", "-o", "corpus", "--workers", 2),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "SIGSEGV" in done.stderr
    counts = json.loads((tmp_path / "corpus/corpus.json").read_bytes())["counts"]
    assert counts["documents"] == 44 and counts["errors"] == {"killed_worker": 2}
    assert counts["passed_over"]["request"] == 43


def test_reading_that_kills_its_worker_is_an_error(tmp_path: Path) -> None:
    """Not only a page: what takes the archive apart runs under the guard's eyes too."""
    kill = "import os, signal\nfrom isal import igzip_lib\n"
    kill += "def killed(**options): os.kill(os.getpid(), signal.SIGKILL)\n"
    kill += "igzip_lib.IgzipDecompressor = killed\n"
    (tmp_path / "sitecustomize.py").write_text(kill)
    put(tmp_path / "in.warc.gz", good())
    put(tmp_path / "plain.warc", good())
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command("ingest", "in.warc.gz", "plain.warc", "-o", "corpus", "--workers", 1),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads((tmp_path / "corpus/corpus.json").read_bytes())["counts"]
    assert (counts["documents"], counts["errors"]) == (1, {"killed_worker": 1})


def test_an_extractor_that_raises_costs_a_page(
    tmp_path: Path, read_in: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = warc_documents.read_page

    def read_page(data: bytes, *rest: Any) -> Any:
        if b"bad" in data:
            raise ValueError("no such node")
        return real(data, *rest)

    monkeypatch.setattr(warc_documents, "read_page", read_page)
    found = read_in(put(tmp_path / "in.warc.gz", good(), good("bad"), good()))
    assert len(found.texts) == 2
    assert [reason for _, _, reason, _ in found.errors] == ["bad_page"]


def test_the_ledger_tells_what_was_passed_over(tmp_path: Path, here: Tamis) -> None:
    """Beside the sum: ingested = kept + rejected + errors + set aside stays true without it."""
    put(tmp_path / "in.warc.gz", *crawl(10), warc(http(b"")))
    shown = here("ingest", "in.warc.gz", "-o", "corpus").stdout
    assert "passed over, no documents" in shown and "content_type image/png" in shown
    written = here("run", "quickstart", "-o", "corpus", "--set", "ingest.seed=0").stdout
    ledger = json.loads((tmp_path / "corpus/ledger.json").read_bytes())
    assert ledger["passed_over"] == {
        "records": 13,
        "reasons": {"content_type image/png": 2, "request": 10, "warcinfo": 1},
    }
    assert ledger["ingested"]["documents"] == 11
    assert ledger["errors"] == {"documents": 1, "reasons": {"no_text": 1}}
    assert "passed over, no documents" in written


def test_an_archive_without_documents_says_what_it_holds(tmp_path: Path, read_in: Ingest) -> None:
    path = put(tmp_path / "in.warc", warc(b"", kind="warcinfo"), warc(b"", kind="request"))
    with pytest.raises(WorkError, match=r"nothing is a document \(1 request, 1 warcinfo\)"):
        read_in(path)


def test_a_format_that_is_named_goes_before_the_name(tmp_path: Path, read_in: Ingest) -> None:
    """`example.warc.gz.bad`, and archives that a downloader renamed or unpacked."""
    put(tmp_path / "a.warc.gz", good()).rename(tmp_path / "a.warc.gz.bad")
    put(tmp_path / "b.warc", good()).rename(tmp_path / "b.gz")
    (tmp_path / "c").write_bytes(gzip.compress(good() * 3))
    assert len(read_in(tmp_path, format="warc").texts) == 5


# Where they are malformed warcio stops, or takes for records what is none.
FURTHER = {
    # It stops at the first member because it holds several records, of which there are six.
    "warcio/example-bad.warc.gz.bad": 6,
    # It stops likewise; here are a header, a DNS answer, a page, a line that lost its end, and a
    # page that the file cuts off.
    "aut/badexample.arc.gz": 5,
}


def files() -> list[Path]:
    return sorted(p for p in DATA.glob("*/*") if p.is_file()) if DATA.is_dir() else []


@pytest.mark.skipif(not files(), reason=f"no archives in {DATA}")
def test_every_record_of_real_archives_is_accounted_for(tmp_path: Path, read_in: Ingest) -> None:
    """Documents, errors and what was passed over are as many as another reader counts records."""
    for number, path in enumerate(files()):
        name, corpus = path.relative_to(DATA).as_posix(), Corpus(tmp_path / str(number))
        options = IngestOptions(format="warc")
        inputs = expand([str(path)], list, named=Named(options)).inputs
        IngestPhase(corpus, inputs, plan(inputs, 0), options).work(0, Guard())
        record = corpus.record("ingest", "00000") or {}
        ours = record["rows"] + sum(record["errors"].values()) + sum(record["passed_over"].values())
        theirs, stopped = count(path)
        assert stopped == (name in FURTHER), name
        assert ours == FURTHER.get(name, theirs), name


def count(path: Path) -> tuple[int, bool]:
    """How many records warcio counts, and whether it stopped before the end."""
    records = 0
    with path.open("rb") as file:
        try:
            for _ in ArchiveIterator(file):
                records += 1
        except ArchiveLoadFailed:
            return records, True
    return records, False


def test_reasons_stay_few() -> None:
    """What strangers write becomes a key of the ledger: only tokens do, and no long ones."""
    for said in (
        "text/html/x",
        "a" * 500 + "/b",
        "\u00e9/b",
        "<script>",
        "image /png",
        "a/" + "b" * 99,
    ):
        header = {"warc-type": "resource", "content-type": said}
        assert warc_documents._media_type(said) == "malformed", said
        warc_documents.judge(header, b"")
    with pytest.raises(PassedOver, match=r"^content_type image/png$"):
        warc_documents.judge({"warc-type": "resource", "content-type": " IMAGE/PNG ;q"}, b"")
