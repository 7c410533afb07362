"""Fixtures: an S3 store in a process of its own, a web server that misbehaves."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hostile_server import Hostile, serving

from tamis.pipeline.storage import location as storage

MOTO = """
import sys
import tempfile
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def s3_port() -> Iterator[str]:
    """The port of an S3 store that ends with the tests, however commands on it end."""
    arguments = [sys.executable, "-c", MOTO]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        arguments, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A TMPDIR of the test's own, with a short name: the fork server's socket lies there."""
    with tempfile.TemporaryDirectory(prefix="t-") as directory:
        monkeypatch.setenv("TMPDIR", directory)
        monkeypatch.setattr("tempfile.tempdir", None)
        yield directory


@pytest.fixture
def s3(s3_port: str, scratch: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the store, which this process and its children reach; buckets `in` and `out`."""
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TAMIS_PAUSE": "0.05",
        "TAMIS_TRIES": "3",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    storage._filesystem.cache_clear()
    client = boto3.client("s3")
    for bucket in ("bucket-in", "bucket-out"):
        client.create_bucket(Bucket=bucket)
    yield client
    for bucket in ("bucket-in", "bucket-out"):
        for found in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=found["Key"])
    client.close()
    storage._filesystem.cache_clear()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """A web server, and little patience with it."""
    monkeypatch.setenv("TAMIS_PAUSE", "0.02")
    monkeypatch.setenv("TAMIS_LONGEST_PAUSE", "0.1")
    monkeypatch.setenv("TAMIS_TRIES", "3")
    monkeypatch.setenv("TAMIS_TIMEOUT", "0.6")
    with serving() as server:
        yield server
