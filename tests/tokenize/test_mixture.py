"""Batches: what is in them, and that they are a function of seed, step, rank and world."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import batches
from vocabularies import DOCUMENTS, docs, facts, padded, write_manifest, write_shard, write_tokens

from tamis.tokenize.errors import Corrupt, Mismatch, TokensError
from tamis.tokenize.interleaving import Interleaving
from tamis.tokenize.mixture import Component, Mixture, by_source
from tamis.tokenize.shards import file_names
from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import Vocabulary

FLAT = [doc for some in DOCUMENTS for doc in some]
SOURCES = ("books", "code", "web")


def documents(tokens: Tokens, sources: tuple[str, ...] = SOURCES) -> list[list[int]]:
    """The tokens of every document of some sources."""
    return [
        tokens.document(number).ids.tolist()
        for number, doc in enumerate(FLAT)
        if doc.source in sources
    ]


@cache
def mixed(folder: Path, length: int, batch: int, seed: int, shuffle: bool) -> Mixture:
    tokens = Tokens.open(folder)
    parts = [
        Component(tokens, 3, sources=frozenset(["web", "code"]), name="some"),
        Component(tokens, 2, name="all"),
    ]
    return Mixture(parts, length, batch, seed, shuffle)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("length", [1, 7, 64, 1000])
def test_batches_as_written_down(tokens: Tokens, length: int, shuffle: bool) -> None:
    """Two components, one of them of two sources, over shards and over three epochs and more."""
    mixture = mixed(tokens.folder, length, 6, 5, shuffle)
    parts = [documents(tokens, ("web", "code")), documents(tokens)]
    made = [batches.windows(some, length) for some in parts]
    assert mixture.windows == (len(made[0]), len(made[1]))
    number = min(4 * len(made[0]), 300) // 6 * 6
    order = mixture._order
    items = batches.interleaved(order.counts, order.step, order.first, number)
    for step in range(number // 6):
        batch = mixture.batch(step)
        for row, (which, item) in enumerate(items[6 * step : 6 * step + 6]):
            epoch, place = divmod(item, len(made[which]))
            if shuffle:
                name = ("windows", 5, which, epoch)
                place = shuffled(len(made[which]), *name)[place]
            tokens_there, positions = made[which][place]
            assert batch.components[row] == which
            assert batch.tokens[row].tolist() == tokens_there
            assert batch.positions[row].tolist() == positions


@cache
def shuffled(size: int, *name: object) -> list[int]:
    return batches.permutation(size, *name)


@given(
    seed=st.integers(0, 3),
    step=st.integers(0, 10**12),
    length=st.sampled_from([5, 33]),
    shuffle=st.booleans(),
)
def test_the_ranks_together_are_one_batch(
    folder: Path, seed: int, step: int, length: int, shuffle: bool
) -> None:
    """A run that goes on with more machines goes on with the same data."""
    mixture = mixed(folder, length, 12, seed, shuffle)
    whole = mixture.batch(step)
    for world in (2, 3, 4, 12):
        ranks = [mixture.batch(step, rank, world) for rank in range(world)]
        for name in ("tokens", "positions", "components"):
            parts = [getattr(one, name) for one in ranks]
            assert np.array_equal(np.concatenate(parts), getattr(whole, name))
    again = mixed.__wrapped__(folder, length, 12, seed, shuffle)
    assert np.array_equal(again.batch(step).tokens, whole.tokens)


def test_an_epoch_reads_every_window_once(tokens: Tokens) -> None:
    """Of each component exactly the epochs asked for, in whole epochs every window as often."""
    web, rest = frozenset(["web"]), frozenset(["books", "code"])
    parts = [
        Component(tokens, epochs=2, sources=web, name="web"),
        Component(tokens, epochs=0.5, sources=rest, name="rest"),
    ]
    mixture = Mixture(parts, 16, 1)
    half = round(mixture.windows[1] * 0.5)
    assert mixture.steps == 2 * mixture.windows[0] + half
    drawn: Counter[tuple[int, bytes]] = Counter()
    for step in range(mixture.steps):
        batch = mixture.batch(step)
        drawn[int(batch.components[0]), batch.tokens.tobytes()] += 1
    windows = batches.windows(documents(tokens, ("web",)), 16)
    expected = Counter(np.array([ids], np.int64).tobytes() for ids, _ in windows)
    found = {data: count for (which, data), count in drawn.items() if which == 0}
    assert found == {data: 2 * count for data, count in expected.items()}
    assert sum(count for (which, _), count in drawn.items() if which == 1) == half
    seen = mixture.seen(mixture.steps)
    assert seen["components"]["web"]["epochs"] == 2 and seen["sources"]["web"] == 2
    assert seen["components"]["rest"]["windows"] == half
    assert seen["sources"]["code"] == pytest.approx(half / mixture.windows[1])
    assert Mixture([Component(tokens)], 16, 1).steps == len(batches.windows(documents(tokens), 16))


def test_weights_are_shares_of_tokens(tokens: Tokens) -> None:
    """Not of documents, however long these are, and from the first step on."""
    mixture = Mixture(by_source(tokens, {"web": 6, "books": 3, "code": 1}), 10, 10)
    for step in (1, 2, 5, 50, 10**9):
        seen = mixture.seen(step)["components"]
        for name, share in (("web", 0.6), ("books", 0.3), ("code", 0.1)):
            assert abs(seen[name]["windows"] - 10 * step * share) < max(3, step * 1e-5)
            assert seen[name]["share"] == pytest.approx(share, abs=0.3 / step + 1e-6)
    assert mixture.steps is None and mixture.seen(0)["components"]["web"]["share"] == 0
    assert set(mixture.left_out) == {"web", "books", "code"}
    assert all(0 <= left < 10 for left in mixture.left_out.values())


def test_a_source_in_two_components_is_counted_once(tokens: Tokens) -> None:
    parts = [Component(tokens), Component(tokens, sources=frozenset(["web"]))]
    mixture = Mixture(parts, 8, 1)
    assert mixture.steps is not None
    sources = mixture.seen(mixture.steps)["sources"]
    assert sources == {"books": 1.0, "code": 1.0, "web": 2.0}


def test_epochs_come_in_orders_of_their_own(tokens: Tokens) -> None:
    """With one order for all, neighbours in a batch would be so for ever."""

    def epoch(mixture: Mixture, number: int) -> list[bytes]:
        windows = mixture.windows[0]
        steps = range(number * windows, (number + 1) * windows)
        return [mixture.batch(step).tokens.tobytes() for step in steps]

    mixture, other = (Mixture([Component(tokens)], 32, 1, seed) for seed in (1, 2))
    first, second, third = epoch(mixture, 0), epoch(mixture, 1), epoch(other, 0)
    assert sorted(first) == sorted(second) == sorted(third)
    assert len({tuple(first), tuple(second), tuple(third)}) == 3
    plain = Mixture([Component(tokens)], 32, 1, shuffle=False)
    assert epoch(plain, 0) == epoch(plain, 1) != first


def test_the_state_says_what_batches_depend_on(
    tmp_path: Path, tokens: Tokens, small: Vocabulary
) -> None:
    """A trainer that resumes on other data would not know."""
    other = Tokens.open(write_tokens(tmp_path / "tokens", small, [docs(9, 50)]))

    def digest(**change: Any) -> str:
        given = {"length": 8, "batch": 4, "seed": 0, "shuffle": True, "weight": 2.0, **change}
        weight, folder = given.pop("weight"), given.pop("folder", tokens)
        parts = [
            Component(folder, weight, name="a"),
            Component(tokens, 1, None, frozenset(["web"]), "b"),
        ]
        return Mixture(parts, **given).digest

    changes: list[dict[str, Any]] = [
        {},
        {"length": 9},
        {"batch": 5},
        {"seed": 1},
        {"shuffle": False},
        {"weight": 3},
        {"folder": other},
    ]
    assert len({digest(**change) for change in changes}) == len(changes)
    assert digest() == digest()


def test_names_do_not_matter(tokens: Tokens) -> None:
    """A folder that is moved gives the same batches, and a run on it may be resumed."""
    one, two = (Mixture([Component(tokens, name=name)], 8, 4) for name in ("here", "there"))
    assert one.digest == two.digest
    assert np.array_equal(one.batch(3).tokens, two.batch(3).tokens)


def test_a_token_beyond_the_vocabulary(tmp_path: Path, small: Vocabulary) -> None:
    """It would read memory that is not the embedding's; the shard is named."""
    for vocabulary in (small, padded(small, tmp_path / "wide", (1 << 16) + 1)):
        root = write_tokens(tmp_path / f"t{vocabulary.size}", vocabulary, [docs(1, 5)])
        made = [
            write_shard(
                root,
                f"{number:05d}",
                vocabulary,
                docs(number, 2),
                np.arange(30, dtype=vocabulary.dtype),
                np.array([10, 30]),
            )
            for number in range(2)
        ]
        path = root / "00001.ds"
        wrong = np.arange(30, dtype=vocabulary.dtype)
        wrong[15] = (1 << 16) - 1 if vocabulary.size == 400 else (1 << 32) - 1
        path.write_bytes(wrong.tobytes())
        made[1]["files"] = {kind: facts(root / name) for kind, name in file_names("00001").items()}
        write_manifest(root, vocabulary, made)
        mixture = Mixture([Component(Tokens.open(root))], 10, 1, shuffle=False)
        assert mixture.batch(0).tokens.tolist() == [list(range(11))]
        assert mixture.batch(2).tokens.tolist() == [[*range(20, 30), 0]]  # over two shards
        with pytest.raises(Corrupt, match=rf"00001\.ds has token {wrong[15]}, beyond"):
            mixture.batch(4)


def test_a_broken_index_reads_nothing_it_should_not(tmp_path: Path, small: Vocabulary) -> None:
    """Positions are wrong then, but tokens are right and no memory is touched beside them."""
    root = write_tokens(tmp_path / "tokens", small, [docs(1, 5)])
    draw = np.random.default_rng(1)
    good = Mixture([Component(Tokens.open(root))], 50, 4).batch(0).tokens
    path = root / "00000.ds.index"
    for _ in range(20):
        path.write_bytes(draw.integers(-(1 << 62), 1 << 62, 5).tobytes())
        batch = Mixture([Component(Tokens.open(root))], 50, 4).batch(0)
        assert np.array_equal(batch.tokens, good)
        assert batch.positions.min() >= 0 and batch.positions.max() <= 50
        with pytest.raises(Corrupt, match="index"):
            Mixture(by_source(Tokens.open(root), {"web": 1}), 2, 1)


def test_components_that_cannot_be_mixed(tmp_path: Path, tokens: Tokens, small: Vocabulary) -> None:
    wide = padded(small, tmp_path / "wide", 401)
    other = Tokens.open(write_tokens(tmp_path / "other", wide, [docs(1, 5)]))
    web = frozenset(["web"])
    wrong: list[tuple[list[Component], str]] = [
        ([], "one component at least"),
        ([Component(tokens, 0.0)], "> 0"),
        ([Component(tokens, -1)], "> 0"),
        ([Component(tokens, float("nan"))], "> 0"),
        ([Component(tokens, epochs=-2)], "> 0"),
        ([Component(tokens, epochs=1e-9)], "less than a window"),
        ([Component(tokens, 1), Component(tokens, 1e-9, sources=web)], "less than one in"),
        ([Component(tokens, 1), Component(tokens, sources=web)], "every component a weight"),
        ([Component(tokens, 1, 2)], "every component a weight"),
        ([Component(tokens), Component(tokens)], "two components are called tokens"),
        ([Component(tokens), Component(tokens, name="b")], "b is tokens once more"),
        ([Component(tokens, sources=frozenset(["wep"]))], "no source 'wep': did you mean 'web'"),
        ([Component(tokens, sources=frozenset())], "0 tokens, too few for a window of 8"),
    ]
    for parts, said in wrong:
        with pytest.raises(TokensError, match=said):
            Mixture(parts, 8, 4)
    with pytest.raises(Mismatch, match=f"{other.folder} was made with .*{wide.digest}"):
        Mixture([Component(tokens), Component(other)], 8, 4)
    with pytest.raises(TokensError, match="too few for a window of 9,999,999"):
        Mixture([Component(tokens)], 9_999_999, 4)
    for length, batch in ((0, 1), (1, 0)):
        with pytest.raises(TokensError, match="at least"):
            Mixture([Component(tokens)], length, batch)


def test_calls_that_cannot_be(tokens: Tokens) -> None:
    mixture = Mixture([Component(tokens)], 8, 4)
    for step, rank, world in ((0, 0, 3), (0, 2, 2), (-1, 0, 1), (0, -1, 2), (0, 0, 0)):
        with pytest.raises(TokensError):
            mixture.batch(step, rank, world)


def test_no_documents_at_all(tmp_path: Path, small: Vocabulary) -> None:
    tokens = Tokens.open(write_tokens(tmp_path / "tokens", small, []))
    for sources in (None, frozenset[str]()):
        with pytest.raises(TokensError, match="0 tokens, too few"):
            Mixture([Component(tokens, sources=sources)], 8, 4)


def test_the_order_of_a_seed_is_fixed(tokens: Tokens) -> None:
    """Another version that drew otherwise would resume on other data."""
    mixture = Mixture(by_source(tokens, {"web": 6, "books": 3, "code": 1}), 10, 16, seed=7)
    assert isinstance(mixture._order, Interleaving)
    assert mixture.batch(3).components.tolist() == PINNED
    assert [batches.permutation(9, "windows", 7, "web", 2)] == [PINNED_ORDER]


PINNED = [0, 0, 1, 0, 2, 1, 0, 1, 0, 0, 1, 0, 2, 0, 0, 1]
PINNED_ORDER = [4, 8, 6, 5, 3, 1, 2, 7, 0]
