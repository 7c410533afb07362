"""Generation: the cache changes nothing, and what is drawn is what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import Tamis

from tamis.model.errors import ModelError
from tamis.model.export import export
from tamis.model.generate import Sampling, choose, generate, prompt_tokens, texts
from tamis.model.llama import Cache, Llama
from tamis.model.presets import Shape
from tamis.tokenize.vocabulary import Vocabulary

GREEDY = Sampling(temperature=0)


def peaked(shape: Shape) -> Llama:
    """With weights so large that tokens differ in likelihood."""
    model = Llama(shape).init(0).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 5 if weight.dim() > 1 else 1.1
    return model


@torch.no_grad()
def test_greedy_is_the_argmax_without_a_cache(shape: Shape) -> None:
    model = peaked(shape)
    tokens = [1, 17, 200, 3]
    made = list(generate(model, tokens, 40, GREEDY))
    for token in made:
        assert token == int(model.logits(model(torch.tensor([tokens])))[0, -1].argmax())
        tokens.append(token)
    assert len(set(made)) > 1


@torch.no_grad()
def test_a_cache_in_pieces(shape: Shape) -> None:
    """Several tokens after several: each sees all before it and none after."""
    model = peaked(shape)
    ids = torch.randint(400, (2, 12), generator=torch.Generator().manual_seed(0))
    cache = Cache(shape, 2, 16, model.head)
    pieces = [model(part, cache=cache) for part in ids.split([5, 1, 4, 2], 1)]
    torch.testing.assert_close(torch.cat(pieces, 1), model(ids), atol=1e-5, rtol=1e-5)
    assert cache.length == 12


def test_a_full_context_goes_on(shape: Shape) -> None:
    """Also for a prompt longer than it; the tokens after it are of its last half."""
    model = peaked(shape)
    made = list(generate(model, [1, *range(3, 103)], 100, GREEDY))
    assert len(made) == 100
    seen = [1, *range(3, 103), *made]
    again = next(generate(model, seen[102 - 32 : 102], 1, GREEDY))
    assert again == made[1]


def test_seeds_repeat_and_differ(shape: Shape) -> None:
    model = peaked(shape)
    one, two, other = (
        list(generate(model, [1], 20, Sampling(1.0, 1.0, seed=seed))) for seed in (5, 5, 6)
    )
    assert one == two != other


def test_it_stops_before_the_end_of_the_document(shape: Shape) -> None:
    model = peaked(shape)
    made = list(generate(model, [1], 20, GREEDY))
    stop = made[-1]
    assert list(generate(model, [1], 20, GREEDY, stop)) == made[: made.index(stop)]


def shares(sampling: Sampling, chances: list[float], draws: int = 4000) -> list[float]:
    logits = torch.tensor(chances).log()
    draw = torch.Generator().manual_seed(0)
    counts = torch.bincount(
        torch.tensor([choose(logits, sampling, draw) for _ in range(draws)]), minlength=len(chances)
    )
    return [float(count) / draws for count in counts]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(1.0, 1.0), [0.1, 0.4, 0.2, 0.3]),
        (Sampling(1.0, 0.6), [0.0, 4 / 7, 0.0, 3 / 7]),
        (Sampling(1.0, 0.71), [0.0, 4 / 9, 2 / 9, 3 / 9]),
        (Sampling(1.0, 1.0, top_k=1), [0.0, 1.0, 0.0, 0.0]),
        (Sampling(1.0, 1e-9), [0.0, 1.0, 0.0, 0.0]),
        (Sampling(0.5, 1.0), [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
        (Sampling(0.0), [0.0, 1.0, 0.0, 0.0]),
    ],
)
def test_what_is_drawn(sampling: Sampling, expected: list[float]) -> None:
    assert shares(sampling, [0.1, 0.4, 0.2, 0.3]) == pytest.approx(expected, abs=0.03)


def test_characters_come_whole(vocabulary: Vocabulary) -> None:
    text = "naïve 漢字 🙂."
    parts = list(texts(vocabulary, vocabulary.encode(text)))
    assert "".join(parts) == text and len(parts) > len(text)
    assert "".join(texts(vocabulary, vocabulary.encode("🙂")[:-1])) == "\N{REPLACEMENT CHARACTER}"


def test_calls_that_cannot_be(vocabulary: Vocabulary) -> None:
    assert prompt_tokens(vocabulary, "") == [vocabulary.bos]
    for asked in ({"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.1}, {"top_k": -1}):
        with pytest.raises(ModelError):
            Sampling(**asked)  # type: ignore[arg-type]
    with pytest.raises(ModelError):
        Sampling(float("nan"))
    model = Llama(Shape(16, 1, 2, 2, 8, 16, 400, 64, True)).init(0)
    for prompt in ([], [400], [-1]):
        with pytest.raises(ModelError):
            next(generate(model, prompt, 1, GREEDY))


def test_the_command(here: Tamis, vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = peaked(Shape(64, 2, 4, 2, 16, 192, 400, 64, True))
    export(model, vocabulary, tmp_path / "model")
    asked = ("--prompt", "The river", "--tokens", 30)
    one, two = (here("generate", "model", *asked, "--seed", 3).stdout for _ in range(2))
    assert one == two and one.startswith("The river") and len(one) > 20
    assert here("generate", "model", *asked, "--seed", 4).stdout != one
    assert "temperature" in here("generate", "model", "--temperature", -1, expect=2).stderr
    assert "no folder" in here("generate", "nowhere", expect=2).stderr
