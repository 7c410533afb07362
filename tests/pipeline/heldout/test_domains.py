"""Domains: what is drawn, what is left out, how it is written, and what is said."""

import hashlib
import json
import random
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import tomli_w
from hypothesis import given as given_any
from hypothesis import strategies as st

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError
from tamis.pipeline.heldout.boilerplate import boilerplate, phrases
from tamis.pipeline.heldout.documents import domain_of
from tamis.pipeline.heldout.domains import beginning, domains
from tamis.pipeline.heldout.drawing import Limits
from tamis.pipeline.heldout.make import make
from tamis.pipeline.heldout.seen import Seen, seen_by
from tamis.pipeline.recipe import load

SMALL = Limits(10, 2_000, 6_000, 100, 1_000)


def prose(seed: object, words: int) -> str:
    draw = random.Random(str(seed))
    return " ".join(f"w{draw.randrange(10_000)}" for _ in range(words))


def save(path: Path, items: list[dict[str, object]]) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def items(name: str, number: int, groups: int, words: int = 40) -> list[dict[str, object]]:
    return [
        {"id": f"{name}-{k}", "text": prose((name, k), words), "group": f"g{k % groups}"}
        for k in range(number)
    ]


def written(out: Path, name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (out / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture
def given(tmp_path: Path) -> Path:
    save(tmp_path / "given/news.jsonl", items("news", 200, 40))
    save(tmp_path / "given/books.jsonl", items("books", 60, 60))
    save(tmp_path / "given/few.jsonl", items("few", 9, 9))
    return tmp_path / "given"


def test_files_are_domains(tmp_path, given):
    said: list[str] = []
    seen = Seen(frozenset(["wiki"]))
    facts = domains([given], None, tmp_path / "heldout", seen=seen, limits=SMALL, say=said.append)
    assert [one.name for one in facts] == ["books", "news"]
    assert ["'few' is no domain: 9 documents" in line for line in said] == [True, False]
    assert "no slice" in said[1]
    for one in facts:
        rows = written(tmp_path / "heldout", one.name)
        data = (tmp_path / one.file).read_bytes()
        assert asdict(one) == {
            "name": one.name,
            "file": f"heldout/{one.name}.jsonl",
            "sha256": hashlib.sha256(data).hexdigest(),
            "documents": len(rows),
            "bytes": sum(len(row["text"]) for row in rows),
            "groups": len({row["group"] for row in rows}),
            "role": "target",
            "seen": False,
        }
        assert SMALL.most_bytes <= one.bytes < SMALL.most_bytes + SMALL.longest
        assert one.groups >= 10
        assert set(rows[0]) == {"id", "text", "group"}


def test_the_draw_is_the_seeds(tmp_path, given):
    def drawn(seed: int) -> list[str]:
        return [f.sha256 for f in domains([given], None, tmp_path / "o", limits=SMALL, seed=seed)]

    assert drawn(0) == drawn(0) != drawn(1)


def test_large_groups_do_not_drown_the_others(tmp_path):
    many = [one | {"group": "large"} for one in items("a", 100, 1)] + items("b", 100, 25)
    save(tmp_path / "d.jsonl", many)
    for seed in range(12):  # whichever group is first
        domains([tmp_path / "d.jsonl"], None, tmp_path / "o", limits=SMALL, seed=seed)
        rows = written(tmp_path / "o", "d")
        large = sum(len(row["text"]) for row in rows if row["group"] == "large")
        assert large <= SMALL.most_bytes / 10
    save(tmp_path / "d.jsonl", many[:100])
    assert domains([tmp_path / "d.jsonl"], None, tmp_path / "o", limits=SMALL)[0].groups == 1


def test_a_large_group_helps_out_where_documents_are_few(tmp_path):
    """Enough bytes without it, but not enough documents."""
    some = items("a", 20, 20, 120) + [one | {"group": "large"} for one in items("b", 20, 1, 20)]
    save(tmp_path / "d.jsonl", some)
    limits = Limits(30, 2_000, 9_000, 100, 1_000)
    (facts,) = domains([tmp_path / "d.jsonl"], None, tmp_path / "o", limits=limits)
    assert facts.documents >= 30


def test_copies_and_short_texts_leave_and_long_ones_are_cut(tmp_path):
    some = items("a", 30, 30)
    copies = [
        {"id": f"copy-{k}", "text": str(one["text"]).upper().replace(" ", " -\n"), "group": f"c{k}"}
        for k, one in enumerate(some[:15])
    ]
    unfit = [{"id": f"unfit-{n}", "text": prose(n, n)} for n in (2, 3)]
    unfit += [{"id": f"long-{n}", "text": prose(n, n)} for n in (400, 500)]
    save(tmp_path / "d.jsonl", some + copies + unfit)
    limits = Limits(10, 2_000, 100_000, 100, 1_000)
    (facts,) = domains([tmp_path / "d.jsonl"], None, tmp_path / "o", limits=limits)
    rows = written(tmp_path / "o", "d")
    kept = [row["id"].split("-") for row in rows]
    assert facts.documents == 32
    assert {number for kind, number in kept if kind != "long"} == {str(n) for n in range(30)}
    assert {kind for kind, _ in kept} == {"a", "copy", "long"}
    assert all(100 <= len(row["text"]) <= 1_000 for row in rows)


@given_any(st.text(st.sampled_from("ab \né語😀"), max_size=60), st.integers(1, 80))
def test_a_beginning_ends_where_a_line_or_a_word_does(text, most):
    """Never in the middle of a letter."""
    size = [len(text[:place].encode()) for place in range(len(text) + 1)]
    fits = [place for place in range(len(text)) if size[place + 1] <= most]
    late = [place for place in fits if size[place] >= most // 2]
    lines, words = ([place for place in late if text[place] == end] for end in "\n ")
    last = max(lines or words or fits, default=-1)
    assert beginning(text, most) == (text if size[-1] <= most else text[: last + 1])


def test_what_is_to_be_avoided_is_replaced(tmp_path, given):
    first = domains([given], None, tmp_path / "o", limits=SMALL)
    before = {row["id"] for row in written(tmp_path / "o", "news")}
    gone = sorted(before)[:10]
    again = domains(
        [given], None, tmp_path / "o", limits=SMALL, avoid={f"news:{name}" for name in gone}
    )
    after = {row["id"] for row in written(tmp_path / "o", "news")}
    assert not after & set(gone)
    assert len(after) == len(before)
    assert first[0].sha256 == again[0].sha256


def test_a_domain_that_is_one_no_longer_leaves_no_file(tmp_path, given):
    domains([given], None, tmp_path / "o", limits=SMALL)
    domains([given / "books.jsonl"], None, tmp_path / "o", limits=SMALL)
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["books.jsonl"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.jsonl", "", "is empty"),
        ("d.jsonl", '{"text": 3}', "no string in 'text'"),
        ("d.jsonl", '{"body": "a"}', "it has: body"),
        ("d.jsonl", "{", "not JSON"),
        ("pool.jsonl", '{"text": "a"}', "cannot be called 'pool'"),
        ("d.txt", "text", "none of .jsonl"),
        ("d.jsonl", '{"text": "short"}', "nothing to score models on"),
    ],
)
def test_unfit_files_are_refused(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(CallError, match=said):
        domains([tmp_path / name], None, tmp_path / "o")


def test_domains_of_installed_documents_are_by_their_nature():
    man = "installed:system/man/"
    assert domain_of("man", f"{man}man1/ls.1.gz") == "commands"
    assert domain_of("man", f"{man}man8/mount.8.gz") == "commands"
    assert domain_of("man", f"{man}man3/printf.3.gz") == "functions"
    assert domain_of("man", f"{man}man5/fstab.5.gz") == "formats"
    assert domain_of("man", f"{man}de/man1/ls.1.gz") == ""
    assert domain_of("docstrings", "installed:numpy/numpy/core.py") == "docstrings"
    assert domain_of("description", "installed:numpy/METADATA") == "readmes"
    for source in ("licence", "changelog", "catalogue", None):
        assert domain_of(source, "installed:x/y") == ""


INGEST = """
[ingest]
set_aside = { heldout = 0.3 }
source_key = "source"
"""


@pytest.fixture
def corpus(tmp_path: Path, here) -> Corpus:
    """Two sources in small packages: a notice in many documents, which is half of some."""
    notice = prose("notice", 30)
    rows: list[dict[str, object]] = []
    for k in range(400):
        text = prose(k, 300 if k % 8 else 20) + (f" {notice}" if k % 4 == 0 else "")
        rows.append({"id": str(k), "text": text, "package": f"p{k % 79}", "source": "ab"[k % 2]})
    copy = [{"id": f"c{k}", "text": rows[k]["text"], "package": f"q{k}"} for k in range(1, 400, 8)]
    save(tmp_path / "in.jsonl", rows + copy)
    (tmp_path / "r.toml").write_text(INGEST)
    here("ingest", "in.jsonl", "-o", "c", "--recipe", "r.toml")
    return Corpus.open(tmp_path / "c")


SET_ASIDE = Limits(10, 5_000, 20_000, 100, 3_000)


def test_what_was_set_aside(tmp_path, corpus, here):
    """Domains by source and a slice of the pool; boilerplate leaves; the pool is cleaned of it."""
    out, said = tmp_path / "held", list[str]()
    with pytest.raises(CallError, match=r"sources set aside: a, b(, none)?\): set more aside"):
        domains([], corpus, out, limits=SET_ASIDE)
    seen = Seen(frozenset("b"))
    domains([], corpus, out, sources=["a", "b"], limits=SET_ASIDE)
    noticed = boilerplate(out, phrases(corpus, out))
    assert noticed
    assert all(int(name.partition(":")[2]) % 8 == 0 for name in noticed)
    held = make([], corpus, out, sources=["a", "b"], limits=SET_ASIDE, seen=seen, say=said.append)
    assert [(one.name, one.role, one.seen) for one in held.domains] == [
        ("a", "target", False),
        ("b", "target", True),
        ("pool", "pool", True),
    ]
    assert held.boilerplate >= len(noticed)
    assert (held.phrases, said) == (18, [])
    left = {one.name: {row["id"] for row in written(out, one.name)} for one in held.domains}
    every = [name for names in left.values() for name in names]
    assert len(every) == len(set(every)) == sum(one.documents for one in held.domains)
    assert all(name.startswith("c") or int(name) % 8 for name in every)
    (tmp_path / "d.toml").write_text(tomli_w.dumps({"stage": [held.stage]}))
    here("decontaminate", "c", "--recipe", "d.toml")
    shard = pq.read_table(corpus.signals("decontaminate", "00000")).to_pylist()
    ids = pq.read_table(corpus.documents("00000"), columns=["id"]).column("id").to_pylist()
    named = {name: row["decontaminate_by"] for name, row in zip(ids, shard, strict=True)}
    copied = {name: by for name, by in named.items() if by}
    assert copied
    for name, by in copied.items():
        assert {one.partition(":")[2].lstrip("c") for one in by} == {name.lstrip("c")}


def test_there_is_no_slice_where_nothing_was_set_aside(tmp_path, given, here):
    here("ingest", "given/news.jsonl", "-o", "c")
    facts = domains([given], Corpus.open(tmp_path / "c"), tmp_path / "o", limits=SMALL)
    assert [one.name for one in facts] == ["books", "news"]
    with pytest.raises(CallError, match="none was set aside"):
        domains([], Corpus.open(tmp_path / "c"), tmp_path / "o")


def test_the_command_says_what_is_wrong(tmp_path, corpus, here):
    (tmp_path / "d.toml").write_text('[[stage]]\nkind = "decontaminate"\n')

    def run(against: str, expect: int) -> str:
        change = f"decontaminate.against=[{against}]"
        options = ("--recipe", "d.toml", "--set", change)
        return str(here("decontaminate", "c", *options, expect=expect).stderr)

    assert "nothing to compare with" in run("", 2)
    assert "gone.jsonl" in run('"gone.jsonl"', 2)
    (tmp_path / "set.jsonl").write_text("{")
    assert "set.jsonl, line 1 is not JSON" in run('"set.jsonl"', 1)
    save(tmp_path / "set.jsonl", [{"id": 1, "text": prose(1, 300)}])
    run('"set.jsonl"', 0)


def test_sources_of_trained_models_are_seen():
    assert seen_by(load("quickstart")).sources >= {"docstrings", "docs"}
    assert seen_by(load("gopher")) == Seen()
    assert Seen(everything=True).any_of([None])
    assert not Seen().any_of(["a", None])
