"""The measure of all sets: its columns by option, its batches, its languages."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support import SENTENCES

from tamis.filters.heuristics.heuristics import SETS, Heuristics

TEXTS = (
    "The miller and the goats were in the garden. It rained.\n\nThe miller did not mind... #rain",
    "",
    " \n\t\n",
    "der Müller und die Ziegen",
    "磨坊的人",
    "1 2 3 {a} {b}\njavascript lorem ipsum\n",
)


PINNED = "aa1f733fdac3fa92"
"""Of version 1: other values for the same options need another, by which stale signals show."""


def batch(*texts: str, **columns: list[str | None]) -> pa.RecordBatch:
    arrays = {"text": pa.array(texts, pa.large_string())}
    arrays |= {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.record_batch(arrays)


def row(measure: Heuristics, text: str, **columns: str | None) -> dict[str, Any]:
    given = {name: [value] for name, value in columns.items()}
    found: dict[str, Any] = measure.measure(batch(text, **given)).to_pylist()[0]
    return found


def test_columns_are_those_of_the_sets_asked_for() -> None:
    """A column more or less than promised is a stage that cannot be written."""
    for sets in (("gopher",), ("dclm", "fineweb"), ("rps",), tuple(SETS)):
        measure = Heuristics(sets=sets)
        answer = measure.measure(batch(*TEXTS))
        assert answer.schema == measure.gives and answer.num_rows == len(TEXTS)
        assert {name.split("_")[0] for name in answer.schema.names} == set(sets)


def test_a_set_is_the_same_alone_and_among_others() -> None:
    """The sets read one segmentation, and one of them writes over what others read."""
    together = Heuristics().measure(batch(*TEXTS)).to_pylist()
    for name in SETS:
        alone = Heuristics(sets=(name,)).measure(batch(*TEXTS)).to_pylist()
        assert alone == [{k: v for k, v in one.items() if k in alone[0]} for one in together]


def test_any_slice_of_a_batch_is_measured_alike() -> None:
    """Portions after a crash, and rows taken out of a shard, are slices with an offset."""
    measure = Heuristics()
    whole = measure.measure(batch(*TEXTS)).to_pylist()
    for start in range(len(TEXTS)):
        for stop in range(start, len(TEXTS) + 1):
            part = batch(*TEXTS).slice(start, stop - start)
            assert measure.measure(part).to_pylist() == whole[start:stop]


def test_no_rows() -> None:
    """Every stage is first asked about nothing, to see whether it can work at all."""
    for empty in (batch(), batch(*TEXTS).slice(2, 0)):
        answer = Heuristics().measure(empty)
        assert answer.num_rows == 0 and answer.schema == Heuristics().gives


def test_what_is_not_defined_is_null_and_counts_are_not() -> None:
    """A share of nothing is neither 0 nor 1; a rule says what becomes of it."""
    for text in TEXTS[1:3]:
        found = row(Heuristics(sets=("gopher", "fineweb", "dclm")), text)
        assert found["gopher_words"] == found["dclm_words"] == 0
        assert found["gopher_stop_words"] == found["dclm_stop_words"] == 0
        for name in ("gopher_alpha_words", "fineweb_end_mark_lines", "dclm_duplicate_lines"):
            assert found[name] is None, name


def test_stop_words_go_by_the_language_column() -> None:
    """German judged by English stop words is all rejected."""
    german = TEXTS[3]
    measure = Heuristics(sets=("gopher", "dclm"), language_column="speech")
    assert measure.needs == ("text", "speech") and Heuristics().needs == ("text",)
    assert row(measure, german, speech="de")["gopher_stop_words"] == 3
    assert row(measure, german, speech="en")["gopher_stop_words"] == 0
    assert row(Heuristics(language="de"), german)["gopher_stop_words"] == 3


@pytest.mark.parametrize("speech", ["tlh", "", None])
def test_a_language_without_a_list_has_no_number_of_stop_words(speech: str | None) -> None:
    """0 would reject every text in a language that nobody made a list for."""
    measure = Heuristics(sets=("gopher", "dclm"), language_column="speech")
    found = row(measure, TEXTS[0], speech=speech)
    assert found["gopher_stop_words"] is None and found["dclm_stop_words"] is None
    assert found["gopher_words"] == 17
    assert row(Heuristics(language="tlh"), TEXTS[0])["gopher_stop_words"] is None


def test_a_recipe_replaces_the_stop_words_of_a_language() -> None:
    """And leaves those of the others."""
    measure = Heuristics(
        sets=("gopher", "dclm"),
        language_column="speech",
        stop_words={"de": ("Ziegen", "goats"), "tlh": ("je",), "fr": ()},
    )
    assert row(measure, TEXTS[3], speech="de")["gopher_stop_words"] == 1
    assert row(measure, "Ziegen ZIEGEN und", speech="de")["dclm_stop_words"] == 2
    assert row(measure, "je je JE", speech="tlh")["gopher_stop_words"] == 1
    assert row(measure, TEXTS[0], speech="en")["gopher_stop_words"] == 2
    assert row(measure, TEXTS[0], speech="fr")["gopher_stop_words"] is None


def test_the_fraction_of_stop_words_is_given_with_a_list_only(tmp_path: Path) -> None:
    """RedPajama-V2's signal is defined by its list, which tamis does not carry."""
    path = tmp_path / "stop.json"
    path.write_text(json.dumps({"en": ["the", "and"], "de": ["und"]}), encoding="utf-8")
    column = "rps_doc_stop_word_fraction"
    assert column not in Heuristics().gives.names and Heuristics().assets() == {}
    measure = Heuristics(sets=("rps",), rps_stop_words=str(path))
    assert measure.assets() == {"rps_stop_words": path}
    assert row(measure, "the mill and mills")[column] == pytest.approx(0.5)
    assert column not in Heuristics(sets=("gopher",), rps_stop_words=str(path)).gives.names


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"en": 3}', '{"en": "the"', "\xff"])
def test_a_list_that_is_none_is_said_by_name(tmp_path: Path, content: str) -> None:
    """`'int' object is not iterable` tells nobody which file to mend."""
    path = tmp_path / "broken.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=r"broken.json is no JSON object of word lists"):
        Heuristics(sets=("rps",), rps_stop_words=str(path)).measure(batch("a"))


def test_the_values_are_those_of_this_version() -> None:
    """Law 5: values that change under the same version make stale signals look fresh."""
    draw = random.Random(1)
    pieces = [
        *TEXTS,
        *SENTENCES.values(),
        "\n",
        "\n\n",
        " ",
        "... ",
        "# ",
        "• ",
        "THE ",
        "ŁÓDŹ İ",
        "ก็มี",
    ]
    texts = ["".join(draw.choices(pieces, k=draw.randint(1, 60))) for _ in range(200)]
    answer = Heuristics(stop_words={"en": ("the", "and")}).measure(batch(*texts))
    rows = [
        [one and f"{one:.5g}" if not isinstance(one, list) else one for one in r.values()]
        for r in answer.to_pylist()
    ]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert Heuristics.version == 1 and digest[:16] == PINNED


def test_kernels_are_made_ready_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second in every command, for what is on disk already."""
    Heuristics().prepare()
    monkeypatch.setattr(Heuristics, "measure", None)
    Heuristics().prepare()
