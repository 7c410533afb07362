"""Shared n-grams against plain Python, planted contamination, and references that are broken."""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.decontamination import measured
from reference.texts import texts

from tamis.filters.decontamination import MOST, Decontaminate, frequent, shares_in
from tamis.filters.kernels.overlap import CHUNK
from tamis.filters.references import LONGEST_LINE, files_of, read

few = st.lists(st.sampled_from(["a", "B,", "c\n", "d.", "漢", "É"]), max_size=40).map(" ".join)
any_text = st.one_of(texts, few)
VOCABULARY = [f"word{number}" for number in range(3000)]


def save(path: Path, references: dict[str, list[str]]) -> Path:
    lines = [json.dumps({"id": name, "text": pieces}) for name, pieces in references.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def measure(stage: Decontaminate, *parts: str):
    batch = pa.record_batch([pa.array(parts, pa.large_string())], names=["text"])
    return [tuple(row.values()) for row in stage.measure(batch).to_pylist()]


def prose(seed: int, words: int) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


@settings(max_examples=150)
@given(
    st.lists(st.lists(any_text, min_size=1, max_size=2), min_size=1, max_size=4),
    st.lists(any_text, max_size=3),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 3),
)
def test_what_is_found_is_by_the_definition(tmp_path_factory, pieces, parts, size, shortest, at):
    parts = [*parts, *(f"x {part} y" for part in pieces[at % len(pieces)])]
    pieces = [[piece for piece in some if piece] or ["e"] for some in pieces]
    place = save(tmp_path_factory.mktemp("r") / "r.jsonl", dict(zip("pqrs", pieces, strict=False)))
    found = measure(Decontaminate((place,), ngram=size, shortest=shortest), *parts)
    references = {f"r:{name}": some for name, some in zip("pqrs", pieces, strict=False)}
    for part, (ngrams, share, by) in zip(parts, found, strict=True):
        wanted = measured(part, references, size, shortest)
        assert (ngrams, share, by) == (wanted[0], np.float32(wanted[1]), wanted[2])


@pytest.mark.parametrize("size", [2, 13, 64])
def test_parts_of_a_long_text_fit_together(tmp_path, size):
    """N-grams over every border of the parts that a text is read in; short ones among them."""
    text = prose(1, 3 * CHUNK + 40)
    words = text.split()
    pieces = {f"n{k}": [" ".join(words[k : k + size])] for k in range(CHUNK - 70, 2 * CHUNK, 31)}
    pieces |= {f"s{k}": [" ".join(words[k : k + 9])] for k in range(CHUNK - 20, CHUNK + 20, 3)}
    stage = Decontaminate((save(tmp_path / "r.jsonl", pieces),), ngram=size)
    references = {f"r:{name}": some for name, some in pieces.items()}
    (ngrams, share, by) = measure(stage, text)[0]
    wanted = measured(text, references, size, 8)
    assert (ngrams, share, by) == (wanted[0], np.float32(wanted[1]), wanted[2])
    assert ngrams >= len(pieces) - 1


def test_planted_contamination_is_found_and_nothing_else(tmp_path):
    item = prose(2, 60)
    words = item.split()
    changed = [*words[:30], "otherwise", *words[31:]]
    stage = Decontaminate((save(tmp_path / "set.jsonl", {"7": [item]}),))
    around = prose(3, 500)
    found = measure(
        stage,
        f"{around} {item} {around}",
        around + "\n\n" + item.upper().replace(" ", ",\n  ") + "!",
        f"{around} {' '.join(changed)}",
        f"{around} {' '.join(words[:12])}",
        around,
        "",
    )
    assert [row[0] for row in found] == [48, 48, 18 + 17, 0, 0, 0]
    assert [row[2] for row in found] == [["set:7"]] * 3 + [[]] * 3
    assert found[0][1] == np.float32(60 / 1060)
    assert found[2][1] == np.float32(59 / 560)


def test_short_references_are_looked_for_whole(tmp_path):
    pieces = {"eight": ["a b c d e f g h"], "seven": ["i j k l m n o"], "none": ["?!"]}
    stage = Decontaminate((save(tmp_path / "r.jsonl", pieces),))
    assert stage.references().short == 2
    assert measure(stage, "z A, b. C d e f g h z", "i j k l m n o") == [
        (1, np.float32(8 / 10), ["r:eight"]),
        (0, 0, []),
    ]
    alone = Decontaminate((save(tmp_path / "s.jsonl", {"seven": pieces["seven"]}),))
    assert measure(alone, "i j k l m n o p q r s t u v") == [(0, 0, [])]


def test_references_that_are_named_are_bounded(tmp_path):
    text = prose(4, 20)
    pieces = {str(number): [text] for number in range(MOST + 7)}
    stage = Decontaminate((save(tmp_path / "r.jsonl", pieces),))
    (_, _, by), (_, _, none), (_, _, again) = measure(stage, text, "no", text)
    assert by == again == [f"r:{number}" for number in range(MOST)]
    assert none == []


def test_phrases_of_many_documents_are_ignored(tmp_path):
    phrase, own = prose(5, 20), prose(6, 30)
    place = save(tmp_path / "r.jsonl", {"1": [f"{own} {phrase}"], "2": [prose(7, 30)]})
    stage = Decontaminate((place,))
    pool = [f"{prose(10 + k, 40)} {phrase} {phrase}" for k in range(11)] + [prose(7, 30)] * 10
    texts = pa.array(pool, pa.large_string())
    common = frequent(stage, [texts.slice(0, 5), texts.slice(5)], 10)
    assert len(common) == 8
    assert len(frequent(stage, [texts], 11)) == 0
    assert len(frequent(stage, [texts], 9)) == 8 + 18
    assert shares_in(stage, common, pa.array([f"{own} {phrase}", own], pa.large_string())) == (
        pytest.approx([20 / 50, 0])
    )
    np.save(tmp_path / "common.npy", common)
    known = Decontaminate((place,), ignore=str(tmp_path / "common.npy"))
    found = measure(known, pool[0], own, pool[-1], f"{own} {phrase}")
    assert [row[0] for row in found] == [0, 18, 18, 30]
    assert "ignore" in known.assets()
    (tmp_path / "common.npy").write_bytes(b"no")
    with pytest.raises(ValueError, match="no file of n-grams"):
        known.prepare()


def test_files_and_folders_of_every_format(tmp_path):
    (tmp_path / "sets/deep").mkdir(parents=True)
    texts = [prose(number, 15) for number in range(4)]
    save(tmp_path / "sets/a.jsonl", {"1": [texts[0]]})
    with gzip.open(tmp_path / "sets/deep/b.jsonl.gz", "wt") as file:
        file.write(json.dumps({"q": texts[1], "choices": {"list": [texts[2], 3, None]}}) + "\n\n")
    pq.write_table(pa.table({"text": [None, texts[3]], "n": [1, 2]}), tmp_path / "c.parquet")
    (tmp_path / "sets/README.md").write_text("no data")
    fields = ("text", "q", "choices")
    stage = Decontaminate((tmp_path / "sets", tmp_path / "c.parquet"), fields)
    assert [row[2] for row in measure(stage, *texts)] == [
        ["a:1"],
        ["deep/b:1"],
        ["deep/b:1"],
        ["c:2"],
    ]
    assert sorted(stage.assets()) == ["against.a", "against.c", "against.deep/b"]


def test_a_changed_file_is_read_again(tmp_path):
    place = save(tmp_path / "r.jsonl", {"1": [prose(1, 20)]})
    stage = Decontaminate((place,))
    assert measure(stage, prose(1, 20))[0][0] == 8
    save(place, {"1": [prose(2, 21)]})
    assert measure(stage, prose(1, 20))[0][0] == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b'{"text": "a"}\n{"text": ', "line 2 is not JSON"),
        (b'{"text": "\xff\xfe"}\n', "line 1 is not JSON"),
        (b'["text"]\n', "line 1 is no JSON object"),
        (b'{"query": "a", "gold": 1}\n', "(they have: query, gold)"),
        (b'{"text": ""}\n', "has text in 'text'"),
        (b'{"text": "' + b"a" * LONGEST_LINE + b'"}\n', "line 1: over 64 MiB"),
    ],
)
def test_broken_references_are_refused(tmp_path, content, said):
    (tmp_path / "r.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=r"r\.jsonl") as error:
        Decontaminate((tmp_path / "r.jsonl",)).prepare()
    assert said.strip("()") in str(error.value)


def test_broken_archives_are_refused(tmp_path):
    whole = gzip.compress(b'{"text": "a"}\n' * 1000)
    for name, data in (("a.jsonl.gz", whole[:40]), ("b.jsonl.gz", b"no"), ("c.parquet", b"PAR1")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name} is broken"):
            list(read("r", tmp_path / name, ("text",)))


def test_missing_references_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("text")
    for place in ("gone.jsonl", "empty"):
        with pytest.raises(FileNotFoundError, match=place):
            files_of([tmp_path / place])
    with pytest.raises(ValueError, match="notes"):
        files_of([tmp_path / "notes.txt"])
    save(tmp_path / "r.jsonl", {"1": ["a"]})
    save(tmp_path / "empty/r.jsonl", {"1": ["a"]})
    with pytest.raises(ValueError, match="both be called 'r'"):
        files_of([tmp_path / "r.jsonl", tmp_path / "empty"])
    with pytest.raises(FileNotFoundError, match="against"):
        Decontaminate().prepare()


@pytest.mark.parametrize("options", [{"ngram": 0}, {"ngram": 65}, {"shortest": 0}, {"fields": ()}])
def test_senseless_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Decontaminate(**options)
