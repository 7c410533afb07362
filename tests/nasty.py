"""Texts that tokenizers get wrong: whitespace, ties between merges, every kind of character."""

from __future__ import annotations

import random
from collections.abc import Iterator

PLAIN = [
    *("", " ", "  ", "\n", "\n\n\n", "\t", "\r\n", "\0", "a\0b", " a", "a ", "  a  b  ", "\ta\t"),
    *(
        "a\u00a0b",
        "\ufeffx",
        "\ufffd",
        "e\u0301",
        "\ufb01",
        "\uff21",
        "\u00bd",
        "\u2585",
        "x\u2585",
    ),
    *("1234567890", "v1.2.3", "0x1F", "<0x0A>", "<0x", "<s >", "\u2028x\u2029", "\x85", "\x7f"),
    *("\U0001f600\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1eb\U0001f1f7"),
    *(
        "\u0928\u092e\u0938\u094d\u0924\u0947",
        "\u0627\u0628\u062c\u062f",
        "\u202eabc",
        "\u4e2d\u6587",
    ),
    *(
        "\U0010ffff",
        "\ue000",
        "\ufdd0",
        "\u0378",
        "\x01\x02",
        "caf\u00e9",
        "na\u00efve fa\u00e7ade",
    ),
]
"""Single texts; none has a special token or U+2581 in it, which SentencePiece takes for a space."""
RUNS = (" ", "\n", "a", "=", "ab", "aba", " the", ". ", "\n ", "-", " a")
ALPHABETS = ("ab", "abc", "e t", "a \n", " \n\t", "the ", " -=", "10.", "ne s")
BLOCKS = (
    *((0x01, 0x7F), (0x80, 0x24F), (0x370, 0x5FF), (0x600, 0x1100), (0x2000, 0x2580)),
    *((0x3040, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1FAFF), (0x10000, 0x10FFFF)),
)


def texts(draws: int, seed: int = 5) -> list[str]:
    """The texts above, runs of up to 70, and so many drawn of each kind."""
    return [*PLAIN, *(run * n for run in RUNS for n in range(1, 71)), *_drawn(draws, seed)]


def _drawn(draws: int, seed: int) -> Iterator[str]:
    draw = random.Random(seed)
    for _ in range(draws):
        for alphabet in ALPHABETS:
            yield "".join(draw.choices(alphabet, k=draw.randint(1, 60)))
            yield "".join(draw.choices(alphabet, k=draw.randint(1, 5))) * draw.randint(1, 20)
        yield "".join(chr(draw.randint(*draw.choice(BLOCKS))) for _ in range(draw.randint(1, 30)))
