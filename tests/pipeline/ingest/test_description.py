"""Long descriptions out of core metadata, in both places where it keeps them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.pipeline.ingest.description import documents

HEADER = "Metadata-Version: 2.1\nName: sieve\nVersion: 1.2\nSummary: Keeps what is coarse\n"


def test_the_body_is_the_description() -> None:
    assert documents((HEADER + "\n# Sieve\n\nKeep: what is coarse.\n").encode()) == [
        (
            "# Sieve\n\nKeep: what is coarse.",
            {"name": "sieve", "version": "1.2", "summary": "Keeps what is coarse"},
        )
    ]


@pytest.mark.parametrize("indent", ["        ", "       |"])
def test_a_description_field_loses_its_continuation_marks(indent: str) -> None:
    field = f"Description: Sieve\n{indent}\n{indent}    code()\n{indent}end\n"
    assert documents((HEADER + field).encode())[0][0] == "Sieve\n\n    code()\nend"


@pytest.mark.parametrize("rest", ["", "\n", "\n  \n", "\nUNKNOWN\n", "Description: UNKNOWN\n"])
def test_nothing_where_there_is_no_description(rest: str) -> None:
    assert documents((HEADER + rest).encode()) == []


def test_old_files_are_latin_1() -> None:
    assert documents(b"Name: x\n\ncaf\xe9\n") == [("café", {"name": "x"})]


def test_a_declared_multipart_body_stays_text() -> None:
    data = b"Name: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n"
    assert documents(data)[0][0] == "--b\n\none\n--b--"


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary())
def test_any_bytes_are_read(data: bytes) -> None:
    for text, _ in documents(data):
        assert text.strip()
