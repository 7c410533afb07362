"""The training of a model on tokens: from a plan to a folder with its weights, and on from there.

A run is a plateau that decays at its end, and branches of it that decay sooner: each goes on from
the state where it leaves the plateau, and then the plateau goes on from there. Batches are a
function of the step, so a checkpoint and the number of its step are all that is needed to resume.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import distributed

from tamis.model.board import require
from tamis.model.checkpoint import Checkpoints
from tamis.model.devices import Place, ranks
from tamis.model.errors import TrainingError
from tamis.model.export import export
from tamis.model.feed import Fed, Feed
from tamis.model.journal import Done, Journal
from tamis.model.learner import Learner
from tamis.model.llama import Llama
from tamis.model.lock import alone
from tamis.model.metrics import read
from tamis.model.plan import Fork, Plan, hold_to, micro_batch
from tamis.model.schedule import Schedule
from tamis.model.stopping import Stop
from tamis.model.track import Track

Say = Callable[[str], None]


def train(plan: Plan, place: Place, folder: Path, say: Say, quiet: bool = False) -> dict[str, Any]:
    """Trains, or goes on training, in a folder; what came of it, as `tamis train --json` says it.

    A first SIGTERM or SIGINT saves the step under way and returns with done: False. Raises
    ModelError for a call that cannot be, TrainingError for a training that cannot go on, or whose
    folder another process trains in.
    """
    return Training(plan, place, folder, say, quiet).run()


class Training:
    """One process's share of a run."""

    def __init__(self, plan: Plan, place: Place, folder: Path, say: Say, quiet: bool) -> None:
        self.plan, self.place, self.folder = plan, place, folder
        self.say = say if place.rank == 0 else lambda _: None
        self.quiet = quiet or place.rank != 0
        self.micro_batch = micro_batch(plan, place)
        if plan.settings.tensorboard:
            require()
        self.stop = Stop()

    def run(self) -> dict[str, Any]:
        """Does what is left of it."""
        with ExitStack() as stack:
            stack.enter_context(ranks(self.place))
            stack.enter_context(self.stop)
            stack.enter_context(alone(self.folder, self.place))
            for one in hold_to(self.folder, self.plan, self.place):
                self.say(f"{one}: last digits may differ")
            self.trunk = self._track(self.folder, self.plan.schedule)
            if self.trunk.model.exists():
                self.say(f"{self.folder} is done: its model is in {self.trunk.model}")
                return self._result()
            self.learner = self._learner()
            self._announce()
            self._resume(self.trunk)
            try:
                halted = self._whole()
            except RuntimeError as error:
                if (known := _out_of_memory(error, self.micro_batch, self.plan)) is not None:
                    raise known from error
                raise
            finally:
                self.trunk.checkpoints.close()
            if halted:
                self.say(f"stopped after step {self.learner.steps:,}: the same command goes on")
            return self._result()

    def _whole(self) -> bool:
        """The plateau from fork to fork, and the decay at its end; whether a signal stopped it."""
        for fork in self.plan.forks:
            if self._branch(fork):
                return True
        if self._follow(self.trunk, self.plan.steps):
            return True
        self._finish(self.trunk)
        return False

    def _branch(self, fork: Fork) -> bool:
        """The plateau up to a fork, the branch, and back; whether a signal stopped it."""
        start = fork.schedule.decays
        name = str(fork.tokens)
        branch = self._track(self.folder / "branches" / name, fork.schedule, f", branch {name}")
        if branch.model.exists() or self.learner.steps > start:
            return False  # done, or its folder was taken away since
        if self._follow(self.trunk, start):
            return True
        self._save(self.trunk, wait=True)
        self._resume(branch)
        if self._follow(branch, fork.schedule.steps):
            return True
        self._finish(branch)
        self.learner.restore(self.trunk.checkpoints.load(start)[0], start)
        return False

    def _follow(self, track: Track, until: int) -> bool:
        """Takes the steps up to one; whether a signal stopped it, after it was saved."""
        first, place = self.learner.steps, self.place
        halted = False
        with (
            Journal(self.plan, place, track, first, until, self.quiet) as journal,
            Feed(self.plan.mixture, first, until, place.rank, place.world, place.device) as feed,
        ):
            for fed in feed:
                valid, stopped = self._agreed(fed)
                nats, norm = self.learner.learn(fed, valid, track.schedule.rate(fed.step))
                journal.add(Done(fed, valid, nats, norm))
                step = self.learner.steps
                halted = stopped and step < track.schedule.steps
                if halted or (step % self.plan.checkpoint_every == 0 and step < until):
                    journal.flush()  # what is saved was checked
                    self._save(track, wait=halted)
                if halted:
                    break
        return halted

    def _agreed(self, fed: Fed) -> tuple[int, bool]:
        """Targets of the step on all ranks, and whether one of them was told to stop."""
        if self.place.world == 1:
            return fed.valid, self.stop.seen
        both = torch.tensor([fed.valid, int(self.stop.seen)])
        distributed.all_reduce(both)
        return int(both[0]), bool(both[1])

    def _learner(self) -> Learner:
        if self.plan.settings.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
            torch.use_deterministic_algorithms(True)
        with torch.device("meta"):
            model = Llama(self.plan.shape)
        model.init(self.plan.settings.seed, self.place.device)
        model.checkpointing = self.plan.settings.grad_checkpoint
        return Learner(model, self.place, self.micro_batch, self.plan.schedule.peak)

    def _track(self, folder: Path, schedule: Schedule, label: str = "") -> Track:
        writes = self.place.rank == 0
        kept = Checkpoints(folder / "checkpoints", self.plan.settings.keep, writes)
        return Track(folder, schedule, kept, label)

    def _resume(self, track: Track) -> None:
        """Goes on from the newest checkpoint of a track, if it has one."""
        step = track.checkpoints.latest(self.say)
        if step is not None:
            self.learner.restore(track.checkpoints.load(step)[0], step)
            self.say(f"goes on after step {step:,} of {track.schedule.steps:,}{track.label}")

    def _save(self, track: Track, wait: bool = False) -> None:
        facts = {"tokens": self.learner.steps * self.plan.batch_tokens}
        track.checkpoints.save(self.learner.steps, self.learner.state(), facts, wait)

    def _finish(self, track: Track) -> None:
        """Writes the model beside its metrics; a branch's checkpoints have done their work."""
        track.checkpoints.close()
        if self.place.rank == 0:
            vocabulary = self.plan.mixture.components[0].tokens.vocabulary
            export(self.learner.model, vocabulary, track.model)
            if track.label:
                shutil.rmtree(track.checkpoints.folder, ignore_errors=True)
        if self.place.world > 1:
            distributed.barrier()

    def _result(self) -> dict[str, Any]:
        own, done = read(self.trunk.metrics), self.trunk.model.exists()
        branches = {
            one.tokens: read(self.folder / "branches" / str(one.tokens) / "metrics.jsonl")
            for one in self.plan.forks
        }
        every = [*own, *(row for rows in branches.values() for row in rows)]
        return {
            "done": done,
            "steps": own[-1]["step"] if own else 0,
            "tokens": own[-1]["tokens"] if own else 0,
            "loss": own[-1]["loss"] if own else None,
            "seconds": sum(row["seconds"] for row in every),
            "first_step_seconds": own[0]["seconds"] if own else None,  # compiling is in it
            "tokens_per_second": median(row["tokens_per_second"] for row in own) if own else None,
            "branches": {
                str(tokens): rows[-1]["loss"] for tokens, rows in branches.items() if rows
            },
            "model": str(self.trunk.model) if done else None,
        }

    def _announce(self) -> None:
        """The first line: all that decides how fast and how exactly it goes."""
        plan, place, shape = self.plan, self.place, self.plan.shape
        parts = plan.mixture.size // place.world // self.micro_batch
        compiled = "compiled" if place.compiled else "not compiled"
        self.say(
            f"{place.name}, {place.dtype_name} over float32 weights, {compiled}"
            f"{f' ({place.note})' if place.note else ''}, {self.learner.model.attention_name}; "
            f"{shape.parameters:,} parameters; {plan.steps:,} steps of {plan.batch_tokens:,} "
            f"tokens: {place.world} ranks x {parts} x {self.micro_batch} windows of "
            f"{shape.context:,}"
        )
        for name, epochs in plan.epochs.items():
            if epochs > 1:
                many = ": more than 4, from where repeats teach less and less"
                self.say(f"{name} is read {epochs:.2f} times{many if epochs > 4 else ''}")


def _out_of_memory(error: RuntimeError, micro: int, plan: Plan) -> TrainingError | None:
    """What to lower, and to what, where memory was too small; None for another error."""
    if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
        return None
    if micro > 1:
        advice = f"take --micro-batch {micro // 2} or less, which changes no loss"
    elif not plan.settings.grad_checkpoint:
        advice = "take --grad-checkpoint, which changes no loss, or a shorter --context"
    else:
        advice = f"take --context {plan.mixture.length // 2} or a smaller preset"
    return TrainingError(f"the memory is too small for {micro} windows at once: {advice}")
