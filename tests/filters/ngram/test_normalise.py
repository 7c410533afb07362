"""Normalising against its steps in plain Python."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.ccnet import ccnet, fixed
from reference.texts import texts

from tamis.filters.ngram.normalise import normalised
from tamis.filters.ngram.normalise_tables import PUNCTUATION, tables

FORMS = {"ccnet": ccnet, "fixed": fixed}
MARKS = [c for c in map(chr, range(sys.maxunicode)) if unicodedata.combining(c)]
NASTY = [
    *PUNCTUATION,
    *"ΣσΑİİ'\u00ad:\u0345ʰ ́１٣\u034f\u302e\u302f\u1d165\U0001d165क़ガ한≠ᾳ\n\r\t\x1f\x85",
]
nasty = st.lists(st.one_of(st.sampled_from(NASTY), st.sampled_from(MARKS), texts), max_size=40)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=300)
@given(texts, nasty)
def test_texts_are_as_python_has_them(form, text, pieces):
    for string in (text, "".join(pieces)):
        assert normalised(string, form) == FORMS[form](string)


@pytest.mark.parametrize("form", FORMS)
def test_every_character_is_as_python_has_it(form):
    """Behind a letter and before a capital sigma, and between spaces behind one."""
    for first in range(0, 0x110000, 0x800):
        span = range(first, first + 0x800, 1 if first < 0x20000 or first == 0xE0000 else 37)
        chars = [chr(c) for c in span if not 0xD800 <= c < 0xE000]
        text = "".join(f"a{c}Σ {c} " for c in chars)
        assert normalised(text, form) == FORMS[form](text), hex(first)


def test_marks_that_stay_are_put_in_order():
    text = "क\u094d\u093c" + "\u302e\u1d165\U0001d165" * 3000 + "\u034f\u302e\U0001d165"
    for form, reference in FORMS.items():
        assert normalised(text, form) == reference(text)
    assert normalised(text, "fixed").startswith("क\u093c\u094d")


def test_punctuation_is_that_of_cc_net():
    assert len(PUNCTUATION) == 34
    assert normalised("“A” — １２…", "ccnet") == '"a"  -  00...'
    assert normalised("Fine.\nSecond", "ccnet") == "fine.second"
    assert normalised(" a \r\n\n \u3000b\u2028", "fixed") == "a\nb"


def test_unknown_forms_are_refused():
    with pytest.raises(ValueError, match="called 'x'"):
        tables("x")
