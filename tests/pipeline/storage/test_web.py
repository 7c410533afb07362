"""Reading from servers: what breaks is tried again, what is given up is an error row."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import random
import threading
from collections import Counter
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_server import PIECE, Hostile
from support import digests

from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.files import parquet_file
from tamis.pipeline.ingest.inputs import READ, Input, Unreadable
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.phase import digest_of
from tamis.pipeline.ingest.streams import Source, opened
from tamis.pipeline.ingest.urls import Named
from tamis.pipeline.storage.location import Remote
from tamis.pipeline.storage.retries import Failed, Retries

BIG = random.Random(5).randbytes(4 * PIECE)


def planned(url: str, **options: Any) -> Input:
    (one,) = Named(IngestOptions(**options))(url, Counter())
    return one


def read(one: Input, start: int = 0) -> tuple[bytes, Unreadable | None]:
    """What a stream gave, in blocks that are where they say, and how it ended."""
    data, source = b"", Source(one)
    try:
        for place, block in source.blocks(start):
            assert place == start + len(data)
            assert place == start or (place - start) % READ == 0
            data += block
    except Unreadable as error:
        return data, error
    if start == 0:
        assert source.sha256 == hashlib.sha256(data).hexdigest()
    return data, None


@pytest.mark.parametrize(
    "way", ["plain", "noranges", "nolength", "cut", "cutonce", "flaky", "moved"]
)
@pytest.mark.parametrize("start", [0, 777_777])
def test_a_server_that_can_be_read_at_last(way: str, start: int, web: Hostile) -> None:
    """A reset in the middle of a gigabyte must cost no byte, and give none twice."""
    web.files["big.txt"] = BIG
    one = planned(f"{web.url}/{way}/big.txt")
    assert one.bytes == (-1 if way == "nolength" else len(BIG))
    assert one.ranges == (way in ("plain", "cut", "flaky", "moved"))
    assert read(one, start) == (BIG[start:], None)


def test_a_stream_goes_on_where_it_broke(web: Hostile) -> None:
    """Beginning anew with every reset, a large file would never be read."""
    web.files["big.txt"] = BIG
    assert read(planned(f"{web.url}/cut/big.txt")) == (BIG, None)
    starts = [
        int(asked.removeprefix("bytes=")[:-1]) for _, asked in web.ranges if asked[-1:] == "-"
    ]
    assert starts == sorted(starts) and len(starts) == 3 and 0 < starts[0] <= PIECE


@pytest.mark.parametrize(
    ("way", "reason", "said"),
    [
        ("late", "server_error", "503 Service Unavailable at byte 0, tried 3 times"),
        ("hang", "server_error", "no answer in 0.6 s at byte 3000, tried 3 times"),
        ("drip", "server_error", "bytes came in 0.6 s"),
        ("cutsmall", "server_error", "the connection ended after 1000 of"),
        ("longer", "server_error", "tried 3 times"),
        ("changed", "changed_file", "when planned"),
    ],
)
def test_a_server_that_is_given_up(way: str, reason: str, said: str, web: Hostile) -> None:
    """An input that cannot be read is an error, and what was read before it stays."""
    web.files["big.txt"] = BIG
    data, error = read(planned(f"{web.url}/{way}/big.txt"))
    assert error is not None and error.reason == reason and said in error.detail
    got = {"hang": 3000, "cutsmall": 3000, "longer": len(BIG)}.get(way)
    assert way == "drip" or data == BIG[: got or 0]


@pytest.mark.parametrize(
    ("way", "kind", "said"),
    [
        ("missing", CallError, "big.txt: 404 Not Found"),
        ("gone", CallError, "big.txt: 410 Gone"),
        ("forbidden", CallError, "403 Forbidden"),
        ("loop", CallError, "redirected in a circle"),
        ("away", CallError, "redirected"),
        ("busy", WorkError, "503 Service Unavailable, tried 3 times"),
        ("silent", WorkError, "no answer in 0.6 s, tried 3 times"),
    ],
)
def test_what_planning_refuses(way: str, kind: type, said: str, web: Hostile) -> None:
    """A URL with a typo is told at once, not after a night's work."""
    with pytest.raises(kind) as caught:
        planned(f"{web.url}/{way}/big.txt?token=xyz")
    assert said in str(caught.value) and "xyz" not in str(caught.value)


def test_a_folder_of_the_web_is_refused(web: Hostile) -> None:
    """HTTP lists nothing: an empty corpus would be the silent answer."""
    for url in (f"{web.url}/plain/", f"{web.url}/plain/*.txt", web.url):
        with pytest.raises(CallError, match="no directories that can be listed"):
            planned(url)


def test_the_ending_of_the_path_decides(web: Hostile) -> None:
    """Links that are signed have a query after their ending."""
    web.files["x.jsonl.gz"] = web.files["x"] = b""
    one = planned(f"{web.url}/plain/x.jsonl.gz?sig=a.txt")
    assert (one.format, one.compression, one.bytes) == ("jsonl", "gz", 0)
    with pytest.raises(CallError, match="see --format"):
        planned(f"{web.url}/plain/x")
    assert planned(f"{web.url}/plain/x", format="jsonl").format == "jsonl"


def test_parquet_is_read_by_range(web: Hostile, tmp_path: Path) -> None:
    """One column of a wide table must not cost the table; all of them must not cost it twice."""
    wide = [random.Random(row).randbytes(9000) for row in range(2000)]
    table = pa.table({"text": [str(row) for row in range(2000)], "wide": wide})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=500)
    web.files["t.parquet"] = (tmp_path / "t.parquet").read_bytes()
    for way in ("plain", "noranges"):
        url = f"{web.url}/{way}/t.parquet"
        with parquet_file(Remote(url)) as narrow:
            assert narrow.read_row_group(1, ["text"]).column(0)[0].as_py() == "500"
        few = fetched(web)
        web.ranges.clear()
        with opened(planned(url)) as file, pq.ParquetFile(file) as whole:
            assert whole.read() == table
        if way == "plain":
            assert few < 0.02 * len(web.files["t.parquet"])
            assert fetched(web) < 1.05 * len(web.files["t.parquet"])
            web.ranges.clear()


def fetched(web: Hostile) -> int:
    """The bytes of all ranges that were asked for."""
    ends = (asked.removeprefix("bytes=").split("-") for _, asked in web.ranges if asked)
    return sum(int(last) + 1 - int(first) for first, last in ends)


def test_a_server_that_failed_is_not_asked_for_every_row_group(
    web: Hostile, tmp_path: Path
) -> None:
    """Six tries with pauses for each of a thousand row groups would be a day."""
    pq.write_table(pa.table({"text": ["x" * 5000] * 90}), tmp_path / "t.parquet", row_group_size=1)
    web.files["t.parquet"] = (tmp_path / "t.parquet").read_bytes()
    one = planned(f"{web.url}/late/t.parquet")
    with pytest.raises(Unreadable, match="server_error"):
        opened(one)
    assert web.seen["/late/t.parquet"] == 1 + 3


def test_the_digest_of_a_split_input(web: Hostile) -> None:
    """It is read a second time, by a task of its own."""
    web.files["big.jsonl"] = BIG
    assert digest_of(planned(f"{web.url}/cut/big.jsonl")) == hashlib.sha256(BIG).hexdigest()
    assert digest_of(planned(f"{web.url}/late/big.jsonl")) is None


def test_patience_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is right for one network is wrong for another."""
    monkeypatch.setenv("TAMIS_TRIES", "2")
    calls = []

    def request() -> None:
        calls.append(1)
        raise Failed("no", wait=0)

    with pytest.raises(Failed, match="no, tried 2 times"):
        Retries.from_environment().call(request)
    assert len(calls) == 2
    monkeypatch.setenv("TAMIS_TIMEOUT", "soon")
    with pytest.raises(CallError, match="TAMIS_TIMEOUT=soon: write a positive number"):
        Retries.from_environment()


def lines(first: int, count: int) -> bytes:
    words = "The old miller carried his flour across the bridge before the rain began"
    rows = ({"id": f"p{n}", "text": f"{words} {n}. {words}"} for n in range(first, first + count))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_a_run_over_servers_good_and_bad(web: Hostile, tmp_path: Path, tamis: Any) -> None:
    """The bad are error rows, the good are documents, and one run after another is the same."""
    web.files |= {"a.jsonl": lines(0, 200), "b.jsonl.gz": gzip.compress(lines(500, 300))}
    ways = ["plain/a.jsonl", "flaky/b.jsonl.gz", "late/a.jsonl", "nolength/a.jsonl"]
    urls = [f"{web.url}/{way}" for way in ways]
    (tmp_path / "list.txt").write_text("# two of them\n" + "\n".join(ways[:2]) + "\n")
    for corpus in ("one", "two"):
        web.seen.clear()
        tamis("ingest", *urls, "-o", corpus)
    counts = json.loads((tmp_path / "one/corpus.json").read_text())["counts"]
    assert counts["documents"] == 700 and counts["errors"] == {"server_error": 1}
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    web.seen.clear()
    tamis("ingest", "@list.txt", "--prefix", f"{web.url}/", "-o", "listed")
    inputs = json.loads((tmp_path / "listed/corpus.json").read_text())["inputs"]
    assert [one["name"] for one in inputs] == ways[:2]
    assert inputs[0]["sha256"] == hashlib.sha256(web.files["a.jsonl"]).hexdigest()


def test_secrets_are_written_nowhere(web: Hostile, tmp_path: Path, tamis: Any) -> None:
    """A corpus is given away; the password of a server and a signed link are not."""
    web.files["a.jsonl"] = lines(0, 50)
    host = web.url.removeprefix("http://")
    url = f"http://ann:pass%20word@{host}/secret/a.jsonl?sig=abc"
    done = tamis("ingest", url, "-o", "corpus")
    assert json.loads((tmp_path / "corpus/corpus.json").read_text())["counts"]["documents"] == 50
    failed = tamis("ingest", url.replace("sig=abc", "sig=abd"), "-o", "other", expect=2)
    written = done.stderr + done.stdout + failed.stderr
    for path in (tmp_path / "corpus").rglob("*"):
        written += path.read_bytes().decode("latin-1") if path.is_file() else ""
    assert f"http://{host}/secret/a.jsonl" in written
    assert not [secret for secret in ("ann", "pass%20word", "sig=ab") if secret in written]
    (tmp_path / "corpus/corpus.json").unlink()  # as if it had been interrupted
    (tmp_path / "corpus/records/ingest/00000.json").unlink()
    tamis("ingest", url, "-o", "corpus")


class _Quiet(SimpleHTTPRequestHandler):
    """What `python -m http.server` is: it knows no ranges."""

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


def test_a_corpus_that_is_served_by_http(
    sifted: Path, tmp_path: Path, tamis: Any, here: Any, scratch: str
) -> None:
    """Somebody else's corpus can be looked into and written from where it lies."""
    handler = functools.partial(_Quiet, directory=str(sifted / "corpus"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        assert "this recipe's answer" in here("status", url).stdout
        (found,) = json.loads(here("why", url, "00000:3", "--json").stdout)
        assert found["key"] == "00000:3" and found["stages"]
        tamis("write", url, "-o", "kept", "--workers", 2)
        assert "say where to write" in here("write", url, expect=2).stderr
        assert "for reading only" in here("language", url, expect=2).stderr
    finally:
        server.shutdown()
        server.server_close()
    theirs = digests(sifted / "corpus")
    assert digests(tmp_path / "kept")["00000.parquet"] == theirs["cleaned/00000.parquet"]
