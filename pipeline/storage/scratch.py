"""Where this machine keeps what a remote corpus cannot hold: drafts of files, logs, notes.

A directory of the user's below TMPDIR. A draft names the host and process that write it; those of
processes that are gone are swept by the next command that takes a lease.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
import uuid
from pathlib import Path

from tamis.pipeline.errors import WorkError, from_os


def scratch() -> Path:
    """This user's scratch directory; raises WorkError if somebody else made one of its name."""
    owner = os.getuid() if hasattr(os, "getuid") else 0
    path = Path(tempfile.gettempdir()) / f"tamis-{owner}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise from_os(error, f"cannot make the scratch directory {path} (see TMPDIR)") from error
    if not stat.S_ISDIR(found.st_mode) or (owner and found.st_uid != owner):
        raise WorkError(f"{path} is not this user's directory: set TMPDIR to one that is")
    return path


def scratch_of(name: str) -> Path:
    """The scratch directory of one corpus: the same for the same URL."""
    return scratch() / hashlib.blake2b(name.encode(), digest_size=8).hexdigest()


def draft_path() -> Path:
    """A name for a draft of this process."""
    return scratch() / f".{_host()}.{os.getpid()}.{uuid.uuid4().hex}.tmp"


def sweep_drafts() -> None:
    """Removes the drafts of this host's processes that are gone."""
    for path in scratch().glob(f".{_host()}.*.tmp"):
        pid = path.name.split(".")[2]
        if pid.isdigit() and not _alive(int(pid)):
            path.unlink(missing_ok=True)


def _host() -> str:
    return hashlib.blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
