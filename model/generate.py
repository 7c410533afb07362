"""Text by a model, token after token: for looking at it."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tamis.model.errors import ModelError
from tamis.model.llama import Cache, Llama
from tamis.tokenize.vocabulary import Vocabulary


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn; ModelError for what cannot be."""

    temperature: float = 0.8
    """Logits are divided by it; 0 takes the most likely token."""
    top_p: float = 0.95
    """Only the most likely tokens that together have this probability, the last one whole."""
    top_k: int = 0
    """Only so many of the most likely tokens; 0: all."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise ModelError(f"a temperature of {self.temperature}: it has to be 0 or more")
        if not 0 < self.top_p <= 1:
            raise ModelError(f"top-p is {self.top_p}: it has to be above 0 and at most 1")
        if self.top_k < 0:
            raise ModelError(f"top-k is {self.top_k}: it has to be 0 (all) or more")


@torch.no_grad()
def generate(
    model: Llama, prompt: Sequence[int], count: int, sampling: Sampling, stop: int = -1
) -> Iterator[int]:
    """Up to count tokens after a prompt, ending before the token `stop`.

    When the model's context is full, the last half of it is read again and all before forgotten.
    ModelError for a prompt that is empty, or has tokens beyond the vocabulary.
    """
    if not prompt:
        raise ModelError("a prompt needs at least one token")
    if not 0 <= min(prompt) <= max(prompt) < model.shape.vocabulary:
        raise ModelError(f"a token is beyond the model's vocabulary of {model.shape.vocabulary}")
    draw = torch.Generator().manual_seed(sampling.seed)
    context = model.shape.context
    seen = list(prompt)
    cache, new = _fresh(model), seen[-context:]
    for _ in range(count):
        if cache.length + len(new) > context:
            cache, new = _fresh(model), seen[-max(context // 2, 1) :]
        hidden = model(torch.tensor([new], device=model.head.device), cache=cache)
        token = choose(model.logits(hidden[0, -1]).float().cpu(), sampling, draw)
        if token == stop:
            return
        yield token
        seen.append(token)
        new = [token]


def choose(logits: Tensor, sampling: Sampling, draw: torch.Generator) -> int:
    """A token by its logits (V,), float32 on the CPU."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    values, ids = (logits / sampling.temperature).sort(descending=True, stable=True)
    if sampling.top_k:
        values, ids = values[: sampling.top_k], ids[: sampling.top_k]
    chances = values.softmax(0)
    before = chances.cumsum(0) - chances
    chances = chances.where(before < sampling.top_p, 0)
    return int(ids[torch.multinomial(chances, 1, generator=draw)])


def prompt_tokens(vocabulary: Vocabulary, text: str) -> list[int]:
    """The tokens of a text that begins a document; ModelError if there are none."""
    start = [vocabulary.bos] if vocabulary.bos >= 0 else []
    tokens = [*start, *vocabulary.encode(text)]
    if not tokens:
        raise ModelError(f"{vocabulary.path} has no token that begins a document: give a prompt")
    return tokens


def texts(vocabulary: Vocabulary, tokens: Iterable[int]) -> Iterator[str]:
    """The text of tokens as they come; a character of several tokens comes with its last."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in tokens:
        yield decoder.decode(vocabulary.decode_bytes([token]))
    yield decoder.decode(b"", final=True)


def _fresh(model: Llama) -> Cache:
    like = model.head if model.compute is None else model.head.to(model.compute)
    return Cache(model.shape, 1, model.shape.context, like)
