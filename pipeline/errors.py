"""What can go wrong, in the words a user reads.

TamisError
 +-- CallError    the call was wrong: exit code 2
 +-- WorkError    the work failed: exit code 1
      +-- Busy    somebody else holds the corpus
      +-- Damaged a file of ours is not what it was written as
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class TamisError(Exception):
    """An error whose message says what happened, where, and what to do next."""

    exit_code = 1


class CallError(TamisError):
    """The call was wrong: an unknown name, a missing input, an option that cannot be."""

    exit_code = 2


class WorkError(TamisError):
    """The work failed: a full disk, an unreadable model, a shard that cannot be measured."""


class Stopped(BaseException):
    """A signal asked the command to stop: no error, and nothing may swallow it."""


class Busy(WorkError):
    """Another process holds the corpus."""


class Damaged(WorkError):
    """A file of ours cannot be read as what it was written as."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """The tail of a message about a wrong name: the nearest valid one, and all of them."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}Valid: {', '.join(names) or 'none'}"


def from_os(error: OSError, doing: str) -> WorkError:
    """The WorkError that an operating system's error means to a user."""
    where = f" ({error.filename})" if error.filename else ""
    advice = {
        errno.ENOSPC: "the disk is full: free some space and run the same command again",
        errno.EDQUOT: "the disk quota is used up: free some space and run the same command again",
        errno.EROFS: "the file system is read-only: choose another directory",
        errno.EACCES: "permission denied: check who may write there, or choose another directory",
        errno.EPERM: "not permitted: check who may write there, or choose another directory",
        errno.EMFILE: "too many open files: raise `ulimit -n` or lower --workers",
    }.get(error.errno or 0, error.strerror or str(error))
    return WorkError(f"{doing}{where}: {advice}")
