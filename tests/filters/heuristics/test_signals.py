"""Every column of every set against plain Python, and the documents that break shortcuts."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from reference import dclm, fineweb, gopher, rps
from reference.texts import repetitive, texts

from tamis.filters.heuristics.heuristics import Heuristics

STOPS = ("the", "of", "a", "…", "Σ")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All sets, with a list of stop words for RedPajama's."""
    path = tmp_path_factory.mktemp("stops") / "stops.json"
    path.write_text('{"en": ["the", "of", "a", "…", "Σ"]}')
    return Heuristics(rps_stop_words=str(path))


def measured(measure, documents):
    batch = pa.record_batch([pa.array(documents, pa.large_string())], names=["text"])
    return measure.measure(batch).to_pylist()


def expected(text):
    found = gopher.measure(text) | fineweb.measure(text) | dclm.measure(text)
    found |= rps.measure(text, STOPS)
    return {name: rounded(value) for name, value in found.items()}


def rounded(value):
    """As float32 has it."""
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(np.float32(value)) if isinstance(value, float) else value


def check(measure, documents):
    for text, row in zip(documents, measured(measure, documents), strict=True):
        wanted = expected(text)
        assert row.keys() == wanted.keys()
        for name, value in row.items():  # a share may differ in the last bit of its float32
            close = None if value is None else pytest.approx(wanted[name], rel=2e-7, abs=0)
            assert value == wanted[name] or value == close, (name, text)


@settings(max_examples=300)
@given(texts)
def test_signals_of_any_text(everything, text):
    check(everything, [text])


@settings(max_examples=300)
@given(repetitive)
def test_signals_of_repetitive_text(everything, text):
    check(everything, [text, text + text])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n",
        "\n\n\n",
        "\na\n",
        "a\n\n \nb",
        "word " * 300,
        "\n".join(f"line {n % 7}" for n in range(200)),
        "lorem ipsum dolor lorem ipsumlorem ipsum",
        "ΟΔΟΣ ΟΔΟΣ. Σ ΑΣ",
        ". . . . . . . . .......",
        "JavaScript\njavascript, java-script",
        "x\r\ny\x85z\u2028- w...",
        "http://a.b/c 12:30 me@example.org " * 4,
    ],
)
def test_signals_of_odd_texts(everything, text):
    check(everything, [text])


def test_documents_of_a_batch_do_not_see_each_other(everything):
    documents = ["long " * 500, "short", "", "Σ 漢字 é" * 50, "the of and to be"]
    together = measured(everything, documents)
    assert together == [measured(everything, [text])[0] for text in documents]


def test_a_slice_of_a_batch_is_measured_as_such(everything):
    array = pa.array(["one two", "three\nfour", "five"], pa.large_string())
    batch = pa.record_batch([array], names=["text"]).slice(1, 1)
    assert everything.measure(batch).to_pylist() == measured(everything, ["three\nfour"])


def test_no_rows_give_no_rows(everything):
    assert measured(everything, []) == []
    assert everything.measure(
        pa.record_batch([pa.array([], pa.large_string())], names=["text"])
    ).schema.equals(everything.gives)
