"""Docstrings out of Python source, its declared encodings, and source that is none."""

from __future__ import annotations

import json.decoder
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest.docstrings import documents
from tamis.pipeline.ingest.inputs import Unreadable

SOURCE = b'''"""What the module is for.

    Indented by its author.
"""

if True:
    class Sieve:
        """Keeps what is coarse."""

        def shake(self):
            """Shakes it.

            Twice.
            """
            def inner():
                "Within."

        def undocumented(self):
            return "not a docstring"

try:
    async def pour():
        """Pours."""
except ImportError:
    def pour():
        """Pours slowly."""
'''


def test_all_docstrings_in_source_order_under_their_names() -> None:
    assert documents(SOURCE) == [
        (
            "What the module is for.\n\nIndented by its author.\n\n"
            "Sieve\nKeeps what is coarse.\n\n"
            "Sieve.shake\nShakes it.\n\nTwice.\n\n"
            "Sieve.shake.inner\nWithin.\n\n"
            "pour\nPours.\n\n"
            "pour\nPours slowly.",
            {"docstrings": 6},
        )
    ]


def test_nothing_where_nothing_is_documented() -> None:
    assert documents(b"x = 1\ndef f(): return 'text'\n") == []
    assert documents(b'"""   """\n') == []
    assert documents(b"") == []


@pytest.mark.parametrize(
    "data",
    [
        '# -*- coding: latin-1 -*-\n"""café"""\n'.encode("latin-1"),
        '# vim: set fileencoding=cp1252 :\n"""café"""\n'.encode("cp1252"),
        b"\xef\xbb\xbf" + '"""café"""\n'.encode(),
        '"""café"""\r\n'.encode(),
    ],
)
def test_declared_encodings_are_honoured(data: bytes) -> None:
    assert documents(data)[0][0] == "café"


def test_lone_surrogates_do_not_reach_the_text() -> None:
    text = documents(b'"""bad \\ud800 escape"""')[0][0]
    assert text == "bad ? escape"


def test_foreign_warnings_are_not_shown() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        assert documents(b'def f():\n    """\\d"""\n    return 1 is 1\n')[0][0] == "f\n\\d"
    assert shown == []


@pytest.mark.parametrize(
    "data",
    [
        b"print 'two'\n",
        b'"""\0"""',
        b"# coding: no-such-codec\n",
        b"\xff\xfe\n",
        b"(" * 5000 + b")" * 5000,
        b"x = " + b"-" * 100_000 + b"1\n",
        b"a" + b".b" * 50_000,
    ],
)
def test_what_is_not_python_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        documents(data)
    assert caught.value.reason == "invalid_python"


def test_the_standard_library_is_read() -> None:
    text, meta = documents(Path(json.decoder.__file__).read_bytes())[0]
    assert "\n\nJSONDecoder.raw_decode\n" in text
    assert isinstance(meta["docstrings"], int) and meta["docstrings"] >= 5


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda b: b'"""' + b + b'"""'))
def test_any_bytes_are_read_or_unreadable(data: bytes) -> None:
    try:
        for text, _ in documents(data):
            text.encode()
    except Unreadable as error:
        assert error.reason == "invalid_python"
