"""The feed gives the mixture's batches, and its thread's errors, and ends when it is left."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch
from vocabularies import shared_tokens

from tamis.model.feed import AHEAD, Feed
from tamis.model.loss import IGNORE
from tamis.tokenize.errors import Corrupt
from tamis.tokenize.mixture import Batch, Component, Mixture
from tamis.tokenize.tokens import Tokens


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Mixture:
    folder: Path = shared_tokens(tmp_path_factory)
    return Mixture([Component(Tokens.open(folder))], 32, 4, seed=1)


@pytest.mark.parametrize(("rank", "world"), [(0, 1), (1, 2)])
def test_batches_in_order(mixture: Mixture, rank: int, world: int) -> None:
    seen, ends = [], 0
    with Feed(mixture, 3, 9, rank, world) as feed:
        for fed in feed:
            seen.append(fed.step)
            batch = mixture.batch(fed.step, rank, world)
            assert fed.tokens.tolist() == batch.tokens[:, :-1].tolist()
            assert fed.positions.tolist() == batch.positions[:, :-1].tolist()
            last = batch.positions[:, 1:] == 0
            assert (fed.targets.numpy() == IGNORE).tolist() == last.tolist()
            assert fed.targets.numpy()[~last].tolist() == batch.tokens[:, 1:][~last].tolist()
            assert fed.valid == (~last).sum() > 0
            ends += int(last.sum())
            assert fed.seconds >= 0 and fed.tokens.dtype == torch.int64
    assert seen == list(range(3, 9)) and ends


def test_an_error_of_the_thread_reaches_the_loop(
    mixture: Mixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for ever."""
    real = mixture.batch

    def broken(step: int, rank: int, world: int) -> Batch:
        if step == 2:
            raise Corrupt("token 999, beyond the vocabulary")
        return real(step, rank, world)

    monkeypatch.setattr(mixture, "batch", broken)
    seen = []
    with pytest.raises(Corrupt, match="999"), Feed(mixture, 0, 5) as feed:
        seen += [fed.step for fed in feed]
    with pytest.raises(Corrupt, match="999"), Feed(mixture, 2, 5) as feed:
        next(iter(feed))


def test_leaving_early_ends_the_thread(mixture: Mixture) -> None:
    before = threading.active_count()
    with Feed(mixture, 0, 10**9) as feed:
        assert next(iter(feed)).step == 0
        assert feed._ready.maxsize == AHEAD
    assert threading.active_count() == before
