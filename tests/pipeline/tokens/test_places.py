"""Where tokens are made, and where from: servers, full disks."""

from __future__ import annotations

import errno
import functools
import shutil
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from inprocess import sift
from kept import kept_corpus
from support import digests

from tamis.pipeline.corpus import Corpus
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.guard import Guard
from tamis.pipeline.recipe import load
from tamis.pipeline.tokens.encode import Settings
from tamis.pipeline.tokens.jobs import token_jobs
from tamis.pipeline.tokens.shuffle import Sorter


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `corpus`, its own vocabulary, and `tokens` of it."""
    root = tmp_path_factory.mktemp("kept")
    kept_corpus(root, 200)
    shutil.copytree(root / "v", root / "corpus/assets/vocabulary")
    sift(root, "tokenize", "corpus", "-o", "tokens", "--shard-tokens", "2k")
    return root


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Nothing."""


def test_a_corpus_that_is_served_by_http(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the vocabulary that lies there; where there is none, nothing can be learnt there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shutil.copytree(place / "corpus", tmp_path / "served")
    handler = functools.partial(_Quiet, directory=str(tmp_path / "served"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        sift(place, "tokenize", url, "-o", tmp_path / "t", "--shard-tokens", "2k")
        shutil.rmtree(tmp_path / "served/assets")
        with pytest.raises(CallError, match="has no vocabulary yet: name one with --vocabulary"):
            sift(place, "tokenize", url, "-o", tmp_path / "u")
    finally:
        server.shutdown()
        server.server_close()
    assert digests(tmp_path / "t") == digests(place / "tokens")
    assert digests(tmp_path / "served") == {
        name: sha for name, sha in digests(place / "corpus").items() if "assets" not in name
    }


def test_a_full_disk_is_said(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is half written, and the same command goes on when there is room."""
    asked = ("tokenize", "corpus", "-o", tmp_path / "t", "--shard-tokens", "2k")
    full = OSError(errno.ENOSPC, "No space left on device")

    def write(*_: Any) -> None:
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(Sorter, "write", write)
        with pytest.raises(WorkError, match="the disk is full: free some space and run the same"):
            sift(place, *asked)
    assert not list(tmp_path.rglob("*.tmp")) and not list(tmp_path.rglob("tokens.json"))
    sift(place, *asked)
    assert digests(tmp_path / "t") == digests(place / "tokens")


def test_tasks_are_as_many_as_can_be_known_before(place: Path, tmp_path: Path) -> None:
    """A cluster's array is submitted before anything is encoded: what is beyond it is not done."""
    root, recipe = place / "corpus", load(str(place / "corpus/recipe.toml"))
    encode, gather = token_jobs(root, recipe, tmp_path / "t", Settings(shard_tokens=400), None)

    class Here:
        """Runs a phase, task by task, as a cluster does: each asks for its own."""

        def run(self, phase: Any, quiet: bool = False) -> None:
            assert quiet

    for job in (encode, gather):
        job.prepare(Here())
        for rank in range(job.bound()):
            phase: Any = job.phase()
            if rank < len(phase.tasks):
                for unit in phase.tasks[rank]:
                    phase.work(unit, Guard())
        phase = job.phase()
        assert all(phase.done(unit) for units in phase.tasks for unit in units)
        answer = job.settle(Here())
    assert len(phase.tasks) == job.bound() == len(Corpus(root).shards) < len(answer["shards"])
