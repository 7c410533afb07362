"""Training a SentencePiece unigram model on normalised sentences, with the library."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import sentencepiece

LONGEST = 512
"""Sentences longer than this many bytes are cut at spaces, which changes nothing, as pieces are of
words: the library would drop those of more than 4,192 without a word, and its memory is to be
bounded."""
SAMPLE = 1_000_000
"""Sentences at most that the library keeps, drawn from all of them: up to 512 MB. 706,000 of 46 MB
took 1.1 GB and four minutes of two busy cores for 65,536 pieces."""
_QUIET = 3


def train(
    lines: Iterable[bytes],
    size: int = 65_536,
    coverage: float = 0.9995,
    threads: int = 2,
    sample: int = SAMPLE,
) -> bytes:
    """An `sp.model` of so many pieces, or of as many as the text allows.

    lines: sentences in UTF-8, normalised. coverage: share of characters that pieces are made of;
    the rest are unknown. The same lines, settings and threads give the same bytes. ValueError if
    there is too little text for any model.
    """
    model = io.BytesIO()
    sentencepiece.set_random_generator_seed(1)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_cut(lines),
            model_writer=model,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=coverage,
            input_sentence_size=sample,
            shuffle_input_sentence=True,
            max_sentence_length=2 * LONGEST,
            required_chars="\u2581",  # without, one rarer than coverage asks for is unknown
            num_threads=threads,
            minloglevel=_QUIET,
        )
    except (RuntimeError, OSError) as error:
        raise ValueError(f"No pieces can be made of this text: {error}") from None
    return model.getvalue()


def _cut(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The sentences, long ones in parts; none is empty."""
    for line in lines:
        while len(line) > LONGEST:
            end = line.rfind(b" ", 1, LONGEST)
            if end < 0:
                end = LONGEST
                while line[end] & 0xC0 == 0x80:
                    end -= 1
            yield line[:end]
            line = line[end:].lstrip(b" ")
        if line:
            yield line
