"""Datasets by hf://, read by the libraries that users have, from a Hub on loopback."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_hub import Hub, Repository, serving
from support import command, digests

from tamis.pipeline.errors import CallError
from tamis.pipeline.ingest.hub import Dataset, list_dataset, load_datasets, parse, pinned
from tamis.pipeline.ingest.inputs import Input
from tamis.pipeline.ingest.plan import plan

CARD = """---
configs:
- config_name: en
  data_files: [{split: train, path: en/train-*.parquet}, {split: test, path: en/test.parquet}]
- config_name: de
  data_files: de/*.parquet
---
"""


def parquet(**table: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(table), file, row_group_size=3)
    return file.getvalue()


def jsonl(*records: dict[str, Any]) -> bytes:
    return gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode())


@dataclass
class World:
    """A Hub, a machine that knows no other host, and a directory."""

    hub: Hub
    root: Path
    environment: dict[str, str]

    def put(self, name: str, files: dict[str, bytes], **given: Any) -> Repository:
        self.hub.repositories[name] = found = Repository(**given)
        found.commit(files)
        return found

    def run(self, *arguments: object, expect: int = 0, **environment: str) -> str:
        """Standard error, or standard output of a script, of a command."""
        line = command(*arguments) if arguments[0] == "ingest" else [sys.executable, *arguments]
        done = subprocess.run(
            [str(one) for one in line],
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == expect, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr if arguments[0] == "ingest" else done.stdout

    def rows(self, corpus: str, place: str = "documents") -> list[dict[str, Any]]:
        files = sorted((self.root / corpus / place).glob("*.parquet"))
        return [row for path in files for row in pq.read_table(path).to_pylist()]

    def texts(self, corpus: str) -> list[str]:
        return [row["text"] for row in self.rows(corpus)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Fails a test in which anything but the Hub was asked: whatever is goes through a proxy."""
    asked: list[bytes] = []
    with serving() as hub, socket.create_server(("127.0.0.1", 0)) as proxy:

        def refuse() -> None:
            while True:
                try:
                    connection, _ = proxy.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(1000))

        threading.Thread(target=refuse, daemon=True).start()
        elsewhere = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")} | {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "hf"),
            "HTTP_PROXY": elsewhere,
            "HTTPS_PROXY": elsewhere,
            "ALL_PROXY": elsewhere,
            "NO_PROXY": "127.0.0.1",
        }
        yield World(hub, tmp_path, environment)
        proxy.shutdown(socket.SHUT_RDWR)
    assert asked == []


def english() -> dict[str, bytes]:
    files = {"README.md": CARD.encode(), "en/test.parquet": parquet(text=["no"], n=[0])}
    for number in range(3):
        texts = [f"file {number}, row {row}" if row != 2 else None for row in range(4)] + ["same"]
        files[f"en/train-{number}.parquet"] = parquet(
            text=texts, n=list(range(5)), url=[f"http://a.example/{row}" for row in range(5)]
        )
    return files | {"de/one.parquet": parquet(text=["eins"])}


def test_a_split_is_read_whole_at_the_commit_it_was_planned_at(world: World) -> None:
    """Rows lost or twice, or another corpus when the branch moved or the workers were others."""
    repository = world.put("user/name", english())
    commit = repository.branches["main"]
    size = sum(len(data) for name, data in english().items() if "train" in name)
    url, cut = "hf://user/name/en:train", ("--shard-bytes", size)
    stopped = world.run("ingest", url, *cut, "-o", "one", "--strict", "--workers", 1, expect=1)
    assert "en/train-0.parquet, row 2: no_text" in stopped
    moved = english() | {"en/train-0.parquet": parquet(text=["moved"], n=[1], url=["x"])}
    repository.commit(moved)
    world.run("ingest", url, *cut, "-o", "one", "--workers", 1)
    pinned_url = f"hf://datasets/user/name@{commit}/en:train"
    world.run("ingest", pinned_url, *cut, "-o", "two", "--workers", 2)

    places = [(n, row) for n in (0, 2, 1) for row in (0, 1, 3, 4)]
    expected = [f"file {n}, row {row}" if row < 4 else "same" for n, row in places]
    assert world.texts("one") == expected
    assert len({row["id"] for row in world.rows("one")}) == 12, "ids tell equal rows of files apart"
    first = world.rows("one")[1]
    assert (first["url"], json.loads(first["meta"])) == ("http://a.example/1", {"n": 1})
    assert [(e["input"], e["place"], e["reason"]) for e in world.rows("one", "errors")] == [
        ("user/name/en/train", f"en/train-{n}.parquet, row 2", "no_text") for n in (0, 2, 1)
    ]
    assert [row["place"] for row in world.rows("one", "signals/ingest")][3:6] == [
        4,
        2 << 32,
        (2 << 32) + 1,
    ]
    manifest = json.loads((world.root / "one/corpus.json").read_bytes())
    assert manifest["inputs"][0]["path"] == f"hf://user/name@{commit}/en:train"
    assert len(manifest["shards"]) == 2
    assert digests(world.root / "one") == digests(world.root / "two")

    world.hub.requests.clear()
    assert "nothing to do" in world.run("ingest", url, *cut, "-o", "one")
    assert world.hub.requests == []


def test_one_bad_file_costs_itself_alone(world: World) -> None:
    """A file that is gone or broken would take the others of its task along."""
    rows = {"text": ["x"] * 7}
    broken = bytearray(parquet(**rows))
    broken[20:40] = bytes(20)
    files = {f"data/{n}.parquet": parquet(text=[f"text {n}"]) for n in range(5)}
    files |= {"data/2.parquet": bytes(broken), "data/3.parquet": parquet(body=["y"] * 4)}
    world.put("user/bad", files)
    world.hub.failing = {"data/1.parquet": 1000, "data/4.parquet": 2}
    world.hub.failing_status["data/1.parquet"] = 404
    world.run("ingest", "hf://user/bad", "-o", "corpus", "--workers", 1)
    assert world.texts("corpus") == ["text 0", *"xxxx", "text 4"]
    errors = [(e["place"], e["reason"], e["records"]) for e in world.rows("corpus", "errors")]
    assert errors == [
        ("data/1.parquet, from row 0 on", "unreadable_file", 1),
        ("data/2.parquet, rows 0 to 2", "corrupt_file", 3),
        ("data/3.parquet, from row 0 on", "no_text", 4),
    ]


def test_pages_in_json_lines(world: World) -> None:
    """Not only Parquet, and not only texts."""
    page = "<html><title>T</title><body><p>A page of some words, all in one paragraph.</p></body>"
    records = [{"id": 5, "html": page, "k": [1]}, {"id": 6, "html": None, "k": []}]
    world.put("user/pages", {"train.jsonl.gz": jsonl(*records)})
    world.run("ingest", "hf://user/pages", "-o", "corpus", "--workers", 1)
    (row,) = world.rows("corpus")
    assert (row["id"], row["text"].strip()) == ("5", "A page of some words, all in one paragraph.")
    assert json.loads(row["meta"]) == {"k": [1], "title": "T"}
    assert [row["place"] for row in world.rows("corpus", "errors")] == ["train.jsonl.gz, row 1"]


ASK = """
import json, sys
from tamis.pipeline.errors import CallError
from tamis.pipeline.ingest.hub import list_dataset
answers = []
for url in sys.argv[1:]:
    try:
        answers.append(list_dataset(url).path)
    except CallError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


def test_what_is_not_there_is_said_with_what_is(world: World) -> None:
    """A typing error would be a traceback, or a download of the wrong half of a dataset."""
    commit = world.put("user/name", english()).branches["main"]
    world.put("user/gated", english(), gated=True)
    world.put("user/empty", {"README.md": b"nothing"})
    world.put("user/script", {"script.py": b"import os"})
    for name, path in (("file", "/etc/hostname"), ("hop", "zip://a::/etc/hostname")):
        card = f"---\nconfigs:\n- config_name: c\n  data_files: {path}\n---\n"
        world.put(f"user/{name}", {"README.md": card.encode(), "a.parquet": parquet(text=["a"])})
    (world.root / "user/nome").mkdir(parents=True)
    (world.root / "user/nome/a.jsonl").write_text('{"text": "local"}')
    wanted = {
        "hf://user/name/de": f"hf://user/name@{commit}/de:train",
        "hf://user/name@main/en:test": f"hf://user/name@{commit}/en:test",
        "hf://user/name": "which configuration? de, en",
        "hf://user/name/en": "which split? test, train",
        "hf://user/name/en:trian": "no split 'trian'; did you mean 'train'? Valid: test, train",
        "hf://user/name/fr": "no configuration 'fr'; Valid: de, en",
        "hf://user/name@mian": "no revision 'mian'; did you mean 'main'? Valid: main",
        "hf://user/nome": "no such dataset at http://127.0.0.1",
        "hf://user/gated": "or it is private or gated",
        "hf://user/empty": "user/empty",
        "hf://user/script": "Dataset scripts are no longer supported",
        "hf://user/file": "hostname",
        "hf://user/hop": "hf://user/hop: http",
    }
    answers = json.loads(world.run("-c", ASK, *wanted))
    for url, answer in zip(wanted, answers, strict=True):
        assert wanted[url] in answer, url
        assert answer.startswith("hf://"), "a path, or the URL that was wrong"
    assert all("text" not in answer for answer in answers)


def test_a_hub_that_is_out_of_reach(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    error = world.run("ingest", "hf://a/b", "-o", "c", expect=2, HF_ENDPOINT=nowhere)
    assert f"hf://a/b: {nowhere}: ConnectError" in error
    error = world.run("ingest", "hf://a/b", "-o", "c", expect=2, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in error
    assert world.hub.requests == []
    assert not (world.root / "c/corpus.json").exists()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CallError, match=r"pip install 'tamis\[hf\]'"):
        load_datasets()


@pytest.mark.parametrize(
    ("url", "dataset"),
    [
        ("hf://u/n", Dataset("u/n", None, None, None)),
        ("hf://datasets/u/n", Dataset("u/n", None, None, None)),
        ("hf://u/n:train", Dataset("u/n", None, None, "train")),
        ("hf://u/n@v1.0", Dataset("u/n", "v1.0", None, None)),
        ("hf://u/n@refs/convert/parquet/c:s", Dataset("u/n", "refs/convert/parquet", "c", "s")),
        ("hf://u/n@a%2Fb/sample-10BT:s", Dataset("u/n", "a/b", "sample-10BT", "s")),
        ("hf://u-1/n.2/20220301.en", Dataset("u-1/n.2", None, "20220301.en", None)),
    ],
)
def test_urls(url: str, dataset: Dataset) -> None:
    assert parse(url) == dataset
    assert parse(str(dataset)) == dataset


@pytest.mark.parametrize(
    "url",
    ["hf://", "hf://name", "hf://u/n/", "hf://u/n/data/a.parquet", "hf://u/n:a:b", "hf://u/n@"],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(CallError, match="a dataset is hf://user/name"):
        list_dataset(url)


def test_tasks_depend_on_the_dataset_alone() -> None:
    source = Input("u/n/c/s", "hf://u/n@1/c:s", 10_000_000, "hub", parts=7)
    assert plan([source], 100_000_000).tasks == [[0]]
    assert len(plan([source], 5_000_000).tasks) == 4
    made = plan([source], 1000)
    assert [(piece.start, piece.stop) for (piece,) in made.shards] == [(n, 7) for n in range(7)]
    assert (len(made.tasks), made.split) == (7, [])


def test_what_was_planned_stays() -> None:
    one, two = (Input(n, f"hf://u/{n}@1/c:s", 1, "hub") for n in "ab")
    text = Input("t.md", "/t.md", 1, "text")
    asked = ["hf://u/a", "t.md", "hf://u/b"]
    assert pinned(asked, [one, text, two]) == {"hf://u/a": one, "hf://u/b": two}
    assert pinned(asked, [one, text]) == {}, "whichever was named twice: it is asked again"
