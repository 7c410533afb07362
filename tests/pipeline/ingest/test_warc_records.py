"""Records out of archives in every state: what is damaged costs itself and nothing else."""

from __future__ import annotations

import bz2
import gzip
import random
from pathlib import Path

import pytest
from archives import arc, good, http, members, page, warc
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.streams import Source
from tamis.pipeline.ingest.warc import read
from tamis.pipeline.ingest.warc_members import Part, parts
from tamis.pipeline.ingest.warc_records import PassedOver, Record

LIMIT = 1_000_000
COMPRESSIONS = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstd.compress, "": bytes}


def records(path: Path, data: bytes, compression: str = "gz", limit: int = LIMIT) -> list[Record]:
    path.write_bytes(data)
    source = Source(Input("in", str(path), len(data), "warc", compression))
    return [record for batch in read(source, limit) for record in batch]


def told(found: list[Record]) -> list[str | int]:
    """The length of each document's block, the reason of every other record."""
    return [len(one.body) if one.outcome is None else one.outcome.reason for one in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in"


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_the_same_records_however_they_are_compressed(path: Path, compression: str) -> None:
    """One member for the whole file is common, and so is none."""
    data = b"".join([good("one"), warc(b"x", kind="request"), good("three")])
    found = records(path, COMPRESSIONS[compression](data), compression)
    assert told(found) == [len(http(page("one"))), "request", len(http(page("three")))]
    assert [record.place for record in found] == [
        0,
        len(good("one")),
        len(data) - len(good("three")),
    ]


def test_a_place_is_the_offset_of_the_member(path: Path) -> None:
    """It is what CDX indexes say, and where `curl --range` finds the record."""
    data = members([good("one"), good("two"), good("three")])
    for record in records(path, data):
        member = gzip.decompress(data[record.place :])
        assert member.startswith(b"WARC/1.0\r\n") and record.body in member


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 300_000), min_size=1, max_size=5),
    st.sampled_from(["members", "single", "blocks", "plain"]),
    st.integers(0, 2**32),
)
def test_every_block_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], how: str, seed: int
) -> None:
    """Blocks larger than any buffer, with text in them that looks like the next record."""
    path, draw = tmp_path_factory.getbasetemp() / "any", random.Random(seed)
    inner = good("inner")
    blocks = [http(draw.randbytes(size // 2) + inner + draw.randbytes(size)) for size in sizes]
    whole = b"".join(map(warc, blocks))
    data = {
        "members": members(map(warc, blocks)),
        "single": gzip.compress(whole, 1),
        "blocks": members(whole[n : n + 65_280] for n in range(0, len(whole), 65_280)),  # bgzip
        "plain": whole,
    }[how]
    found = records(path, data, "" if how == "plain" else "gz")
    assert [(record.body, record.outcome) for record in found] == [(b, None) for b in blocks]
    assert [record.at for record in found] == sorted(record.at for record in found)


def test_a_truncated_file_keeps_what_came_before(path: Path) -> None:
    """Whatever the byte at which a download broke off: documents, then one error, no more."""
    whole = [good("one"), good("two"), good("three " * 500)]
    data = members(whole)
    starts = [0, *(len(members(whole[:n])) for n in (1, 2))]
    for cut in range(1, len(data), 11):
        found = told(records(path, data[:cut]))
        before = sum(start <= cut for start in starts[1:])
        assert [type(one) for one in found[:before]] == [int] * before
        assert found[before:] == ([] if cut in starts else ["truncated_file"])


def test_a_truncated_plain_file_keeps_what_came_before(path: Path) -> None:
    data = good("one") + good("two")
    for cut in range(len(good("one")) + 30, len(data) - 4, 5):
        found = records(path, data[:cut], "")
        assert told(found)[0] == len(http(page("one")))
        assert told(found)[1:] in (["truncated_file"], ["malformed_record"])


def test_any_damaged_byte_costs_one_record(path: Path) -> None:
    """A disk that flipped a bit must not cost the rest of a gigabyte."""
    whole = [good(f"{n} " * 300) for n in range(4)]
    data, texts = members(whole), [http(page(f"{n} " * 300)) for n in range(4)]
    begin, end = len(members(whole[:1])), len(members(whole[:2]))
    for place in range(begin, end, 3):
        bad = bytearray(data)
        bad[place] ^= 0x55
        found = records(path, bytes(bad))
        bodies = [record.body for record in found if record.outcome is None]
        errors = [one for one in told(found) if isinstance(one, str)]
        assert [body for body in bodies if body != texts[1]] == [texts[0], texts[2], texts[3]]
        assert [record.at for record in found] == sorted(record.at for record in found)
        # The name, time and flags of a member's header may be anything.
        assert errors == ["corrupt_file"] or texts[1] in bodies, place


def test_damage_between_members_costs_no_record(path: Path) -> None:
    noise = b"\x1f\x8b\x08<html>not found</html>" * 3 + gzip.compress(b"no record")
    data = members([good()]) + noise + members([good()])
    assert told(records(path, data))[1:-1] == ["corrupt_file"], "not one for each false beginning"
    zeros = members([good()]) + bytes(1000) + members([good()]) + bytes(600)
    assert [type(one) for one in told(records(path, zeros))] == [int, int]


def test_a_member_that_swallows_others_gives_them_back(path: Path) -> None:
    """One wrong byte can make the next 64 KB the text of a member that is none."""
    draw = random.Random(5)
    inner = [good(draw.randbytes(5000).hex()) for _ in range(16)]
    swallowed = members(inner)
    stored = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\xff\xff\0\0"  # 65,535 bytes as they are
    assert len(swallowed) > 65_535
    data = members([good()]) + stored + swallowed + members([good()])
    found = records(path, data)
    assert [one for one in told(found) if isinstance(one, str)] == ["corrupt_file"]
    assert len(found) == 1 + 1 + 16 + 1
    read = parts(Source(Input("in", str(path), len(data), "warc", "gz")))
    places = [part.at for part in read if isinstance(part, Part)]
    assert places == sorted(places), "shards would be begun backwards"


def test_after_damage_a_member_is_found_wherever_blocks_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a block of the file ends in the beginning of a member, both are looked at together."""
    bad = bytearray(members([good("bad")]))
    bad[-6] ^= 0xFF
    address = f"http://a.example/{random.Random(1).randbytes(600).hex()}"
    data = bytes(bad) + members([warc(http(page("next")), url=address), good()])
    for size in (*range(2100, 2700, 29), *range(2600, 2700, 3)):  # two of these end near 5,262
        monkeypatch.setattr("tamis.pipeline.ingest.streams.READ", size)
        assert [type(one) for one in told(records(path, bytes(5000) + data))] == [str, int, int]


def test_a_wrong_length_costs_its_record(path: Path) -> None:
    """Shorter: what is left over is an error. Longer: the next record is not swallowed."""
    block = http(page("bad"))
    for length, kinds in ((len(block) - 20, [int, int, str, int]), (10**15, [int, str, int])):
        data = [good(), warc(block, length=length), good()]
        for found in (records(path, members(data)), records(path, b"".join(data), "")):
            assert [type(one) for one in told(found)] == kinds
            assert {one for one in told(found) if isinstance(one, str)} == {"malformed_record"}


@pytest.mark.parametrize("said", ["", "-1", "abc", "9" * 5000, "1e3", "\u0663"])
def test_a_length_that_is_none_costs_its_record(path: Path, said: str) -> None:
    bad = good("bad").replace(b"Content-Length: ", f"Content-Length: {said} was ".encode(), 1)
    found = records(path, good() + bad + good(), "")
    assert [type(one) for one in told(found)] == [int, str, int]


def test_what_is_no_archive_is_one_error(path: Path) -> None:
    draw = random.Random(3)
    for data in (b"a plain text\n" * 1000, draw.randbytes(300_000), b"WARC/1.0\r\n", b"\0" * 9999):
        found = records(path, data, "")
        assert told(found) == ["malformed_record"], data[:20]
    assert records(path, b"", "") == [] and records(path, b"\r\n \n", "") == []
    zipped = records(path, members([good()]), "")
    assert "--format warc" in str(zipped[0].outcome)
    assert told(records(path, b"<html>not found</html>")) == ["corrupt_file"]


def test_records_joined_in_any_way(path: Path) -> None:
    """WARC after ARC, files one after the other, line ends of Unix, blank lines, no blank line."""
    unix = good("unix").replace(b"\r\n", b"\n", 6)
    data = arc(http(page("arc"))) + good("warc") + b"\n\n\n" + unix + good("tight").rstrip()
    data += good("again") + b"\0" * 100 + good("after a hole")
    found = records(path, data, "")
    assert [type(one) for one in told(found)] == [int, int, int, int, int, str, int]
    assert [record.header["warc-type"] for record in found if record.header] == ["response"] * 6


def test_an_arc_names_what_it_holds(path: Path) -> None:
    """URLs with spaces, version 2, and the header that an ARC begins with."""
    first = b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain 10\n1 0 tests\n\n"
    two = b"http://a.example/b c 127.0.0.1 20080430204825 text/html 200 - - 0 a.arc 3\nabc\n"
    found = records(path, first + two + arc(b"", url="dns:a.example", kind="text/dns"), "")
    assert told(found) == ["arc_header", 3, "dns"]
    assert found[1].header == {
        "warc-type": "response",
        "warc-target-uri": "http://a.example/b c",
        "warc-date": "20080430T204825Z",
        "arc-content-type": "text/html",
        "content-length": "3",
    }


def test_a_header_without_an_end_is_not_held(path: Path) -> None:
    """100 MB of one, as lines or as a line, is passed by."""
    for endless in (b"X: " + b"a" * 3_000_000, b"a:b\r\n" * 600_000):
        bad = b"WARC/1.0\r\n" + endless + b"\r\n\r\n"
        for data in (members([good(), bad, good()]), gzip.compress(good() + bad + good(), 1)):
            found = records(path, data)
            assert [type(one) for one in told(found)] == [int, str, int]


def test_a_record_over_the_limit_is_not_held(path: Path) -> None:
    """A film is passed over for what it is, a page of its size is an error."""
    film, long = http(bytes(3_000_000), kind="video/mp4"), http(b"<p>" + b"x" * 3_000_000)
    found = records(path, members([warc(film), warc(long), good()]))
    assert told(found) == ["content_type video/mp4", "too_long", len(http(page("good")))]
    assert isinstance(found[0].outcome, PassedOver) and isinstance(found[1].outcome, Unreadable)
    assert sum(len(record.body) for record in found) < 1000


def test_the_text_comes_in_small_parts(path: Path) -> None:
    """A gigabyte of zeros in a megabyte must not be held."""
    path.write_bytes(bomb := members([good(), bytes(50_000_000), good()]))
    found = list(parts(Source(Input("in", str(path), len(bomb), "warc", "gz"))))
    assert max(len(part.data) for part in found if isinstance(part, Part)) < 100_000
    assert [type(one) for one in told(records(path, bomb))] == [int, str, int]
