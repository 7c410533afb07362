"""`tamis score`: one report of one model, the same for the same files, and errors as words."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support import prose

from tamis.model.errors import ModelError
from tamis.model.export import export
from tamis.model.llama import Llama
from tamis.model.score.run import Asked, score
from tamis.model.score.tasks import TASKS
from tamis.tokenize.vocabulary import Vocabulary

Tamis = Callable[..., Any]
PAIRS = [{"sentence_good": f"We say {n}.", "sentence_bad": f"Say {n} we."} for n in range(12)]


@pytest.fixture
def place(tmp_path: Path, model: Llama, vocabulary: Vocabulary) -> Path:
    """A run with a model, held-out files and tasks."""
    write(tmp_path / "run" / "run.json", [{}])
    export(Llama(model.shape).init(0), vocabulary, tmp_path / "run" / "model")
    for name, seed in (("news", 1), ("books", 2)):
        rows = [
            {"text": text, "id": f"{name}{n}", "source": "ab"[n % 2], "group": n % 25}
            for n, text in enumerate([*prose(seed, 30), ""])
        ]
        write(tmp_path / "heldout" / f"{name}.jsonl", rows)
    write(tmp_path / "tasks" / "blimp.jsonl", PAIRS)
    write(tmp_path / "tasks" / "lambada_openai.jsonl", [{"text": one} for one in prose(3, 5)])
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_report(here: Tamis, place: Path) -> None:
    """What a verdict is made of has to say of which model, files and settings it is."""
    call = ("score", "run", "--heldout", "heldout", "--tasks", "tasks", "--stride", 8)
    done = here(*call, "-o", "scores.json", "--documents", "rows.parquet")
    assert "books" in done.stdout and "mean of domains" in done.stdout and "blimp" in done.stdout
    assert "tokens" in done.stderr
    report = json.loads((place / "scores.json").read_bytes())
    assert report["settings"]["context"] == 48 and report["settings"]["dtype"] == "float32"
    bits = report["bits_per_byte"]
    assert list(bits["domains"]) == ["books", "news"] and bits["metric"] == "bpb/1"
    news = bits["domains"]["news"]
    assert (news["documents"], news["empty"], news["groups"]) == (30, 1, 25)
    assert news["bits"]["low"] < news["bits"]["value"] < news["bits"]["high"]
    rows = pq.read_table(place / "rows.parquet").to_pylist()
    mine = [row for row in rows if row["domain"] == "news"]
    total = sum(row["nats"] for row in mine) / math.log(2) / sum(row["bytes"] for row in mine)
    assert news["bits"]["value"] == pytest.approx(total) and len(rows) == 62
    assert report["tasks"]["blimp"]["items"] == 12
    assert set(report["tasks"]["lambada"]["figures"]) == {"accuracy", "bits"}
    data = (place / "heldout" / "news.jsonl").read_bytes()
    assert report["files"]["news.jsonl"] == hashlib.sha256(data).hexdigest()
    data = (place / "run" / "model" / "model.safetensors").read_bytes()
    assert report["model"]["weights"] == [hashlib.sha256(data).hexdigest()]
    assert str(place) not in json.dumps(report)
    again = here(*call, "--batch-tokens", 100, "--json")
    assert close(json.loads(again.stdout), report)
    assert not list(place.glob(".draft*"))


def close(one: Any, other: Any) -> bool:
    """The same, figures to 1e-5 of theirs."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    return one == (pytest.approx(other, rel=1e-5) if isinstance(one, float) else other)


def test_domains_by_source_and_bf16(here: Tamis, place: Path) -> None:
    """A file may hold several domains; bfloat16 is within its three digits."""
    call = ("score", "run/model", "--heldout", "heldout/news.jsonl", "--json", "--by", "source")
    fine = json.loads(here(*call).stdout)["bits_per_byte"]["domains"]
    coarse = json.loads(here(*call, "--dtype", "bf16").stdout)["bits_per_byte"]["domains"]
    assert list(fine) == list(coarse) == ["a", "b"]
    for name in fine:
        value = fine[name]["bits"]["value"]
        assert coarse[name]["bits"]["value"] == pytest.approx(value, rel=1e-2)
        assert coarse[name]["bits"]["value"] != value
    rows = here(*call, "--documents", "rows.jsonl") and (place / "rows.jsonl").read_text()
    assert len(str(rows).splitlines()) == 31


def test_its_page(here: Tamis, place: Path) -> None:
    """docs/score.md: its commands run, and its table has every task."""
    page = (Path(__file__).parents[3] / "docs/score.md").read_text(encoding="utf-8")
    (place / "run" / "model").rename(place / "model")
    for line in page.partition("```sh\n")[2].partition("```")[0].splitlines():
        done = here(*shlex.split(line)[1:])
        assert done.stdout
    assert all(f"\n| `{name}`" in page for name in TASKS)
    assert (place / "scores.json").exists() and (place / "documents.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to score"),
        (("--heldout", "gone"), "gone does not exist"),
        (("--heldout", "gone", "-o", "gone/scores.json"), "gone/scores.json cannot be written"),
        (("--heldout", "gone", "--documents", "run"), "run cannot be written"),
        (("--heldout", "heldout/news.jsonl", "--by", "file", "--context", 49), "the 48 of the"),
        (("--heldout", "empty.jsonl"), "no document with a byte of text"),
        (("--heldout", "broken.jsonl"), r"broken.jsonl:2: cannot be read"),
        (("--heldout", "broken.jsonl", "--device", "cuda:99"), "no such device"),
        (("--heldout", "broken.jsonl", "--device", "x"), "write cpu, cuda"),
        (("--tasks", "tasks", "--only", "piqa"), "no files of a task 'piqa'"),
        (("--tasks", "none/blimp.jsonl"), "no items of 'blimp'"),
    ],
)
def test_wrong_calls(here: Tamis, place: Path, arguments: tuple[Any, ...], said: str) -> None:
    """Exit code 2 and a sentence."""
    write(place / "empty.jsonl", [{"text": ""}])
    write(place / "none" / "blimp.jsonl", [])
    (place / "broken.jsonl").write_text('{"text": "a"}\n{\n')
    done = here("score", "run", *arguments, expect=2)
    assert said in done.stderr and "Traceback" not in done.stderr


def test_another_vocabulary(model: Llama, vocabulary: Vocabulary, place: Path) -> None:
    """Its tokens would be scored as others: figures without meaning."""
    bigger = Llama(type(model.shape)(**{**vars(model.shape), "vocabulary": 401})).init(0)
    with pytest.raises(ModelError, match="400 tokens, and the model 401"):
        score(bigger, vocabulary, Asked(heldout=[place / "heldout"]))
    shutil.rmtree(place / "heldout")
    with pytest.raises(ModelError, match="does not exist"):
        score(model, vocabulary, Asked(heldout=[place / "heldout"]))
