"""What is read by which task: everything once, the same whatever the number of workers."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest.inputs import Input
from tamis.pipeline.ingest.plan import Piece, Plan, expected_text, plan
from tamis.pipeline.ingest.streams import READ

FORMATS = st.sampled_from(
    [
        ("jsonl", ""),
        ("jsonl", "gz"),
        ("jsonl", "bz2"),
        ("text", ""),
        ("text", "xz"),
        ("warc", ""),
        ("warc", "gz"),
    ]
)


def make(size: int, kind: str = "jsonl", compression: str = "", name: str = "in") -> Input:
    return Input(name, f"/nowhere/{name}", size, kind, compression)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5_000_000), FORMATS), max_size=12),
    st.integers(10_000, 3_000_000),
    st.booleans(),
)
def test_every_byte_is_planned_once(
    sizes: list[tuple[int, tuple[str, str]]], shard_bytes: int, gather: bool
) -> None:
    inputs = [make(size, *kind) for size, kind in sizes]
    made = plan(inputs, shard_bytes, gather)
    assert sorted(n for task in made.tasks for n in task) == list(range(len(made.shards)))
    assert all(made.shards), "a shard without a piece is a file without a reason"
    for place, source in enumerate(inputs):
        pieces = [piece for shard in made.shards for piece in shard if piece.input == place]
        assert [p.start for p in pieces] == [0, *(p.stop for p in pieces[:-1])]
        assert pieces[-1].stop is None
        assert len(pieces) == 1 or source.format in ("jsonl", "warc")
        tasks = [n for n, t in enumerate(made.tasks) for s in t if made.shards[s][0].input == place]
        stream = source.compression or source.format == "warc"
        if stream and len(pieces) > 1:
            assert len(set(tasks)) == 1, "it can only be read from its beginning"
            assert all(piece.start % READ == 0 for piece in pieces)
        assert (place in made.split) == (len(pieces) > 1 and not stream)


def test_small_inputs_are_gathered_in_order_and_large_ones_cut() -> None:
    inputs = [make(400), make(400), make(10_000), make(300), make(300), make(600)]
    assert plan(inputs, 1000).shards == [
        [Piece(0), Piece(1)],
        *[[Piece(2, n * 1000, (n + 1) * 1000 if n < 9 else None)] for n in range(10)],
        [Piece(3), Piece(4), Piece(5)],
    ]
    alone = plan(inputs, 1000, gather=False)
    assert all(len(shard) == 1 for shard in alone.shards)


def test_shards_are_of_a_fair_size() -> None:
    for total, least, most in ((1e6, 1, 1), (1e9, 16, 64), (1e12, 3500, 4500)):
        shards = plan([make(int(total))], 0).shards
        assert least <= len(shards) <= most
    many = plan([make(1000, name=str(n)) for n in range(20_000)], 0)
    assert len(many.shards) == 3, "20 MB in files of 1 KB"


def test_a_compressed_input_is_taken_for_more_than_it_is() -> None:
    assert expected_text(make(100, "jsonl", "gz")) > expected_text(make(100))


def test_pages_are_mostly_markup_and_texts_are_not() -> None:
    """A WET file taken for a WARC would become shards of gigabytes."""
    assert expected_text(make(100, "warc", "gz")) < 50
    assert expected_text(make(100, "warc", "gz", "a.warc.wet.gz")) > 200


def test_a_plan_can_be_saved() -> None:
    made = plan([make(5000), make(10, "text"), make(9_000_000, "jsonl", "gz")], 1000)
    assert Plan.load(orjson.loads(orjson.dumps(asdict(made)))) == made
