"""The plain words of UAX #29, an example per rule, and that no character is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.views import own_words, standard_words
from reference.words import words

# Words with `|` between them, in place of which the text has nothing but the spaces.
EXAMPLES = {
    "WB3c": "👩\u200d💻 | 👩 | x\u200d💻",
    "WB4": "e\u0301t\u00ade | a\u0308",
    "a mark behind whitespace": "\u0301\u0301 | a",
    "WB5": "été | Straße | Ⅻ | ⓐb",
    "WB6": "can't | l’été | a:b | a·b",
    "not WB6": "' | cats | '",
    "WB7a": "ש' | s | '",
    "WB7b": 'צה"ל | a | " | a',
    "WB8": "2026 | ٣٤",
    "WB9": "A4 | 3D",
    "WB11": "3.14 | 1,000 | 1'000 | a | , | b",
    "not WB12": "1 | , | 1 | . | a",
    "WB13": "カタカナ | カナー",
    "WB13a": "a_b | _x_ | snake_2 | カ_",
    "WB15": "🇫🇷 | 🇩🇪 | 🇫 | x",
    "full stops": "a | .. | b | ... | .",
    "hyphens": "a | - | b | -- | ---",
    "other signs": "= | = | $ | 5 | % | # | x",
    "scripts without spaces": "中 | 文 | ひ | ら | ก | ำ | မြ | န် | 々",
    "in such scripts marks stay": "か\u3099 | กิ | ខ្",
}


@pytest.mark.parametrize("rule", EXAMPLES)
def test_example(rule: str) -> None:
    """Where words part with nothing between, and where whitespace parts them."""
    parts = EXAMPLES[rule].split(" | ")
    assert own_words(" ".join(parts)) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("中文あア", ["中", "文", "あ", "ア"]),
        ("1.a,b", ["1", ".", "a", ",", "b"]),
        ("a\u200bb\u00a0c\u2028d\x1ce", list("abcde")),
        ("🇫🇷🇩🇪🇮", ["🇫🇷", "🇩🇪", "🇮"]),
        ("well--known", ["well", "--", "known"]),
        ("x..y.z", ["x", "..", "y.z"]),
        (
            "see http://a.org/b?c=d, <http://b>c",
            ["see", "http://a.org/b?c=d,", "<", "http://b", ">", "c"],
        ),
        ('a="http://b.c/d"', ["a", "=", '"', "http://b.c/d", '"']),
        ("://a ://", [":", "/", "/", "a", ":", "/", "/"]),
        ("me@x.org @me a@ a@@b a@\u0301b", ["me@x.org", "@", "me", "a", "@", *"a@@b", "a@\u0301b"]),
        ("12:30:05 1:a a:b 1::2", ["12:30:05", "1", ":", "a", "a:b", "1", ":", ":", "2"]),
        ("(a)'s", ["(", "a", ")", "'", "s"]),
        ("กขข\u0e34", ["ก", "ข", "ข\u0e34"]),
    ],
)
def test_without_spaces(text: str, parts: list[str]) -> None:
    assert own_words(text) == parts


def test_standard_words() -> None:
    """Without addresses a URL falls into its parts."""
    text = "to me@x.org at 9:05 http://a.b"
    parts = ["to", "me", "@", "x.org", "at", "9", ":", "05", "http", ":", "/", "/", "a.b"]
    assert standard_words(text) == parts


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab1.-'\u200d \u0301")))
def test_nothing_is_lost(text: str) -> None:
    """Words follow each other, and only whitespace is between them."""
    place, between = 0, []
    for start, end in words(text):
        assert place <= start < end
        between.append(text[place:start])
        place = end
    between.append(text[place:])
    assert all(ch.isspace() or ch == "\u200b" for ch in "".join(between))
