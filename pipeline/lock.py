"""The corpus lock: a lease that names its holder, is renewed while it lives, and expires.

A lease is `.lock` in the corpus: host, pid and the pid's start time. It is free when its holder is
gone from this host, or, for a holder on another host, when it has not been renewed for a minute;
on an object store, for two (see storage_lease).
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tamis.pipeline.errors import Busy, from_os
from tamis.pipeline.storage import Location, remote
from tamis.pipeline.storage_lease import remote_lease

RENEW_SECONDS = 10.0
EXPIRE_SECONDS = 60.0


@contextmanager
def lease(directory: Location) -> Iterator[None]:
    """Holds the lease on a directory while the block runs; raises Busy if another holds it."""
    if not isinstance(directory, Path):
        with remote_lease(remote(directory), _holder(), _alive):
            yield
        return
    path = directory / ".lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        token = _take(path)
    except OSError as error:
        raise from_os(error, f"cannot lock {directory}") from error
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(path, stop), daemon=True)
    renewer.start()
    try:
        yield
    finally:
        stop.set()
        renewer.join()
        if _token(path) == token:
            path.unlink(missing_ok=True)


def _holder() -> dict[str, Any]:
    """What this process writes into a lease."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
        "token": uuid.uuid4().hex,
    }


def _take(path: Path) -> str:
    holder = _holder()
    token, mine = str(holder["token"]), orjson.dumps(holder)
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
    if _alive(holder, age, EXPIRE_SECONDS):
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


def _alive(holder: dict[str, Any], age: float, expires: float) -> bool:
    pid = holder.get("pid")
    if holder.get("host") == socket.gethostname() and isinstance(pid, int):
        return _started(pid) is not None and _started(pid) == holder.get("started")
    return age < expires


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
