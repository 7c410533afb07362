"""The lease on a corpus that lies on an object store.

A lease is the object `.lock`, made by a PUT that fails if one is there, and renewed by writing it
again. Its age is told by the server's clock alone. A lease whose holder is gone is removed by
whoever makes `.lock.evict.<token>` first, so that nobody removes the lease that came after it.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import orjson

from tamis.pipeline.errors import Busy, TamisError, WorkError
from tamis.pipeline.storage.location import Remote

RENEW_SECONDS = 15.0
EXPIRE_SECONDS = 120.0
SETTLE_SECONDS = 2.0  # where a store does not know exclusive PUTs

Alive = Callable[[dict[str, Any], float, float], bool]  # holder, its age, when that expires


@contextmanager
def remote_lease(directory: Remote, holder: dict[str, Any], alive: Alive) -> Iterator[None]:
    """Holds the lease on a remote corpus; raises Busy if another holds it.

    Raises WorkError at the end if somebody else took it meanwhile, as after a night's suspend.
    """
    path = directory / ".lock"
    _take(path, holder, alive)
    stop, lost = threading.Event(), threading.Event()
    renewer = threading.Thread(target=_renew, args=(path, holder, stop, lost), daemon=True)
    renewer.start()
    try:
        yield
        if lost.is_set():
            raise WorkError(
                f"{directory}: another command took the corpus while this one could not renew its "
                "lease: run it again"
            )
    finally:
        stop.set()
        renewer.join()
        with suppress(TamisError, OSError):  # the lease expires; what went wrong before is told
            if "job" not in holder and _read(path).get("token") == holder["token"]:
                path.unlink(missing_ok=True)


def in_use(place: object, holder: dict[str, Any], age: float) -> Busy:
    """The error of a lease that another holds: a process, or a Slurm job it was left to."""
    if job := holder.get("job"):
        return Busy(f"{place} is in use by Slurm job {job}: wait for it, or `scancel {job}`")
    return Busy(
        f"{place} is in use by process {holder.get('pid')} on {holder.get('host')} "
        f"(seen {age:.0f} s ago): wait for it, or stop it"
    )


def _take(path: Remote, holder: dict[str, Any], alive: Alive) -> None:
    mine = orjson.dumps(holder)
    for _ in range(8):
        try:
            path.write_bytes(mine, exclusive=True)
        except FileExistsError:
            if _read(path).get("token") == holder["token"]:
                return  # the answer to an earlier try was lost
            _evict(path, alive)
            continue
        if _honoured(path, mine) or _settled(path, holder):
            return
    raise Busy(f"{path.parent} is wanted by several commands at once: wait, then try again")


def _honoured(path: Remote, mine: bytes) -> bool:
    """Whether the store refuses an exclusive PUT where something is, as it has to."""
    try:
        path.write_bytes(mine, exclusive=True)
    except FileExistsError:
        return True
    return False


def _settled(path: Remote, holder: dict[str, Any]) -> bool:
    """For stores that take every PUT: whether ours is the one that stayed."""
    time.sleep(SETTLE_SECONDS)
    return bool(_read(path).get("token") == holder["token"])


def _evict(path: Remote, alive: Alive) -> None:
    """Removes a lease whose holder is gone; raises Busy if it is not."""
    try:
        holder, age = _read(path), _age(path)
    except FileNotFoundError:
        return
    if holder and alive(holder, age, EXPIRE_SECONDS):
        raise in_use(path.parent, holder, age)
    marker = path.with_name(f".lock.evict.{holder.get('token', 'damaged')}")
    try:
        marker.write_bytes(b"{}", exclusive=True)
    except FileExistsError:
        if _age(marker) > EXPIRE_SECONDS:
            marker.unlink(missing_ok=True)
        raise Busy(f"{path.parent} is being taken over by another command: wait for it") from None
    try:
        if _read(path).get("token") == holder.get("token"):
            path.unlink(missing_ok=True)
    finally:
        marker.unlink(missing_ok=True)


def _age(path: Remote) -> float:
    """How long ago an object was written, both times by the server's clock."""
    probe = path.with_name(f".lock.now.{uuid.uuid4().hex}")
    probe.write_bytes(b"{}")
    try:
        return max(0.0, probe.written() - path.written())
    finally:
        probe.unlink(missing_ok=True)


def _read(path: Remote) -> dict[str, Any]:
    """What a lease says, nothing if there is none or it is damaged."""
    try:
        found = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _renew(
    path: Remote, holder: dict[str, Any], stop: threading.Event, lost: threading.Event
) -> None:
    while not stop.wait(RENEW_SECONDS):
        try:
            if _read(path).get("token") != holder["token"]:
                lost.set()
                return
            path.write_bytes(orjson.dumps(holder))
        except (TamisError, OSError):
            continue  # the network is gone for a while: the lease may outlast that
