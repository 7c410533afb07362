"""What a corpus knows of the chain of Slurm jobs that works on it: their ids, and what failed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from tamis.pipeline.files import read_json, write_json
from tamis.pipeline.storage.location import Location

LINKS = "slurm.json"  # in the logs of a corpus: the jobs that were submitted last


def chain_lines(root: Location) -> list[tuple[str, str, str]]:
    """Name, state and detail of the links that have not ended well, of the last chain."""
    try:
        links: list[dict[str, str]] = read_json(_folder(root) / LINKS)
    except FileNotFoundError:
        return []
    failed = {note.name.rpartition("-")[0]: read_json(note)["message"] for note in failures(root)}
    states = _states([link["job"] for link in links])
    found = []
    for link in links:
        if message := failed.get(link["name"]):
            found.append((link["name"], "failed", message))
        elif state := states.get(link["job"]):
            found.append((link["name"], state, f"Slurm job {link['job']}"))
    return found


def failures(root: Location) -> list[Location]:
    """The notes of tasks of a chain that failed."""
    try:
        return sorted((_folder(root) / "failed").iterdir(), key=str)
    except FileNotFoundError:
        return []


def note_failure(root: Location, name: str, rank: int, message: str) -> None:
    """Leaves word of a task that failed, for `tamis status`."""
    write_json(_folder(root) / "failed" / f"{name}-{rank}.json", {"message": message})


def _states(jobs: Sequence[str]) -> dict[str, str]:
    """The states of the jobs that Slurm still knows, in its words."""
    asked = ask("squeue", "-h", "-o", "%F %T", "-j", ",".join(jobs))
    return {line.split()[0]: line.split()[1].lower() for line in (asked or "").splitlines()}


def forget(root: Location) -> None:
    """Removes the notes of failures of an earlier chain."""
    for note in failures(root):
        note.unlink()


def note_links(root: Location, links: Sequence[dict[str, str]]) -> None:
    """Notes what was submitted, in place of what was before."""
    write_json(_folder(root) / LINKS, links)


def _folder(root: Location) -> Location:
    return root / "logs" / "slurm"


def ask(*command: str) -> str | None:
    """What a command of Slurm prints, None if it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
