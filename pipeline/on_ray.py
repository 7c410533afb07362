"""The engine for a Ray cluster: every task is a Ray task that supervises a process on its node.

Ray starts a task again when its node is gone; what the node had finished is on record, so only the
shards in flight are done twice. datatrove's own Ray executor is not used: a node that dies between
its placement group and its first answer leaves that executor waiting for ever (see LOG.md).
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.pipeline.engine import in_turn, watched
from tamis.pipeline.errors import CallError, TamisError, WorkError
from tamis.pipeline.lock import Lease
from tamis.pipeline.phase import Job, Phase, pending
from tamis.pipeline.pool import supervise
from tamis.pipeline.progress import Progress

RETRIES = 3  # of a task whose node died


@dataclass
class Ray:
    """A Ray cluster, whose nodes see the same files, or a corpus at a URL."""

    workers: int | None = None
    """The most tasks at a time; as many as the cluster has room for, if not said."""
    quiet: bool = False
    address: str = "auto"
    """Of the cluster's head, host:port; by default the one that runs here or RAY_ADDRESS names."""
    cpus_per_task: float = 1
    mem_per_cpu_gb: float = 2

    def go(self, jobs: Sequence[Job], lease: Lease | None = None) -> Any:
        """Runs jobs one after the other; raises CallError if there is no cluster."""
        ray = _connected(self.address)
        try:
            return in_turn(jobs, self)
        finally:
            ray.shutdown()

    def run(self, phase: Phase, quiet: bool = False) -> None:
        """Runs the tasks that are not done; raises the error of the first that fails."""
        ranks = pending(phase)
        progress = watched(phase, ranks, quiet or self.quiet)
        if ranks:
            with progress:
                self._run(phase, ranks, progress)

    def _run(self, phase: Phase, ranks: Sequence[int], progress: Progress) -> None:
        ray: Any = sys.modules["ray"]
        task = ray.remote(
            num_cpus=self.cpus_per_task,
            memory=int(self.mem_per_cpu_gb * self.cpus_per_task * 2**30),
            max_retries=RETRIES,
        )(_task)
        sent = ray.put(phase)
        window = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting = list(reversed(ranks))
        running: dict[Any, int] = {}
        documents = size = 0
        try:
            while waiting or running:
                while waiting and len(running) < window:
                    rank = waiting.pop()
                    running[task.remote(sent, rank, str(Path.cwd()))] = rank
                ended, _ = ray.wait(list(running), timeout=1)
                for one in ended:
                    done = _answer(ray, one, phase.name, running.pop(one))
                    documents, size = documents + done[0], size + done[1]
                progress.show(documents, size)
        finally:
            for one in running:
                ray.cancel(one, force=True)


def _answer(ray: Any, one: Any, phase: str, rank: int) -> tuple[int, int]:
    try:
        answer: tuple[int, int] | TamisError = ray.get(one)
    except ray.exceptions.RayError as error:
        raise WorkError(
            f"{phase}, task {rank}, was lost {RETRIES + 1} times with the node or process it ran "
            f"on ({type(error).__name__}): what is done stays done, run the same command again"
        ) from error
    if isinstance(answer, TamisError):
        raise answer
    return answer


def _task(phase: Phase, rank: int, directory: str) -> tuple[int, int] | TamisError:
    """What a node does: one task; an error is its answer, so that Ray does not try it again."""
    try:
        os.chdir(directory)
    except OSError as error:
        return WorkError(
            f"{directory} is not there on the node {socket.gethostname()} ({error.strerror}): "
            "the nodes of the cluster have to see the same files"
        )
    try:
        return supervise(phase, rank)
    except TamisError as error:
        return error
    except Exception as error:  # noqa: BLE001 - Ray would bury it in a traceback of its own
        return WorkError(f"task {rank} on {socket.gethostname()}: {type(error).__name__}: {error}")


def _connected(address: str) -> Any:
    """Ray, connected to the cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise CallError("the engine 'ray' needs Ray: pip install 'tamis[ray]'") from None
    try:
        if ":" in address:  # Ray itself would try for minutes
            host, _, port = address.rpartition("://")[2].rpartition(":")
            socket.create_connection((host, int(port)), timeout=10).close()
        # A node must find tamis, and stages of the user's own, where this process does.
        paths = os.pathsep.join([*filter(None, sys.path), str(Path.cwd())])
        env = {"env_vars": {"PYTHONPATH": paths}}
        ray.init(address=address, runtime_env=env, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise CallError(
            f"no Ray cluster at '{address}' ({error}): start one with `ray start --head`, and "
            "`ray start --address=HEAD:6379` on the other nodes, or name its head with "
            "--engine-set address=HOST:PORT"
        ) from None
    return ray
