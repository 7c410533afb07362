"""Corpora on an object store: the same bytes as on a disk, killed or not; one writer at a time."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import orjson
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from support import PERPLEXITY, WITH_MODELS, command, digests, record

from tamis.pipeline import files, lock
from tamis.pipeline.errors import Busy, CallError, WorkError
from tamis.pipeline.storage import lease as storage_lease
from tamis.pipeline.storage.location import Remote, location

OUT = "bucket-out"


def objects(s3: Any, prefix: str) -> dict[str, str]:
    """The SHA-256 of what `support.digests` looks at in a local corpus."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=OUT, Prefix=f"{prefix}/")
    keys = [one["Key"].removeprefix(f"{prefix}/") for page in pages for one in page["Contents"]]
    return {
        key: hashlib.sha256(
            s3.get_object(Bucket=OUT, Key=f"{prefix}/{key}")["Body"].read()
        ).hexdigest()
        for key in keys
        if key.split("/")[0] not in ("logs", "records")
    }


@pytest.fixture
def pages(s3: Any) -> str:
    """A few hundred documents as objects, some of them unreadable, in some five shards."""
    draw = random.Random(3)
    rows = [json.dumps(record(draw, number)).encode() + b"\n" for number in range(900)]
    files = {
        "more.jsonl": b"".join(rows[:500]),
        "web.jsonl.gz": gzip.compress(b'{"text": broken\n'.join(rows[500:])),
        "deep/cut.jsonl.gz": gzip.compress(b"".join(rows[:300]))[:9000],
        "picture.png": b"PNG",
    }
    for name, data in files.items():
        s3.put_object(Bucket="bucket-in", Key=f"pages/{name}", Body=data)
    return "s3://bucket-in/pages/"


@pytest.fixture
def laws(tmp_path: Path) -> str:
    """The recipe of the laws with small shards, and enough set aside to train a model."""
    own = WITH_MODELS.replace("1500000", "600000").replace("reference = 0.1", "reference = 0.45")
    own = own.replace('[[stage]]\nkind = "noop"\n', "")  # as many requests as any other
    (tmp_path / "laws.toml").write_text(own)
    return "laws.toml"


@pytest.mark.slow  # three runs, two of them on a store of some 300 requests a second
def test_the_same_bytes_as_on_a_disk(
    s3: Any, pages: str, laws: str, tmp_path: Path, tamis: Any, here: Any, scratch: str
) -> None:
    """Law 2 and law 3 on a store: killed in the middle, a run ends with a local corpus's bytes."""
    arguments = command("run", laws, pages, "-o", f"s3://{OUT}/c", "--workers", 2)
    with subprocess.Popen(
        arguments, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _wait_for(s3, "c/records/ingest/00001.json", process)
        process.send_signal(signal.SIGKILL)
    assert "c/.lock" in _keys(s3) and "c/corpus.json" not in _keys(s3)
    tamis(*arguments[3:])
    here("run", laws, pages, "-o", "local")
    assert objects(s3, "c") == digests(tmp_path / "local")
    assert "c/assets/perplexity/en/lm.bin" in _keys(s3)
    assert not [key for key in _keys(s3) if ".lock" in key or ".tmp" in key]
    assert not list(Path(scratch).rglob("*.tmp"))
    assert "c/logs/ingest/timing.json" in _keys(s3)


def _keys(s3: Any) -> set[str]:
    return {one["Key"] for one in s3.list_objects_v2(Bucket=OUT).get("Contents", [])}


def _wait_for(s3: Any, key: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while key not in _keys(s3):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow  # thirteen commands on such a store
def test_every_command_on_a_store(
    s3: Any, pages: str, laws: str, tmp_path: Path, tamis: Any, here: Any
) -> None:
    """What works on a directory works on a URL, in both directions."""
    few = (tmp_path / laws).read_text().replace(PERPLEXITY, "")
    (tmp_path / laws).write_text(few)
    corpus, inputs = f"s3://{OUT}/corpus", "s3://bucket-in/**/*.jsonl"
    tamis("ingest", inputs, "-o", corpus, "--recipe", laws, "--workers", 2)
    here("language", corpus, "--recipe", laws, "--workers", 2)
    assert "never measured" in here("status", corpus).stdout
    here("write", corpus, "--workers", 2)
    (found,) = json.loads(here("why", corpus, "00000:1", "--json").stdout)
    assert found["input"] == "pages/more.jsonl"
    here("write", corpus, "-o", "kept", "--workers", 2)
    whole = objects(s3, "corpus")
    assert digests(tmp_path / "kept")["00000.parquet"] == whole["cleaned/00000.parquet"]
    other = f"s3://{OUT}/other"
    here("write", corpus, "-o", other, "--without", "language.wanted", "--workers", 2)
    assert objects(s3, "other").keys() == digests(tmp_path / "kept").keys()
    assert objects(s3, "corpus") == whole, "an arm left something behind"
    here("apply", "language", "s3://bucket-in/pages/more.jsonl", "-o", f"s3://{OUT}/applied")
    here("apply", "language", "s3://bucket-in/pages/more.jsonl", "-o", "applied")
    assert objects(s3, "applied") == digests(tmp_path / "applied")
    assert "nothing to do" in here("ingest", inputs, "-o", corpus, "--recipe", laws).stderr
    s3.put_object(Bucket="bucket-in", Key="pages/more.jsonl", Body=b'{"text": "other"}\n')
    again = here("ingest", inputs, "-o", corpus, "--recipe", laws, expect=2)
    assert "more.jsonl changed" in again.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "no credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "tried 3 times: check the network"),
        ({"AWS_PROFILE": "nobody"}, "no credentials"),
    ],
)
def test_a_store_that_does_not_let_in(
    change: dict[str, str], said: str, s3: Any, tmp_path: Path, monkeypatch: Any, tamis: Any
) -> None:
    """Said once, before any work, with what to set."""
    for name, value in {**change, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    if not change.get("AWS_ACCESS_KEY_ID", "x"):
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
    code = 1 if "network" in said else 2
    done = tamis("run", "quickstart", "in.jsonl", "-o", f"s3://{OUT}/c", expect=code)
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert "network" in said or "AWS_ACCESS_KEY_ID" in done.stderr


def test_places_that_are_not_there(s3: Any, tmp_path: Path, here: Any) -> None:
    """A bucket, a package, a protocol: each with what to do."""
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
    for target, said in {
        "s3://no-such-bucket/c": "there is no such bucket",
        "s4://bucket/c": "did you mean 's3'?",
        "gs://bucket/c": "pip install gcsfs",
        "http://127.0.0.1:9/c": "HTTP is for reading only",
    }.items():
        assert said in here("ingest", "in.jsonl", "-o", target, expect=2).stderr


def test_a_file_appears_whole_or_not_at_all(s3: Any) -> None:
    """A file that is half there would be read by whoever trusts its name."""
    place = Remote(f"s3://{OUT}/big.bin")
    with pytest.raises(RuntimeError), files.atomic(place) as draft:
        draft.path.write_bytes(b"half")
        raise RuntimeError
    assert not place.exists() and not draft.path.exists()
    data = os.urandom(1 << 20) * 110  # 110 MB: in several parts
    with files.atomic(place) as draft:
        draft.path.write_bytes(data)
    assert draft.facts == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert place.read(100 << 20, None) == data[100 << 20 :]
    assert s3.head_object(Bucket=OUT, Key="big.bin")["ETag"].endswith('-3"')
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=OUT)


@pytest.mark.parametrize("owner", ["here", "elsewhere"])
def test_one_writer_at_a_time(owner: str, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writers in one corpus corrupt it in silence; a dead one must not block it for ever."""
    place, lease = Remote(f"s3://{OUT}/c"), Remote(f"s3://{OUT}/c/.lock")
    with lock.lease(place):
        assert orjson.loads(lease.read_bytes())["pid"] == os.getpid()
        with pytest.raises(Busy, match=f"process {os.getpid()} on"), lock.lease(place):
            pass
    assert _keys(s3) == set()
    dead = lock._holder() | {"host": owner if owner == "elsewhere" else lock.socket.gethostname()}
    lease.write_bytes(orjson.dumps(dead | {"started": "0"}))
    if owner == "elsewhere":
        with pytest.raises(Busy, match="on elsewhere"), lock.lease(place):
            pass
        monkeypatch.setattr(storage_lease, "EXPIRE_SECONDS", 0.0)
    with lock.lease(place):
        pass
    assert _keys(s3) == set()


def test_a_lease_that_was_lost_is_an_error(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a night's suspend another command may have gone on with the corpus."""
    monkeypatch.setattr(storage_lease, "RENEW_SECONDS", 0.05)
    place, lease = Remote(f"s3://{OUT}/c"), Remote(f"s3://{OUT}/c/.lock")
    with pytest.raises(WorkError, match="another command took the corpus"), lock.lease(place):
        end, before = time.monotonic() + 20, lease.written()
        while lease.written() == before:  # a clock of whole seconds
            assert time.monotonic() < end, "it is not renewed"
            time.sleep(0.05)
        while any(thread.name.endswith("(_renew)") for thread in threading.enumerate()):
            # Again and again: a renewal may fall between its own look and its writing.
            lease.write_bytes(orjson.dumps({"token": "theirs"}))
            assert time.monotonic() < end, "it is not noticed"
            time.sleep(0.05)
    assert orjson.loads(lease.read_bytes()) == {"token": "theirs"}


class Careless(MemoryFileSystem):
    """A store that knows no exclusive PUT: every one is taken."""

    protocol = "careless"
    store: dict[str, Any] = {}  # noqa: RUF012 - as its parent has it
    pseudo_dirs = [""]  # noqa: RUF012

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        super().pipe_file(path, value)


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    fsspec.register_implementation("careless", Careless, clobber=True)
    monkeypatch.setattr(storage_lease, "SETTLE_SECONDS", 0.05)
    yield Remote("careless://bucket/c")
    Careless.store.clear()


def test_a_store_without_exclusive_puts(careless: Remote) -> None:
    """There the lease is what is still ours after a while: the last to write it has it."""
    with lock.lease(careless):
        assert (careless / ".lock").exists()
    (careless / ".lock").write_bytes(orjson.dumps(lock._holder()))
    assert not storage_lease._settled(careless / ".lock", lock._holder())


def test_names() -> None:
    """What is no URL is a path, and stays one."""
    assert location("a/b") == Path("a/b")
    assert location("file:///a%20b/c") == Path("/a b/c")
    remote = location("https://ann:pw@host:1/a/b/?q=1")
    assert str(remote / "c") == str(remote) + "" or "pw" not in str(remote)
    assert repr(Remote("ftp://ann:pw@host/a")) == "Remote('ftp://host/a')"
    assert Remote("s3://b/a/c").with_name("d") == Remote("s3://b/a") / "d"
    with pytest.raises(CallError, match="unknown protocol 's4'"):
        location("s4://bucket")
