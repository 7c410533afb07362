"""The equal pool: what of it an arm has, how much that gives, and how it is read again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.pipeline.ablate import budgets, draws
from tamis.pipeline.ablate.arms import Arm
from tamis.pipeline.ablate.budgets import Stock, Supply, longest, within
from tamis.pipeline.ablate.candidates import Candidates, Sources, in_pieces
from tamis.pipeline.ablate.draws import Encoded, passes
from tamis.pipeline.ablate.plan import Training
from tamis.pipeline.errors import CallError
from tamis.pipeline.recipe import build

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=25)
WHOLE = (1 << 64) - 1


def documents(sizes: Sequence[int], first: int = 0) -> Candidates:
    places = np.arange(first, first + len(sizes))
    some = places.astype(np.uint64)
    of = (places * 0, places, some + np.uint64(77), np.array(sizes, np.int64), some, some)
    return Candidates(*of, places * 0, places >= 0)


def drawn_of(lengths: Sequence[int], first: int = 0) -> Encoded:
    ends = np.cumsum(lengths)
    sources = pa.array(["web"] * len(lengths))
    sizes = np.array(lengths, np.uint64)
    return Encoded(documents(lengths, first), np.arange(ends[-1]), ends, sizes, sources)


def mixed(value: int, start: int) -> int:
    """SplitMix64, in Python."""
    found = ((value ^ start) + 0x9E3779B97F4A7C15) & WHOLE
    found = ((found ^ (found >> 30)) * 0xBF58476D1CE4E5B9) & WHOLE
    found = ((found ^ (found >> 27)) * 0x94D049BB133111EB) & WHOLE
    return found ^ (found >> 31)


def state(*parts: object) -> int:
    text = " ".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def read_in_python(drawn: Encoded, seed: int, tokens: int, sizes: list[int]) -> list[list[int]]:
    """Passes, piece by piece."""
    lengths, ids = drawn.lengths.tolist(), drawn.of.ids.tolist()
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    stretch = [sum(start >= size for size in sizes) for start in starts]
    first = state("read", seed)
    made = [sorted(range(len(ids)), key=lambda n: (stretch[n], mixed(ids[n], first)))]
    left = tokens - sum(lengths)
    while left > 0:
        again = state("read", seed, len(made))
        made.append([])
        for n in sorted(range(len(ids)), key=lambda n: mixed(ids[n], again)):
            if left > 0:
                made[-1].append(n)
                left -= lengths[n]
    return made


@given(LENGTHS, st.integers(0, 3), st.integers(1, 120), st.integers(0, 3))
def test_passes_are_those_of_python(lengths: list[int], times: int, more: int, seed: int) -> None:
    drawn = drawn_of(lengths)
    tokens = times * sum(lengths) + min(more, sum(lengths))
    sizes = [tokens // 4, tokens // 2, tokens]
    found = [one.tolist() for one in passes(drawn, seed, tokens, sizes)]
    assert found == read_in_python(drawn, seed, tokens, sizes)
    every = sorted(range(len(lengths)))
    assert all(sorted(one) == every for one in found[:-1]) and len(found) == times + 1
    assert len(set(found[-1])) == len(found[-1])
    have = sum(lengths[n] for one in found for n in one)
    last = lengths[found[-1][-1]]
    assert have >= tokens and (len(found) == 1 or have - last < tokens)


def test_each_pass_has_an_order_of_its_own() -> None:
    drawn = drawn_of([3] * 200)
    found = passes(drawn, 0, 4 * 600, [150, 300, 600, 1200])
    assert len(found) == 4 and len({tuple(one) for one in found}) == 4
    places = [np.argsort(one) for one in found]
    for n in range(3):
        assert abs(np.corrcoef(places[n], places[n + 1])[0, 1]) < 0.25
    assert passes(drawn, 1, 1200, [300])[1].tolist() != found[1].tolist()


@given(LENGTHS, st.integers(1, 4))
def test_what_is_read_again_is_the_same_text(lengths: list[int], times: int) -> None:
    drawn = drawn_of(lengths)
    orders = passes(drawn, 5, times * sum(lengths), [10])
    parts = list(draws._documents(drawn, orders))
    pieces = np.split(drawn.ids, drawn.ends[:-1])
    wanted = [pieces[n].tolist() for one in orders for n in one]
    ids = np.concatenate([one.ids for one in parts]).tolist()
    assert ids == [one for piece in wanted for one in piece]
    sizes = np.concatenate([np.diff(one.ends, prepend=0) for one in parts])
    assert sizes.tolist() == [len(piece) for piece in wanted]
    assert draws.promise_of(drawn, orders, 5) == draws.promise_of(drawn, orders, 5)
    cut = [*orders[:-1], orders[-1][:-1]]
    assert draws.promise_of(drawn, cut, 5) != draws.promise_of(drawn, orders, 5)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=20),
    st.integers(3, 12),
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.lists(st.booleans(), min_size=350, max_size=350),
)
def test_an_arm_has_those_of_its_pieces_that_the_pool_has(
    sizes: list[int], size: int, keeps: list[bool], chosen: list[bool]
) -> None:
    raw = documents(sizes)
    pieces = in_pieces(raw, size)
    pool = pieces.take(np.array(chosen[: len(pieces.row)]))
    arm = raw.take(np.array(keeps[: len(sizes)]))
    found = within(in_pieces(arm, size), pool.ids)
    names = set(zip(pool.row.tolist(), pool.piece.tolist(), strict=True))
    wanted = [
        (row, piece)
        for row, bytes_ in enumerate(sizes)
        for piece in range(max(1, -(-bytes_ // size)))
        if keeps[row] and (row, piece) in names
    ]
    assert list(zip(found.row.tolist(), found.piece.tolist(), strict=True)) == wanted


@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(0, 9000), min_size=2)),
    st.integers(1, 60),
    st.integers(0, 9000),
    st.integers(1, 40),
)
def test_t_is_the_most_that_nobody_reads_more_than_four_times(
    tokens: dict[str, list[int]], batches: int, more: int, batch: int
) -> None:
    pool = batches * 4 * batch
    raw = pool + 1 + more
    unique = {arm: dict(enumerate(some)) for arm, some in {"raw": [pool + 1], **tokens}.items()}
    found, arm = longest(unique, pool, raw, batch)

    def fits(size: int) -> bool:
        smallest = min((n for some in tokens.values() for n in some), default=pool)
        return size <= pool and 2 * size + 1 <= raw and size + 1 <= 4 * smallest

    assert found % (4 * batch) == 0 and not fits(found + 4 * batch)
    assert found <= 0 or fits(found)
    if arm != "raw":
        assert found + 4 * batch + 1 > 4 * min(unique[arm].values())


class Given(Supply):
    """A supply whose pieces of a hundred bytes have twenty tokens each, without any text."""

    def draw(self, arm: str, seed: int, tokens: int) -> Encoded:
        pieces = self.pieces(arm, seed)
        order = np.argsort(pieces.ids)[: -(-tokens // 20)]
        of, ends = pieces.take(order), 20 * np.arange(1, len(order) + 1)
        return Encoded(of, np.zeros(0), ends, of.sizes, pa.nulls(len(order)))

    def has(self, arm: str, seed: int) -> int:
        return 20 * len(self.pieces(arm, seed).ids)


def supply(full: int, raw: int = 4000) -> Given:
    """Raw of so many documents, of which full keeps the first ones, and random as many bytes."""
    of: Sources = None  # type: ignore[assignment]  # nothing is read
    every = documents([100] * raw)
    kept = {"raw": every, "full": every.take(every.row < full), "random": every.take(every.row < 9)}
    return Given({name: Stock(of, one) for name, one in kept.items()}, None, False)  # type: ignore[arg-type]


def equal_pool(of: Supply, tokens: int, exact: bool, said: list[str]) -> budgets.Granted:
    empty = build({"name": "none", "stage": []})
    arms = [Arm(name, name, None, empty) for name in ("raw", "full", "random")]  # type: ignore[arg-type]
    training = Training("300k", 1, 1, tokens, 100, 50, 0.1, "fp32")
    return budgets.equal_pool(of, arms, (0, 1), training, exact, said.append)


def test_an_arm_without_a_piece_of_the_pool_has_nothing() -> None:
    of = supply(5)
    none = np.empty(0, np.uint64)
    assert Supply(of.stocks, of.vocabulary, False, {0: none}).has("full", 0) == 0


def test_the_arm_that_has_least_decides() -> None:
    """The pool has 20,001 tokens in 1,001 pieces; of them full has 100, and random as many."""
    said: list[str] = []
    granted = equal_pool(supply(100), 20_000, True, said)
    assert granted.training.pool_tokens == 20_000
    assert granted.training.tokens == 7_600  # not 8,000: a token more is needed, to be predicted
    assert granted.unique == {
        "raw": {0: 20_020, 1: 20_020},
        "full": {0: 2_000, 1: 2_000},
        "random": {0: 2_000, 1: 2_000},
    }
    assert said == [
        "arm 'full' has 2,000 unique tokens of a pool of 20,000, to be read 4 times at most: every "
        "run takes 7,600 tokens, not 20,000"
    ]
    pool = set(granted.supply.pools[1].tolist())
    for arm in ("full", "random"):
        assert set(granted.supply.pieces(arm, 1).ids.tolist()) < pool
    assert len(granted.supply.pieces("raw", 1).ids) == 4000  # goes on beyond the pool


def test_the_random_arm_keeps_as_much_of_the_pool_as_full_does() -> None:
    """And not as much of all documents: the pool may be of other sources than they are."""
    granted = equal_pool(supply(900), 20_000, True, [])  # the pool has the first 1,001 documents
    sizes = {arm: granted.supply.pieces(arm, 0) for arm in ("full", "random")}
    assert len(sizes["full"].ids) == len(sizes["random"].ids) == 900
    assert set(sizes["random"].row.tolist()) - set(sizes["full"].row.tolist())


def test_raw_is_trained_on_twice_as_many() -> None:
    said: list[str] = []
    granted = equal_pool(supply(3000), 60_000, True, said)  # of 80,000
    assert (granted.training.pool_tokens, granted.training.tokens) == (60_000, 39_600)
    assert said == [
        "raw has 80,000 tokens, and is trained on twice as many as the others: every run takes "
        "39,600 tokens, not 60,000"
    ]
    said.clear()
    granted = equal_pool(supply(3000), 100_000, False, said)
    assert (granted.training.pool_tokens, granted.training.tokens) == (39_600, 39_600)
    assert said == ["raw has no more: the pool has 39,600 tokens, not 100,000"]


@pytest.mark.parametrize(
    ("of", "tokens", "exact", "said"),
    [
        (supply(5), 20_000, True, "arm 'full' has 100 unique tokens of a pool of 20,000: 4 times"),
        (supply(0), 20_000, False, "arm 'full' has 0 unique tokens of a pool of 20,000: 4 times"),
        (supply(3000), 80_000, True, "raw has 80,000 tokens, too few for a pool of --tokens 80,000"
         ": ask for 39,600"),
        (supply(9, 30), 20_000, False, "raw has 600 tokens and needs eight batches of 100"),
    ],
)  # fmt: skip
def test_refusals(of: Supply, tokens: int, exact: bool, said: str) -> None:
    with pytest.raises(CallError, match=said):
        equal_pool(of, tokens, exact, [])
