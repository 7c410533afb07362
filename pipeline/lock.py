"""The corpus lock: a lease that names its holder, is renewed while it lives, and expires.

A lease is `.lock` in the corpus: host, pid and the pid's start time. It is free when its holder is
gone from this host, or, for a holder on another host, when it has not been renewed for a minute;
on an object store, for two (see storage/lease).
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
from tamis.pipeline.storage.lease import in_use, remote_lease
from tamis.pipeline.storage.location import Location, remote

RENEW_SECONDS = 10.0
EXPIRE_SECONDS = 60.0


class Lease:
    """The hold on a corpus, while a command works on it."""

    def __init__(self, place: Location, holder: dict[str, Any]) -> None:
        self.place, self._holder = place, holder

    @property
    def token(self) -> str:
        return str(self._holder["token"])

    @property
    def kept(self) -> bool:
        """Whether a job holds it from now on."""
        return "job" in self._holder

    def hand_over(self, job: str) -> None:
        """Leaves the lease to a Slurm job: it holds until the job has ended, however it ends."""
        self._holder |= {"host": "slurm", "job": job}
        with atomic(self.place / ".lock", durable=False) as draft:
            draft.path.write_bytes(orjson.dumps(self._holder))


@contextmanager
def lease(directory: Location) -> Iterator[Lease]:
    """Holds the lease on a directory while the block runs; raises Busy if another holds it."""
    held = Lease(directory, holder := _holder())
    if not isinstance(directory, Path):
        with remote_lease(remote(directory), holder, _alive):
            yield held
        return
    path = directory / ".lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _take(path, holder)
    except OSError as error:
        raise from_os(error, f"cannot lock {directory}") from error
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(path, stop), daemon=True)
    renewer.start()
    try:
        yield held
    finally:
        stop.set()
        renewer.join()
        if not held.kept:
            release(directory, held.token)


def release(directory: Location, token: str) -> None:
    """Ends a lease, if it is the one of this token."""
    if _token(directory / ".lock") == token:
        (directory / ".lock").unlink(missing_ok=True)


def _holder() -> dict[str, Any]:
    """What this process writes into a lease."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
        "token": uuid.uuid4().hex,
    }


def _take(path: Path, holder: dict[str, Any]) -> None:
    token, mine = holder["token"], orjson.dumps(holder)
    while True:
        draft = path.with_name(f".lock.{token}")
        draft.write_bytes(mine)
        try:
            os.link(draft, path)  # appears whole, and only if nobody else is there
            return
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
    if _alive(holder, age, EXPIRE_SECONDS):
        raise in_use(path.parent, holder, age)
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


def _alive(holder: dict[str, Any], age: float, expires: float) -> bool:
    if job := holder.get("job"):
        return _queued(str(job))
    pid = holder.get("pid")
    if holder.get("host") == socket.gethostname() and isinstance(pid, int):
        return _started(pid) is not None and _started(pid) == holder.get("started")
    return age < expires


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


def _token(path: Location) -> str | None:
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
