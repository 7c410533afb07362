"""The engine for Slurm: every job of a command becomes an array, and one task that settles it.

The whole chain is submitted at once, each link waiting for the one before; the command then ends.
What a later link does is decided when it starts, from what the earlier ones left in the corpus.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tamis.pipeline.chain import ask, forget, note_links
from tamis.pipeline.engine import Local, cores
from tamis.pipeline.errors import CallError, WorkError
from tamis.pipeline.lock import Lease
from tamis.pipeline.phase import Job
from tamis.pipeline.progress import Progress
from tamis.pipeline.storage.location import Location


@dataclass
class Slurm:
    """A Slurm cluster, whose nodes see the same files, or a corpus at a URL."""

    workers: int | None = None
    """The most tasks of an array at a time; no limit if not said."""
    quiet: bool = False
    partition: str = ""
    """By default the one that `sinfo` marks as the default."""
    time: str = "24:00:00"
    cpus_per_task: int = 1
    mem_per_cpu_gb: int = 2
    tasks_per_job: int = 1
    """Tasks that one element of an array does one after the other."""
    max_array_size: int = 1001
    """What the cluster's MaxArraySize allows."""
    qos: str = ""
    account: str = ""
    setup: str = ""
    """A shell command that every job begins with, such as `module load python`."""

    def go(self, jobs: Sequence[Job], lease: Lease) -> None:
        """Prepares the first job, submits the whole chain, and leaves the lease to its last."""
        partition = self.partition or _default_partition()
        root = lease.place
        jobs[0].prepare(Local(cores(None), self.quiet))
        forget(root)
        links = _submit(self, partition, jobs, root, lease.token)
        note_links(root, links)
        lease.hand_over(links[-1]["job"])
        if not self.quiet:
            progress = Progress("slurm", 0)
            progress.say("submitted " + ", ".join(f"{one['job']} {one['name']}" for one in links))
            progress.say(f"how far it is: tamis status {root}")


def _default_partition() -> str:
    answer = ask("sinfo", "-h", "-o", "%P")
    if answer is None:
        raise CallError(
            "Slurm does not answer (sinfo): run this where jobs can be submitted, or leave "
            "--engine slurm out"
        )
    names = answer.split()
    for name in names:
        if name.endswith("*"):
            return name[:-1]
    raise CallError(
        "no partition is marked as the default: name one with --engine-set partition=NAME, "
        f"of: {', '.join(names)}"
    )


def _submit(
    slurm: Slurm, partition: str, jobs: Sequence[Job], root: Location, token: str
) -> list[dict[str, str]]:
    """Submits arrays and settling tasks, each depending on the one before; gives names and ids.

    Raises WorkError if Slurm refuses.
    """
    # Loads datatrove, which only a submission needs.
    from tamis.pipeline.slurm_steps import ArrayStep, SettleStep

    links: list[tuple[str, Any]] = []
    for place, job in enumerate(jobs):
        runner = Local(slurm.cpus_per_task, quiet=True)
        for name, step, tasks in (
            (job.name, ArrayStep(job, root), job.bound()),
            (f"{job.name} settled", SettleStep(jobs[place:], root, token, runner), 1),
        ):
            before = links[-1][1] if links else None
            links.append((name, _executor(slurm, partition, name, step, tasks, before, root)))
    try:
        links[-1][1].run()  # and with it, all that it depends on
    except (OSError, subprocess.CalledProcessError) as error:
        raise WorkError(f"Slurm refused a job (sbatch: {error}): see what it said above") from error
    return [{"name": name, "job": str(executor.job_id)} for name, executor in links]


def _executor(
    slurm: Slurm,
    partition: str,
    name: str,
    step: Any,
    tasks: int,
    before: Any,
    root: Location,
) -> Any:
    from datatrove.executor.slurm import SlurmPipelineExecutor

    account = {"account": slurm.account} if slurm.account else {}
    paths = os.pathsep.join(filter(None, [*sys.path, str(Path.cwd())]))
    commands = [
        f"cd {shlex.quote(str(Path.cwd()))}",
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
        f"export PYTHONPATH={shlex.quote(paths)}",
        *([slurm.setup] if slurm.setup else []),
    ]
    return SlurmPipelineExecutor(
        pipeline=[step],
        tasks=tasks,
        workers=slurm.workers or -1,
        time=slurm.time,
        partition=partition,
        cpus_per_task=slurm.cpus_per_task,
        mem_per_cpu_gb=slurm.mem_per_cpu_gb,
        tasks_per_job=slurm.tasks_per_job,
        max_array_size=slurm.max_array_size,
        qos=slurm.qos,
        job_name="tamis-" + name.replace(" ", "-"),
        logging_dir=str(root / "logs" / "slurm" / name.replace(" ", "-")),
        sbatch_args={"kill-on-invalid-dep": "yes", **account},
        env_command="; ".join(commands),
        skip_completed=False,  # what is done is said by our records
        depends=before,
    )
