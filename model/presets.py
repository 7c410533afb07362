"""The shapes of models: presets for measuring data, and the published ones of Llama 1, 2 and 3."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, replace

from tamis.model.errors import ModelError


@dataclass(frozen=True)
class Shape:
    """What decides a model's tensors, and nothing else; ModelError for what cannot be one."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    """Of keys and values, each shared by heads / kv_heads queries."""
    head: int
    """The width of one head; even, since RoPE turns its halves."""
    ffn: int
    vocabulary: int
    context: int
    """Tokens of a training window; RoPE itself has no limit."""
    tied: bool
    """Whether the head is the embedding."""
    theta: float = 500_000.0
    eps: float = 1e-5

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0 and name != "tied":
                raise ModelError(f"{name} is {value}: it has to be positive")
        if self.heads % self.kv_heads:
            raise ModelError(f"{self.heads} heads cannot share {self.kv_heads} of keys and values")
        if self.head % 2:
            raise ModelError(f"head is {self.head}: RoPE turns pairs, so it has to be even")

    @property
    def embeddings(self) -> int:
        return self.vocabulary * self.width

    @property
    def std(self) -> float:
        """Of initial weights: 0.02, GPT-2's, for a width of 1,000, and more for narrower models.

        Nguyen and Salazar, "Transformers without Tears" (2019).
        """
        return math.sqrt(2 / (5 * self.width))

    @property
    def parameters(self) -> int:
        """All of them; a tied head counts once."""
        return self._body + self.embeddings * (1 if self.tied else 2)

    @property
    def counted(self) -> int:
        """N of the 6N rule: what each token is multiplied with, the head but no embedding."""
        return self._body + self.embeddings

    @property
    def _body(self) -> int:
        attention = self.width * self.head * 2 * (self.heads + self.kv_heads)
        layer = attention + 3 * self.width * self.ffn + 2 * self.width
        return self.layers * layer + self.width

    def flops(self, tokens: int, squares: int = 0) -> int:
        """Floating-point operations of a training step, forward and back, in PaLM's form.

        6N for each token; 12 * layers * heads * head for each pair of tokens in attention, which
        squares counts: the sum of squared lengths of documents, 2 * positions.sum() + tokens.
        Causal attention does half of that, and like PaLM this counts all. squares = 0: 6N alone.
        """
        return 6 * self.counted * tokens + 12 * self.layers * self.heads * self.head * squares


@dataclass(frozen=True)
class Preset:
    """A shape with the learning rate and batch that suit it.

    Both by the rule of OLMo-core's ladder, after Porian et al. (arXiv 2406.19146), with half its
    learning rate: 0.00235 * (N / 108M) ** (-1/3); 2048 * 160 * (N / 108M) ** (2/3) tokens. 300k
    is for runs of a million tokens, in which more and smaller steps learn more (LOG, 2026-11-22).
    """

    shape: Shape
    learning_rate: float
    batch_tokens: int


# width layers heads kv head ffn vocabulary context tied, learning rate, tokens of a batch.
PRESETS = {
    "300k": Preset(Shape(64, 4, 2, 2, 32, 192, 2048, 512, True), 3e-3, 1 << 11),
    "1M": Preset(Shape(128, 4, 2, 1, 64, 384, 4096, 2048, True), 1.0e-2, 1 << 14),
    "5M": Preset(Shape(256, 6, 4, 2, 64, 704, 8192, 2048, True), 6.0e-3, 1 << 16),
    "15M": Preset(Shape(384, 8, 6, 2, 64, 1024, 16_384, 2048, True), 4.2e-3, 1 << 17),
    "40M": Preset(Shape(512, 12, 8, 4, 64, 1408, 32_768, 2048, True), 3.0e-3, 1 << 18),
    "60M": Preset(Shape(640, 12, 10, 5, 64, 1728, 32_768, 2048, True), 2.6e-3, 1 << 18),
    "125M": Preset(Shape(768, 14, 12, 4, 64, 2048, 32_768, 2048, True), 2.3e-3, 338 << 10),
    "200M": Preset(Shape(896, 16, 14, 7, 64, 2432, 32_768, 2048, True), 2.0e-3, 1 << 19),
    "400M": Preset(Shape(1024, 26, 16, 4, 64, 2752, 32_768, 2048, False), 1.6e-3, 1 << 19),
}

# As their papers and params.json have them; Llama 3.2 stretches RoPE besides, which is not here.
PUBLISHED = {
    "llama-1-7b": Shape(4096, 32, 32, 32, 128, 11_008, 32_000, 2048, False, 1e4, 1e-6),
    "llama-1-13b": Shape(5120, 40, 40, 40, 128, 13_824, 32_000, 2048, False, 1e4, 1e-6),
    "llama-1-30b": Shape(6656, 60, 52, 52, 128, 17_920, 32_000, 2048, False, 1e4, 1e-6),
    "llama-1-65b": Shape(8192, 80, 64, 64, 128, 22_016, 32_000, 2048, False, 1e4, 1e-5),
    "llama-2-7b": Shape(4096, 32, 32, 32, 128, 11_008, 32_000, 4096, False, 1e4),
    "llama-2-13b": Shape(5120, 40, 40, 40, 128, 13_824, 32_000, 4096, False, 1e4),
    "llama-2-70b": Shape(8192, 80, 64, 8, 128, 28_672, 32_000, 4096, False, 1e4),
    "llama-3-8b": Shape(4096, 32, 32, 8, 128, 14_336, 128_256, 8192, False),
    "llama-3-70b": Shape(8192, 80, 64, 8, 128, 28_672, 128_256, 8192, False),
    "llama-3.2-1b": Shape(2048, 16, 32, 8, 64, 8192, 128_256, 131_072, True),
    "llama-3.2-3b": Shape(3072, 28, 24, 8, 128, 8192, 128_256, 131_072, True),
}


def preset_of(name: str) -> Preset:
    """A preset by name; ModelError with the nearest names if there is none."""
    if name not in PRESETS:
        raise ModelError(f"there is no preset '{name}': {_nearest(name, list(PRESETS))}")
    return PRESETS[name]


def shape_of(name: str, vocabulary: int, context: int | None = None) -> Shape:
    """A preset's or a published shape for a vocabulary of another size, and another context.

    ModelError with the nearest names if there is none.
    """
    shapes = {preset: row.shape for preset, row in PRESETS.items()} | PUBLISHED
    if name not in shapes:
        raise ModelError(f"there is no shape '{name}': {_nearest(name, list(shapes))}")
    shape = shapes[name]
    context = shape.context if context is None else context
    return replace(shape, vocabulary=vocabulary, context=context)


def _nearest(name: str, names: list[str]) -> str:
    lower = {one.lower(): one for one in names}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    hint = f"did you mean '{lower[close[0]]}'? " if close else ""
    return f"{hint}Valid: {', '.join(names)}"
