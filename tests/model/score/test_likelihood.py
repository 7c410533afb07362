"""Every token is predicted once, from what it is said to be, whatever else is in the batch."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tamis.model.errors import ModelError
from tamis.model.llama import Llama
from tamis.model.score.likelihood import Line, Scorer, windows


@given(st.integers(1, 300), st.integers(1, 40), st.data())
def test_windows_predict_every_token_once(length: int, context: int, data: st.DataObject) -> None:
    """A token left out is free bits, one counted twice a worse model than there is."""
    stride = data.draw(st.integers(1, context))
    first = data.draw(st.integers(1, length))
    found = list(windows(length, first, context, stride))
    assert [n for one in found for n in range(one.first, one.stop)] == list(range(first, length))
    for one in found:
        assert 0 <= one.start < one.first and one.stop - 1 - one.start <= context
        assert all(
            target - one.start >= min(target, context - stride)
            for target in range(one.first, one.stop)
        )


def test_what_fits_is_one_window() -> None:
    """More windows than needed would cost time, and contexts."""
    assert list(windows(9, 1, 8, 4)) == [(0, 1, 9)]
    assert list(windows(10, 1, 8, 4)) == [(0, 1, 9), (1, 9, 10)]
    assert list(windows(30, 27, 8, 4)) == [(21, 27, 30)]


def lines(seed: int, lengths: list[int]) -> list[Line]:
    draw = random.Random(seed)
    return [
        Line(np.array([1, *(draw.randrange(3, 400) for _ in range(n - 1))]), 1) for n in lengths
    ]


@torch.inference_mode()
def alone(model: Llama, line: Line, context: int, stride: int) -> tuple[float, bool]:
    """One forward pass a token, which sees what the window that predicts it sees."""
    nats, greedy = 0.0, True
    for start, first, stop in windows(len(line.tokens), line.first, context, stride):
        for target in range(first, stop):
            seen = torch.from_numpy(line.tokens[start:target])[None]
            found = model.logits(model(seen)[0, -1]).double().log_softmax(0)
            nats -= float(found[line.tokens[target]])
            greedy &= int(found.argmax()) == line.tokens[target]
    return nats, greedy


def test_a_batch_gives_what_each_sequence_gives_alone(model: Llama) -> None:
    """Padding or a neighbour that leaks in would change figures by what else is scored."""
    some = [*lines(1, [2, 20, 49, 50, 7, 1, 120]), Line(lines(2, [90])[0].tokens, 70)]
    found = Scorer.of(model, 48, 16, 200).score(some)
    expected = [alone(model, line, 48, 16)[0] for line in some]
    assert found.nats == pytest.approx(expected, rel=1e-6)
    assert found.nats[5] == 0 and found.nats.max() > 100


def test_order_and_batch_do_not_matter(model: Llama) -> None:
    """A score would depend on the order of files."""
    some = lines(3, [5, 60, 130, 31, 12, 48, 49, 2])
    once = Scorer.of(model).score(some).nats
    for batch in (1, 100):
        again = Scorer.of(model, batch=batch).score(some[::-1]).nats[::-1]
        assert again == pytest.approx(once, rel=1e-6)


def test_greedy_is_all_tokens_or_nothing(model: Llama) -> None:
    """Of a last word of two tokens the first alone would count."""
    start = lines(4, [6])[0].tokens
    for _ in range(3):
        with torch.inference_mode():
            best = model.logits(model(torch.from_numpy(start)[None])[0, -1]).argmax()
        start = np.append(start, int(best))
    wrong = start.copy()
    wrong[-1] = (wrong[-1] + 1) % 400
    found = Scorer.of(model).score([Line(start, 6), Line(wrong, 6), Line(wrong, 5)])
    assert found.greedy.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("context", "stride", "said"),
    [(49, None, "between 1 and the 48"), (0, None, "a context of 0"), (8, 9, "a stride of 9")],
)
def test_what_cannot_be_asked(model: Llama, context: int, stride: int | None, said: str) -> None:
    """A context that the model never saw makes figures of nothing."""
    with pytest.raises(ModelError, match=said):
        Scorer.of(model, context, stride)
    assert Scorer.of(model).stride == 24
