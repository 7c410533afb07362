"""The corpus lock: a lease that names its holder, is renewed while it lives, and expires.

A lease is `.lock` in the corpus: host, pid and the pid's start time. It is free when its holder is
gone from this host, or, for a holder on another host, when it has not been renewed for a minute.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tamis.pipeline.errors import Busy, from_os
from tamis.pipeline.files import atomic

RENEW_SECONDS = 10.0
EXPIRE_SECONDS = 60.0


class Lease:
    """The hold on a corpus, while a command works on it."""

    def __init__(self, path: Path, token: str) -> None:
        self.path, self.token = path, token
        self.kept = False

    def hand_over(self, job: str) -> None:
        """Leaves the lease to a Slurm job: it holds until the job has ended, however it ends."""
        holder = {"host": "slurm", "job": job, "token": self.token}
        with atomic(self.path, durable=False) as temporary:
            temporary.write_bytes(orjson.dumps(holder))
        self.kept = True


@contextmanager
def lease(directory: Path) -> Iterator[Lease]:
    """Holds the lease on a directory while the block runs; raises Busy if another holds it."""
    path = directory / ".lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        token = _take(path)
    except OSError as error:
        raise from_os(error, f"cannot lock {directory}") from error
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(path, stop), daemon=True)
    renewer.start()
    held = Lease(path, token)
    try:
        yield held
    finally:
        stop.set()
        renewer.join()
        if _token(path) == token and not held.kept:
            path.unlink(missing_ok=True)


def release(directory: Path, token: str) -> None:
    """Ends a lease that was handed over."""
    if _token(directory / ".lock") == token:
        (directory / ".lock").unlink(missing_ok=True)


def _take(path: Path) -> str:
    token = uuid.uuid4().hex
    mine = orjson.dumps(
        {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "token": token,
        }
    )
    while True:
        draft = path.with_name(f".lock.{token}")
        draft.write_bytes(mine)
        try:
            os.link(draft, path)  # appears whole, and only if nobody else is there
            return token
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
        _evict(path)


def _evict(path: Path) -> None:
    """Removes a lease whose holder is gone; of several that see it, one succeeds."""
    try:
        holder = orjson.loads(path.read_bytes())
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return
    except orjson.JSONDecodeError:
        holder, age = {}, EXPIRE_SECONDS + 1
    if _alive(holder, age):
        if job := holder.get("job"):
            raise Busy(
                f"{path.parent} is in use by Slurm job {job}: wait for it, or `scancel {job}`"
            )
        raise Busy(
            f"{path.parent} is in use by process {holder.get('pid')} on {holder.get('host')} "
            f"(seen {age:.0f} s ago): wait for it, or stop it"
        )
    stale = path.with_name(f".lock.stale.{uuid.uuid4().hex}")
    try:
        path.rename(stale)
    except FileNotFoundError:
        return
    if (taken := _token(stale)) != holder.get("token"):  # somebody took the lease in between
        try:
            os.link(stale, path)
        except FileExistsError:
            raise Busy(f"{path.parent} is in use ({taken}): wait for it") from None
        finally:
            stale.unlink(missing_ok=True)
        return
    stale.unlink(missing_ok=True)


def _alive(holder: dict[str, Any], age: float) -> bool:
    if job := holder.get("job"):
        return _queued(str(job))
    pid = holder.get("pid")
    if holder.get("host") == socket.gethostname() and isinstance(pid, int):
        return _started(pid) is not None and _started(pid) == holder.get("started")
    return age < EXPIRE_SECONDS


def _queued(job: str) -> bool:
    """Whether Slurm still knows a job that has not ended; so it is held to be, if none can say."""
    try:
        asked = subprocess.run(["squeue", "-h", "-j", job], capture_output=True, text=True)
    except OSError:
        return True
    ended_long_ago = "Invalid job id" in asked.stderr
    return bool(asked.stdout.strip()) or (asked.returncode != 0 and not ended_long_ago)


def _started(pid: int) -> str | None:
    """When a process of this host began, as its kernel says it; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None
    except OSError:
        return None
    else:
        return stat.rpartition(")")[2].split()[19]
    try:  # no /proc: the pid alone has to do
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "unknown"


def _token(path: Path) -> str | None:
    try:
        token = orjson.loads(path.read_bytes()).get("token")
    except (OSError, orjson.JSONDecodeError):
        return None
    return str(token)


def _renew(path: Path, stop: threading.Event) -> None:
    while not stop.wait(RENEW_SECONDS):
        try:
            os.utime(path)
        except OSError:
            return
