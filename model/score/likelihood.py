"""How likely a model finds tokens, in nats: many sequences at once, long ones by sliding windows.

A batch is windows of about the same length, padded at their right: attention looks left only, so
padding changes nothing, and it needs no mask. (Windows packed into rows, with positions that keep
them apart, are as exact and take longer: see docs/score.md.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from tamis.model.errors import ModelError
from tamis.model.llama import Llama

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BATCH, BATCH_CPU = 65_536, 2_048
"""Tokens of a batch, padding and all; on a CPU 16,384 were a fifth slower (preset 1M)."""
_LOGITS, _LOGITS_CPU = 1 << 26, 1 << 20
"""Numbers of the largest table of logits: 256 MB in float32, on a CPU 4 MB, which stay in cache."""


class Window(NamedTuple):
    """Tokens start to stop - 1 are read, and tokens first to stop - 1 are predicted."""

    start: int
    first: int
    stop: int


class Line(NamedTuple):
    """A sequence of tokens that begins with BOS, of which those from `first` on are scored."""

    tokens: Longs
    first: int = 1


class Likelihoods(NamedTuple):
    """Of each sequence: the nats of its scored tokens, and whether each was the likeliest."""

    nats: Doubles
    greedy: Flags


def windows(length: int, first: int, context: int, stride: int) -> Iterator[Window]:
    """The windows by which tokens `first` to `length` - 1 are each predicted exactly once.

    A window reads `context` tokens at most. Every token is predicted from all that are left of it,
    or at least context - stride of them, which needs 1 <= stride <= context.
    """
    few = length - first <= stride
    stop = length if few else min(length, max(context + 1, first + stride))
    while first < length:
        yield Window(max(0, stop - 1 - context), first, stop)
        first, stop = stop, min(length, stop + stride)


@dataclass(frozen=True)
class Scorer:
    """A model that scores; make one by `Scorer.of`."""

    model: Llama = field(repr=False)
    context: int
    """Tokens that a window reads, at most."""
    stride: int
    """Tokens that every window of a long sequence but the first predicts."""
    batch: int

    @classmethod
    def of(
        cls,
        model: Llama,
        context: int | None = None,
        stride: int | None = None,
        batch: int | None = None,
    ) -> Scorer:
        """A scorer; by default of the model's context, half of it as stride, a batch by its device.

        Raises ModelError for a context that the model was not made for, and an impossible stride.
        """
        longest = model.shape.context
        context = longest if context is None else context
        if not 1 <= context <= longest:
            raise ModelError(
                f"a context of {context:,} tokens is not between 1 and the {longest:,} of the model"
            )
        stride = max(1, context // 2) if stride is None else stride
        if not 1 <= stride <= context:
            raise ModelError(
                f"a stride of {stride:,} tokens is not between 1 and the context, {context:,}"
            )
        if batch is None:
            batch = BATCH_CPU if model.head.device.type == "cpu" else BATCH
        return cls(model.eval(), context, stride, max(batch, 1))

    def score(self, lines: Sequence[Line]) -> Likelihoods:
        """The likelihoods of sequences, summed in float64; NaN where the model gave none.

        The longest windows come first, so that a batch that is too large fails at once.
        """
        nats, greedy = np.zeros(len(lines)), np.ones(len(lines), np.bool_)
        for batch in self._batches(lines):
            rows = [lines[number].tokens[one.start : one.stop] for number, one in batch]
            try:
                found, likeliest = self._scored(rows, [one.first - one.start for _, one in batch])
            except RuntimeError as error:
                _explain(error, self.batch)
                raise
            counts = [one.stop - one.first for _, one in batch]
            owner = np.repeat([number for number, _ in batch], counts)
            np.add.at(nats, owner, found)
            np.logical_and.at(greedy, owner, likeliest)
        return Likelihoods(nats, greedy)

    def _batches(self, lines: Sequence[Line]) -> Iterator[list[tuple[int, Window]]]:
        """Windows with the numbers of their sequences, those of about one length together."""
        every = [
            (number, window)
            for number, line in enumerate(lines)
            for window in windows(len(line.tokens), line.first, self.context, self.stride)
        ]
        every.sort(key=lambda one: one[1].start - one[1].stop)
        place = 0
        while place < len(every):
            longest = every[place][1].stop - every[place][1].start
            rows = max(1, self.batch // longest)
            yield every[place : place + rows]
            place += rows

    @torch.inference_mode()
    def _scored(self, rows: list[Longs], firsts: list[int]) -> tuple[Doubles, Flags]:
        """Nats of each token of each row from its first on, and whether it was the likeliest."""
        weight = self.model.head
        tokens = torch.zeros(len(rows), max(map(len, rows)) - 1, dtype=torch.long)
        for place, row in enumerate(rows):
            tokens[place, : len(row) - 1] = torch.from_numpy(row[:-1])
        hidden = self.model(tokens.to(weight.device))
        kept = [
            hidden[n, f - 1 : len(r) - 1] for n, (r, f) in enumerate(zip(rows, firsts, strict=True))
        ]
        wanted = np.concatenate([row[first:] for row, first in zip(rows, firsts, strict=True)])
        targets = torch.from_numpy(wanted).to(weight.device)
        return _nats(torch.cat(kept), _wide(weight), targets)


def _explain(error: RuntimeError, batch: int) -> None:
    """Raises ModelError, with what a user can do, if it was memory that ran out."""
    if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
        less = max(batch // 4, 1)
        raise ModelError(
            f"out of memory: lower --batch-tokens from {batch:,}, to {less:,} say"
        ) from None


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """In float32 at least: logits in bfloat16 have three digits."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _nats(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor
) -> tuple[Doubles, Flags]:
    """The nats of targets (N,) after hidden states (N, width), some rows of logits at a time."""
    most = _LOGITS_CPU if weight.device.type == "cpu" else _LOGITS
    step = max(1, most // len(weight))
    nats, greedy = [], []
    for some, wanted in zip(torch.split(hidden, step), torch.split(targets, step), strict=True):
        logits = functional.linear(_wide(some), weight)
        nats.append(functional.cross_entropy(logits, wanted, reduction="none"))
        greedy.append(logits.argmax(1) == wanted)
    return torch.cat(nats).double().cpu().numpy(), torch.cat(greedy).cpu().numpy()
