"""Ray and Slurm: real ones on this machine, the same bytes as without them, deaths included."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import command, digests

SLOW = """
import os, signal, time, uuid
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import pyarrow as pa
import pyarrow.compute as pc

@dataclass(frozen=True)
class Slow:
    '''Takes its time and notes which shards it was given; `poison` kills it, `wrong` ends it.'''
    calls: str = ""
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("id", "text")
    gives: ClassVar[pa.Schema] = pa.schema([pa.field("slow", pa.int32())])

    def measure(self, batch):
        texts = batch.column("text").to_pylist()
        if "poison" in texts:
            os.kill(os.getpid(), signal.SIGKILL)
        if any(text.startswith("wrong") for text in texts):
            raise MemoryError("no room for this")
        if texts:
            shard = batch.column("id")[0].as_py().split("-")[0]
            Path(self.calls, f"{shard}-{uuid.uuid4().hex}").touch()
            time.sleep(0.5)
        return pa.record_batch([pc.utf8_length(batch.column("text"))], schema=self.gives)
"""


def until(state: Callable[[], Any], seconds: float = 120) -> Any:
    """Waits for a state and gives it."""
    end = time.monotonic() + seconds
    while not (found := state()):
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.1)
    return found


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A directory with four inputs, one a shard, and a recipe with the slow stage."""
    (tmp_path / "calls").mkdir()
    (tmp_path / "slow_stage.py").write_text(SLOW)
    (tmp_path / "slow.toml").write_text(
        '[ingest]\nshard_bytes = 1000\n[[stage]]\nkind = "slow_stage:Slow"\nname = "slow"\n'
        f'calls = "{tmp_path}/calls"\n'
        "[stage.rules]\nmiddle = { column = 'slow', quantile = [0.25, 1.0] }\n"
    )
    (tmp_path / "in").mkdir()
    for shard in range(4):
        texts = [f"{shard} {'word ' * (30 + row + shard)}" for row in range(6)]
        texts[3] = "poison" if shard == 3 else texts[3]
        rows = [json.dumps({"id": f"s{shard}-{row}", "text": t}) for row, t in enumerate(texts)]
        (tmp_path / "in" / f"{shard}.jsonl").write_text("\n".join(rows))
    return tmp_path


def only_wrong(slow: Path) -> None:
    """Leaves two inputs: one that the slow stage can do, one of which it can do no row."""
    for shard in (1, 3):
        (slow / f"in/{shard}.jsonl").unlink()
    (slow / "in/2.jsonl").write_text((json.dumps({"text": "wrong " * 40}) + "\n") * 5)


def run(arguments: list[str], where: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=where, env=os.environ | env, capture_output=True, text=True, timeout=300
    )


# ------------------------------------------------------------------------------------------- Ray


# A dead node is noticed after 1.5 s, not after 20.
SOON = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500}
SOON |= {"health_check_failure_threshold": 3}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two Ray nodes with a core each, the first of them the head."""
    pytest.importorskip("ray", reason="Ray is an extra: pip install 'tamis[ray]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    size = {"num_cpus": 1, "memory": 3 * 2**30, "object_store_memory": 80 * 2**20}
    head = {**size, "include_dashboard": False, "_system_config": SOON}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.second = cluster.add_node(**size)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


def on_ray(cluster: Any) -> list[str]:
    return ["--engine", "ray", "--engine-set", f"address={cluster.address}"]


@pytest.mark.slow  # a cluster takes seven seconds to come up
def test_ray_gives_the_same_bytes(
    cluster: Any, inputs: Path, recipe: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    """An engine that changed a byte would make every comparison between runs a guess."""
    done = run(command("run", recipe, inputs, "-o", "corpus", *on_ray(cluster)), tmp_path)
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "corpus") == undisturbed


@pytest.mark.slow  # four shards of half a second each, on two nodes and then on one
def test_a_ray_node_that_dies_costs_its_shards_in_flight(cluster: Any, slow: Path) -> None:
    """Losing a node is daily life; losing what it had finished would make large runs endless."""
    local = run(command("run", "slow.toml", "in", "-o", "local", "--workers", 2), slow)
    assert local.returncode == 0, local.stderr
    calls = slow / "calls"
    for call in calls.iterdir():
        call.unlink()
    arguments = command("run", "slow.toml", "in", "-o", "corpus", *on_ray(cluster))
    process = subprocess.Popen(arguments, cwd=slow, stderr=subprocess.PIPE, text=True)
    until(lambda: len(list(calls.iterdir())) >= 2)
    cluster.remove_node(cluster.second, allow_graceful=False)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert digests(slow / "corpus") == digests(slow / "local")
    shards = [call.name.split("-")[0] for call in calls.iterdir()]
    # The dead node had one core and so one shard in flight; shard 3 is tried again for its poison.
    repeated = {shard for shard in shards if shards.count(shard) > 1} - {"s3"}
    assert len(repeated) <= 1 and set(shards) == {f"s{number}" for number in range(4)}


@pytest.mark.slow  # see above
def test_an_error_on_a_ray_node_is_the_commands(cluster: Any, slow: Path) -> None:
    """A traceback from another machine tells a user nothing; the message has to come home."""
    only_wrong(slow)
    done = run(command("run", "slow.toml", "in", "-o", "corpus", *on_ray(cluster)), slow)
    assert done.returncode == 1
    assert "stage 'slow' failed on every one of 5 rows: MemoryError: no room" in done.stderr
    assert "Traceback" not in done.stderr


# ----------------------------------------------------------------------------------------- Slurm

CONF = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=6000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Slurm with one node of two cores, this machine; gives the path of its configuration."""
    daemons = {name: shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") for name in DAEMONS}
    if not all(daemons.values()):
        pytest.skip("Slurm is not installed (Debian: slurmctld slurmd slurm-client)")
    root = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (root / name).mkdir()
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as server:
            ports.append(server.getsockname()[1])
    host, user = socket.gethostname(), getpass.getuser()
    conf = root / "slurm.conf"
    conf.write_text(CONF.format(host=host, user=user, root=root, ports=ports))
    running = []
    for name, more in DAEMONS.items():
        with (root / f"{name}.log").open("w") as log:
            arguments = [str(daemons[name]), "-D", "-f", str(conf), *more]
            running.append(subprocess.Popen(arguments, stdout=log, stderr=log))
    idle = ["sinfo", "-h", "-o", "%t"]
    env = os.environ | {"SLURM_CONF": str(conf)}
    try:
        until(
            lambda: "idle" in subprocess.run(idle, env=env, capture_output=True, text=True).stdout
        )
        yield str(conf)
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
            process.wait()


TOGETHER = ["--engine-set", "tasks_per_job=8"]  # an element of an array takes 3 s to start
DAEMONS = {"slurmctld": [], "slurmd": ["-N", "one"]}


def ended(conf: str) -> bool:
    """Whether no job is queued or running."""
    asked = subprocess.run(
        ["squeue", "-h"], env=os.environ | {"SLURM_CONF": conf}, capture_output=True, text=True
    )
    return asked.returncode == 0 and not asked.stdout.strip()


@pytest.mark.slow  # six jobs that wait for each other, looked at by Slurm once a second
def test_slurm_gives_the_same_bytes(
    slurm: str,
    inputs: Path,
    with_models: Path,
    undisturbed_with_models: dict[str, str],
    tmp_path: Path,
    here: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The chain decides about quantiles and tasks long after its command has ended."""
    monkeypatch.setenv("SLURM_CONF", slurm)
    call = ("run", with_models, inputs, "-o", "corpus")
    done = run(command(*call, "--engine", "slurm", *TOGETHER), tmp_path)
    assert done.returncode == 0 and "submitted" in done.stderr, done.stderr
    assert not (tmp_path / "corpus/cleaned").exists()
    assert "in use by Slurm job" in here(*call, expect=1).stderr
    shown = here("status", "corpus", "--recipe", with_models)
    assert "write settled" in shown.stdout and "pending" in shown.stdout, shown.stderr
    until(lambda: ended(slurm))
    assert digests(tmp_path / "corpus") == undisturbed_with_models


@pytest.mark.slow  # see above
def test_a_slurm_task_that_fails_stops_its_chain_and_says_why(slurm: str, slow: Path) -> None:
    """Jobs that wait for ever for one that failed, or go on without it, are found out too late."""
    only_wrong(slow)
    arguments = command("run", "slow.toml", "in", "-o", "corpus")
    assert run([*arguments, "--engine", "slurm", *TOGETHER], slow, SLURM_CONF=slurm).returncode == 0
    until(lambda: ended(slurm))
    said = run(command("status", "corpus", "--recipe", "slow.toml"), slow, SLURM_CONF=slurm)
    assert "failed" in said.stdout and "MemoryError" in said.stdout.replace("\n", "")
    assert not (slow / "corpus/cleaned").exists()
    again = run(arguments, slow, SLURM_CONF=slurm)  # the corpus is free, the error the same
    assert again.returncode == 1 and "no room for this" in again.stderr, again.stderr


def test_engines_that_are_not_there_are_said(tamis: Any, here: Any, tmp_path: Path) -> None:
    """A cluster that is not there is a mistake in the call, not one of the work."""
    (tmp_path / "in").mkdir()
    run_it = ("run", "quickstart", "in", "-o", "corpus", "--engine")
    assert (
        "no Ray cluster at '127.0.0.1:1'"
        in tamis(*run_it, "ray", "--engine-set", "address=127.0.0.1:1", expect=2).stderr
    )
    said = here(*run_it, "ray", "--engine-set", "adress=x", expect=2).stderr
    assert "engine 'ray' has no such option. did you mean 'address'?" in said
    said = here(*run_it, "slurm", "--engine-set", "cpus_per_task=many", expect=2).stderr
    assert "--engine-set cpus_per_task" in said
