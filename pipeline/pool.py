"""Watched processes: a phase's tasks on datatrove's executor, each in a process that may die.

datatrove's own pool waits for ever for a worker that was killed, so the pool here is ours and
thin: a task is a process that runs LocalPipelineExecutor on its one rank; the process is watched, a
killed one is started again, and the rows it had in hand become suspect (see guard). What is done is
said by our completion records alone. When this process dies, however it dies, its workers end too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tamis.pipeline.errors import TamisError, WorkError, from_os
from tamis.pipeline.files import write_json
from tamis.pipeline.guard import Board, Guard, Held
from tamis.pipeline.phase import Phase
from tamis.pipeline.progress import Progress
from tamis.pipeline.stage import KINDS

BLIND_DEATHS = 3  # of a task with nothing in hand, before giving up
LATE = ("tamis.pipeline.dedup.jobs", "tamis.pipeline.tokens.jobs")  # loaded where asked for
REGISTRIES = "tamis.filters.kernels.registries"
STORES = ("s3fs", "gcsfs", "adlfs")  # the same; 0.3 s
CONDEMNED_ROWS = 20  # of a task, before the stage itself is held to be broken


@dataclass
class _Worker:
    rank: int
    process: Any
    answer: Connection
    lifeline: Connection


def run(phase: Phase, ranks: Sequence[int], workers: int, logs: Path, progress: Progress) -> None:
    """Runs the given tasks of a phase; raises the error of the first that fails.

    Work that was done stays done: the caller's completion records say what is left.
    """
    started = time.monotonic()
    logs.mkdir(parents=True, exist_ok=True)
    scratch = logs / f".board.{os.getpid()}.tmp"  # a name that is swept, should this be killed
    try:
        with progress:
            board = Board(scratch, len(phase.tasks), create=True)
            _Pool(phase, board, logs, progress).run(ranks, workers)
            documents, size = board.progress()
            progress.show(documents, size)
    finally:
        scratch.unlink(missing_ok=True)
    seconds = time.monotonic() - started
    write_json(
        logs / "timing.json",
        {"seconds": seconds, "workers": workers, "documents": documents, "bytes": size},
        durable=False,
    )


def supervise(phase: Phase, rank: int) -> tuple[int, int]:
    """Runs one task in a watched process, on whatever machine an engine chose.

    Gives the documents and bytes it did; raises the error it ended with.
    """
    with tempfile.TemporaryDirectory(prefix="tamis-") as scratch:
        board = Board(Path(scratch) / "board", len(phase.tasks), create=True)
        logs = phase.corpus.logs(phase.name)
        logs.mkdir(parents=True, exist_ok=True)
        _Pool(phase, board, logs, Progress(phase.name, 0, quiet=True)).run([rank], 1)
        return board.progress()


class _Pool:
    """Keeps workers busy, and starts the tasks of dead ones again."""

    def __init__(self, phase: Phase, board: Board, logs: Path, progress: Progress) -> None:
        self.phase, self.board, self.logs, self.progress = phase, board, logs, progress
        self.context: Any = multiprocessing.get_context("forkserver")
        # What every worker needs is loaded once, by the server that they are forked from.
        # Arrow looks for pandas at its first array: 0.25 s where it is installed. The server starts
        # once: with whatever kinds of stages this process has loaded by then (Numba: 0.2 s).
        kinds = {*LATE, *STORES, *(path.partition(":")[0] for path in KINDS.values())}
        kinds &= set(sys.modules)
        needed = {m for kind in kinds for m in getattr(sys.modules[kind], "WORKERS_NEED", ())}
        base = ["tamis.pipeline.step", type(phase).__module__, "pandas"]
        if needed or "tamis.filters.kernels.compiled" in sys.modules:
            base.append(REGISTRIES)
        modules = [*base, *sorted(kinds | needed)]
        self.context.set_forkserver_preload(modules)
        self.running: list[_Worker] = []
        self.suspects: dict[int, list[Held]] = defaultdict(list)
        self.condemned: dict[int, set[Held]] = defaultdict(set)
        self.blind: Counter[int] = Counter()

    def run(self, ranks: Sequence[int], workers: int) -> None:
        waiting = deque(ranks)
        try:
            while waiting or self.running:
                while waiting and len(self.running) < workers:
                    self.running.append(self._start(waiting.popleft()))
                ended = wait([worker.process.sentinel for worker in self.running], timeout=0.2)
                self.progress.show(*self.board.progress())
                for worker in [w for w in self.running if w.process.sentinel in ended]:
                    self.running.remove(worker)
                    if not self._finished(worker):
                        waiting.appendleft(worker.rank)
        finally:
            for worker in self.running:
                _kill(worker)

    def _start(self, rank: int) -> _Worker:
        self.board.clear(rank)
        answer, child_answer = self.context.Pipe(duplex=False)
        child_lifeline, lifeline = self.context.Pipe(duplex=False)
        process = self.context.Process(
            target=_work,
            args=(
                self.phase.part(rank),
                rank,
                self.board.path,
                tuple(self.suspects[rank]),
                frozenset(self.condemned[rank]),
                self.logs,
                Path.cwd(),
                child_answer,
                child_lifeline,
            ),
        )
        process.start()
        child_answer.close()
        child_lifeline.close()
        return _Worker(rank, process, answer, lifeline)

    def _finished(self, worker: _Worker) -> bool:
        """Whether a worker that ended did its task; raises the error it ended with."""
        worker.process.join()
        # No waiting for the end of the pipe: datatrove's helper process may hold it open.
        answered = worker.answer.poll()
        outcome: TamisError | None = worker.answer.recv() if answered else None
        _kill(worker)
        if not answered:
            self._autopsy(worker)
        elif outcome is not None:
            raise outcome
        return answered

    def _autopsy(self, worker: _Worker) -> None:
        """Puts what a killed worker had in hand under suspicion, or condemns it."""
        rank, held = worker.rank, self.board.held(worker.rank)
        how = f"worker of task {rank} ended with {_cause(worker.process.exitcode)}"
        if held is None:
            self.blind[rank] += 1
            if self.blind[rank] > BLIND_DEATHS:
                raise WorkError(
                    f"{self.phase.name}: {how} {self.blind[rank]} times: is memory short? "
                    f"Its log is in {self.logs}; run the same command again to go on, with "
                    "fewer --workers"
                )
            self.progress.say(f"{how}; starting it again")
            return
        alone = held.stop - held.start == 1
        if alone and any(
            (s.unit, s.stage) == (held.unit, held.stage) and s.start <= held.start < s.stop
            for s in self.suspects[rank]
        ):
            self.condemned[rank].add(held)
            self.progress.say(f"{how} on the same row again ({held.start}): the row is an error")
        else:
            self.suspects[rank].append(held)
            self.progress.say(f"{how}; starting it again, {held.stop - held.start} rows one by one")
        if len(self.condemned[rank]) > CONDEMNED_ROWS:
            raise WorkError(
                f"{self.phase.name}: {how}, as on {CONDEMNED_ROWS} rows before: the stage kills "
                f"its workers; its log is in {self.logs}"
            )


def _kill(worker: _Worker) -> None:
    """Ends a worker's whole process group: datatrove's helper process does not end by itself."""
    try:
        os.killpg(worker.process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        worker.process.kill()
    worker.process.join()
    worker.answer.close()
    worker.lifeline.close()


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return f"exit code {exit_code}"


def _work(
    phase: Phase,
    rank: int,
    board: Path,
    suspects: tuple[Held, ...],
    condemned: frozenset[Held],
    logs: Path,
    directory: Path,
    answer: Connection,
    lifeline: Connection,
) -> None:
    """What a worker does: its rank on datatrove's executor, and an answer to its parent."""
    os.chdir(directory)  # multiprocessing goes to where its parent once began
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers itself
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    from tamis.pipeline.step import run_rank  # loads datatrove, which no command but a worker needs

    outcome: TamisError | None = None
    try:
        _log_to(logs / f"worker-{rank:05d}.log")
        guard = Guard(Board(board, len(phase.tasks)), rank, suspects, condemned)
        run_rank(phase, rank, guard, logs)
    except TamisError as error:
        outcome = error
    except OSError as error:
        outcome = from_os(error, f"{phase.name}, task {rank}")
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to hear of it
        traceback.print_exc()
        outcome = WorkError(
            f"{phase.name}, task {rank}: {type(error).__name__}: {error}; "
            f"the traceback is in {logs}/worker-{rank:05d}.log"
        )
    answer.send(outcome)


def _end_with_parent(lifeline: Connection) -> None:
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os.killpg(0, signal.SIGKILL)


def _log_to(path: Path) -> None:
    """Sends standard output and error of this process, native libraries included, to a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
