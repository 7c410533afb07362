"""The corpus lock: one holder, named; free again when the holder is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from tamis.pipeline import lock
from tamis.pipeline.errors import Busy

HOLD = "import sys, time; from pathlib import Path; from tamis.pipeline import lock\n"
HOLD += "with lock.lease(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lease on tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_is_told_who_holds_it(tmp_path: Path, holder) -> None:
    """Two writers in one corpus corrupt it in silence."""
    with pytest.raises(Busy, match=rf"process {holder.pid} on "), lock.lease(tmp_path):
        pass
    assert (tmp_path / ".lock").exists()


def test_a_dead_holder_holds_nothing(tmp_path: Path, holder) -> None:
    """A killed run must not have to be cleaned up after by hand."""
    holder.kill()
    holder.wait()
    with lock.lease(tmp_path):
        assert orjson.loads((tmp_path / ".lock").read_bytes())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_a_reused_pid_is_not_the_holder(tmp_path: Path) -> None:
    """Process numbers come round again; the start time tells them apart."""
    lease = {"host": lock.socket.gethostname(), "pid": os.getpid(), "started": "0", "token": "x"}
    (tmp_path / ".lock").write_bytes(orjson.dumps(lease))
    with lock.lease(tmp_path):
        pass


@pytest.mark.parametrize(("age", "free"), [(5, False), (120, True)])
def test_another_hosts_lease_expires(tmp_path: Path, age: int, free: bool) -> None:
    """A machine that was taken away cannot give its lease back."""
    path = tmp_path / ".lock"
    path.write_bytes(orjson.dumps({"host": "elsewhere", "pid": 1, "started": "1", "token": "x"}))
    os.utime(path, (time.time() - age,) * 2)
    if free:
        with lock.lease(tmp_path):
            pass
    else:
        with pytest.raises(Busy, match="on elsewhere"), lock.lease(tmp_path):
            pass


def test_a_damaged_lease_is_replaced(tmp_path: Path) -> None:
    """A full disk may have left an empty one."""
    (tmp_path / ".lock").write_bytes(b"")
    with lock.lease(tmp_path):
        pass
