"""Compressed files of four kinds: whole, in parts, cut, damaged, padded, and larger than memory."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import random
from pathlib import Path
from unittest.mock import patch

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest import streams
from tamis.pipeline.ingest.inputs import Input, Unreadable
from tamis.pipeline.ingest.streams import Source, whole

CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
COMPRESS = {
    "gz": lambda data: gzip.compress(data, 6, mtime=0),
    "bz2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zst": lambda data: zstd.compress(data, options=CHECKED),
}
KINDS = sorted(COMPRESS)


def source(path: Path, compression: str, data: bytes) -> Source:
    path.write_bytes(data)
    return Source(Input(path.name, str(path), len(data), "text", compression))


def read(one: Source) -> tuple[bytes, str | None]:
    """All that could be read, and the reason why that was not everything."""
    got = []
    try:
        for _, block in one.blocks():
            got.append(block)
    except Unreadable as error:
        return b"".join(got), error.reason
    return b"".join(got), None


def words(size: int, seed: int = 1) -> bytes:
    """Text that does not compress to nothing."""
    draw = random.Random(seed)
    return b" ".join(b"%x" % draw.getrandbits(24) for _ in range(size // 6))[:size]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    sizes=st.tuples(*[st.integers(1, 40)] * 3),
)
def test_members_are_one_text_however_they_are_read(
    tmp_path_factory: pytest.TempPathFactory, kind: str, parts: list[bytes], sizes: tuple[int, ...]
) -> None:
    path = tmp_path_factory.getbasetemp() / f"members.{kind}"
    data = b"".join(map(COMPRESS[kind], parts))
    one = source(path, kind, data)
    with patch.multiple(streams, READ=sizes[0], STEP=sizes[1], BLOCK=sizes[2]):
        blocks = list(one.blocks())
    assert b"".join(block for _, block in blocks) == b"".join(parts)
    assert all(blocks[i][0] <= blocks[i + 1][0] < len(data) for i in range(len(blocks) - 1))
    assert one.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_cut_anywhere_gives_what_came_before_and_says_so(tmp_path: Path, kind: str) -> None:
    first, second = words(300), words(200, seed=2)
    head = COMPRESS[kind](first)
    data = head + COMPRESS[kind](second)
    for cut in range(1, len(data)):
        got, reason = read(source(tmp_path / "cut", kind, data[:cut]))
        assert (first + second).startswith(got), cut
        assert reason == (None if cut == len(head) else "truncated_file"), cut
        assert len(got) >= (len(first) if cut >= len(head) else 0), cut


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path, kind: str) -> None:
    text = words(2000)
    data = COMPRESS[kind](text)
    harmless = 0  # gzip's time stamp, zstd's unused bits, what fills bzip2's last byte
    for place in range(len(data)):
        bad = bytearray(data)
        bad[place] ^= 0x10
        got, reason = read(source(tmp_path / "bad", kind, bytes(bad)))
        if reason is None:
            assert got == text, place
            harmless += 1
        else:
            assert reason in ("corrupt_file", "truncated_file", "too_large_window"), place
    assert harmless < 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_costs_little_of_what_came_before_it(tmp_path: Path, kind: str) -> None:
    """A wrong checksum is found at the end: nearly all of the text has been read by then."""
    text = words(300_000)
    data = bytearray(COMPRESS[kind](text))
    data[-5 if kind != "xz" else -40] ^= 0xFF
    got, reason = read(source(tmp_path / "bad", kind, bytes(data)))
    assert reason in ("corrupt_file", "truncated_file")
    assert text.startswith(got)
    # zstd decodes blocks of 128 KB at once, and finds the fault before it hands out the last.
    assert len(got) >= len(text) - max(streams.STEP, 1 << 17 if kind == "zst" else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_between_and_after_members_are_padding(tmp_path: Path, kind: str) -> None:
    one, two = COMPRESS[kind](b"one "), COMPRESS[kind](b"two")
    padded = one + bytes(512) + two + bytes(1000)
    for size in (3, 1 << 18):
        with patch.object(streams, "READ", size):
            assert read(source(tmp_path / "padded", kind, padded)) == (b"one two", None)


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_after_the_last_member_is_an_error_but_costs_nothing(
    tmp_path: Path, kind: str
) -> None:
    data = COMPRESS[kind](b"one ") + COMPRESS[kind](b"two")
    one = source(tmp_path / "garbage", kind, data + b"<html>not found</html>" * 9)
    got = []
    with pytest.raises(Unreadable, match=r"corrupt_file: .*after 2 whole parts"):
        for _, block in one.blocks():
            got.append(block)
    assert b"".join(got) == b"one two"


def test_skippable_frames_are_skipped(tmp_path: Path) -> None:
    frame = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"index"
    data = frame + COMPRESS["zst"](b"one ") + frame + COMPRESS["zst"](b"two") + frame
    assert read(source(tmp_path / "skippable", "zst", data)) == (b"one two", None)


def test_a_window_over_128_mb_is_refused_by_its_name(tmp_path: Path) -> None:
    wide = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    frames = wide.compress(b"text") + wide.flush()
    dictionary = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28, "preset": 0}]
    for kind, data in (("zst", frames), ("xz", lzma.compress(b"text", filters=dictionary))):
        assert read(source(tmp_path / "wide", kind, data)) == (b"", "too_large_window")
    fits = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    data = fits.compress(b"text") + fits.flush()
    assert read(source(tmp_path / "fits", "zst", data)) == (b"text", None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_comes_in_blocks(tmp_path: Path, kind: str) -> None:
    size = 20_000_000
    one = source(tmp_path / "bomb", kind, COMPRESS[kind](bytes(size)))
    sizes = [len(block) for _, block in one.blocks()]
    assert sum(sizes) == size
    assert max(sizes) < streams.BLOCK + streams.STEP


def test_whole_gives_up_at_its_limit(tmp_path: Path) -> None:
    one = source(tmp_path / "long", "gz", COMPRESS["gz"](bytes(5_000_000)))
    with pytest.raises(Unreadable, match="too_long"):
        whole(one, 4_999_999)
    assert len(whole(Source(one.input), 5_000_000)) == 5_000_000


def test_a_part_of_a_file_has_no_digest(tmp_path: Path) -> None:
    one = source(tmp_path / "plain", "", words(1000))
    assert b"".join(block for _, block in one.blocks(400)) == words(1000)[400:]
    assert one.sha256 is None
    list(one.blocks())
    assert one.sha256 == hashlib.sha256(words(1000)).hexdigest()


def test_gone_and_changed_files_are_said(tmp_path: Path) -> None:
    one = source(tmp_path / "plain", "", words(1000))
    (tmp_path / "plain").write_bytes(words(900))
    with pytest.raises(Unreadable, match="changed_file: was 1000 bytes when planned, now 900"):
        list(one.blocks())
    (tmp_path / "plain").unlink()
    with pytest.raises(Unreadable, match="unreadable_file: cannot be opened: No such file"):
        list(one.blocks())
    os.mkfifo(tmp_path / "plain")
    with pytest.raises(Unreadable, match="changed_file"):
        list(one.blocks())


def test_a_file_that_shrinks_while_it_is_read_is_said(tmp_path: Path) -> None:
    text = words(4 * streams.READ)
    one = source(tmp_path / "plain", "", text)
    got = []
    with pytest.raises(Unreadable, match="changed_file"):
        for _, block in one.blocks():
            got.append(block)
            os.truncate(tmp_path / "plain", 2 * streams.READ)
    assert b"".join(got) == text[: 2 * streams.READ]
    assert one.sha256 is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_said(tmp_path: Path) -> None:
    one = source(tmp_path / "secret", "", b"text")
    (tmp_path / "secret").chmod(0)
    with pytest.raises(Unreadable, match=r"unreadable_file: .*Permission"):
        list(one.blocks())
