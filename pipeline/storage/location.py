"""Places by name: a path on this machine, or a URL of anything that fsspec opens.

A local name gives a pathlib.Path; a URL gives a Remote, which has as much of a Path's interface as
a corpus needs. A remote file appears whole, by one completed upload. HTTP(S) is only read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from tamis.pipeline.errors import CallError, nearest
from tamis.pipeline.storage import web
from tamis.pipeline.storage.errors import PACKAGES, meaning, passing
from tamis.pipeline.storage.retries import Failed, Retries
from tamis.pipeline.storage.web import Facts, public

Answer = TypeVar("Answer")
WEB = ("http", "https")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


class Location(Protocol):
    """What a Path and a Remote have in common."""

    @property
    def name(self) -> str: ...
    @property
    def parent(self) -> Location: ...
    def __truediv__(self, key: str, /) -> Location: ...
    def with_name(self, name: str, /) -> Location: ...
    def absolute(self) -> Location: ...
    def resolve(self) -> Location: ...
    def exists(self) -> bool: ...
    def is_file(self) -> bool: ...
    def read_bytes(self) -> bytes: ...
    def iterdir(self) -> Iterable[Location]: ...
    def unlink(self, missing_ok: bool = False) -> None: ...
    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None: ...


def protocol_of(text: str) -> str:
    """The protocol of a URL, empty for what is no URL."""
    match = _URL.match(text)
    return match[1].lower() if match else ""


def location(text: str) -> Location:
    """The place that a name or URL stands for; raises CallError for a URL that cannot be opened."""
    protocol = protocol_of(text)
    if protocol in ("", "file", "local"):
        return Path(unquote(urlsplit(text).path)) if protocol else Path(text)
    if protocol not in WEB:
        filesystem(text)  # so that a missing package is said before any work
    return Remote(text.rstrip("/"))


def size(place: Location) -> int:
    """The bytes of a file; raises FileNotFoundError if there is none."""
    return place.stat().st_size if isinstance(place, Path) else remote(place).facts().bytes


def remote(place: Location) -> Remote:
    """A place that is known to be a URL."""
    assert isinstance(place, Remote)
    return place


@dataclass(frozen=True)
class Remote:
    """A file or a folder of a server. What it does is tried again while it may succeed.

    Errors are TamisErrors in a user's words, but for FileNotFoundError and FileExistsError.
    """

    url: str

    def __str__(self) -> str:
        return public(self.url)

    def __repr__(self) -> str:
        return f"Remote({public(self.url)!r})"

    @property
    def protocol(self) -> str:
        return protocol_of(self.url)

    @property
    def writable(self) -> bool:
        """Whether its protocol can write at all."""
        return self.protocol not in WEB

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def parent(self) -> Remote:
        return Remote(self.url.rpartition("/")[0])

    def __truediv__(self, key: str) -> Remote:
        return Remote(f"{self.url}/{key}")

    def with_name(self, name: str) -> Remote:
        return self.parent / name

    def absolute(self) -> Remote:
        return self

    def resolve(self) -> Remote:
        return self

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: an object store has no folders."""

    def facts(self) -> Facts:
        """Size and tag of a file; raises FileNotFoundError if there is none."""
        if not self.writable:
            with self._speaking():
                return web.facts(self.url, Retries.from_environment())
        info = self._do(lambda fs, path: fs.info(path))
        if info["type"] != "file":
            raise FileNotFoundError(str(self))
        return facts_of(info)

    def exists(self) -> bool:
        return self.is_file()

    def is_file(self) -> bool:
        try:
            self.facts()
        except FileNotFoundError:
            return False
        return True

    def read(self, start: int, stop: int | None) -> bytes:
        """Bytes start to stop of a file; raises FileNotFoundError if there is none."""
        if not self.writable:
            with self._speaking():
                return web.read(self.url, start, stop, Retries.from_environment())
        data: bytes = self._do(lambda fs, path: fs.cat_file(path, start=start, end=stop))
        return data

    def read_bytes(self) -> bytes:
        return self.read(0, None)

    def files(self, pattern: str = "") -> dict[str, Facts]:
        """The files below it, or that match a glob below it: path to facts. A listing: see below.

        What a listing says is good for planning and for tidying up, never for what is done.
        """
        if not self.writable:
            raise CallError(f"{self}: HTTP has no directories that can be listed: name the files")
        if pattern:
            found = self._do(lambda fs, path: fs.glob(f"{path}/{pattern}", detail=True))
        else:
            found = self._do(lambda fs, path: fs.find(path, detail=True))
        root = self._do(lambda fs, path: path).rstrip("/")
        return {
            name.removeprefix(root).lstrip("/"): facts_of(info)
            for name, info in found.items()
            if info["type"] == "file" and not name.endswith("/")
        }

    def iterdir(self) -> Iterator[Remote]:
        """What lies directly in a folder."""
        names = self.files()
        yield from (self / name for name in sorted({name.split("/", 1)[0] for name in names}))

    def upload(self, source: Path, exclusive: bool = False) -> None:
        """Puts a local file here; with exclusive, raises FileExistsError if one is there."""
        mode = {"mode": "create"} if exclusive else {}
        self._do(lambda fs, path: fs.put_file(str(source), path, **mode))

    def write_bytes(self, data: bytes, exclusive: bool = False) -> None:
        """Puts bytes here; with exclusive, raises FileExistsError if a file is there."""
        mode = {"mode": "create"} if exclusive else {}
        self._do(lambda fs, path: fs.pipe_file(path, data, **mode))

    def copy_to(self, target: Remote) -> None:
        """Copies a file within the store."""
        there = filesystem(target.url)[1]
        self._do(lambda fs, path: fs.cp_file(path, there))

    def written(self) -> float:
        """When a file was written by the server's clock, in seconds since 1970."""
        moment: float = self._do(lambda fs, path: fs.modified(path)).timestamp()
        return moment

    def unlink(self, missing_ok: bool = False) -> None:
        try:
            self._do(lambda fs, path: fs.rm_file(path))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def _do(self, action: Callable[[Any, str], Answer]) -> Answer:
        """The answer of a file system to one request, tried again while it may succeed."""
        if not self.writable:
            raise CallError(f"{self}: HTTP is for reading only: choose a place that can be written")
        fs, path = filesystem(self.url)

        def ask() -> Answer:
            try:
                return action(fs, path)
            except Exception as error:
                if passing(error):
                    raise Failed(f"{type(error).__name__}: {error}"[:300]) from error
                raise

        with self._speaking():
            return Retries.from_environment().call(ask)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Turns errors into those that a user is told, but for files that are or are not there."""
        try:
            yield
        except FileExistsError:
            raise
        except FileNotFoundError as error:
            told = meaning(error, str(self), self.protocol)
            if isinstance(told, CallError):  # not the file is missing: its bucket is
                raise told from error
            raise
        except Exception as error:
            raise meaning(error, str(self), self.protocol) from error


def facts_of(info: dict[str, Any]) -> Facts:
    """What a file system's info says of a file; a tag is its ETag, the one thing that all quote."""
    tag = info.get("ETag") or info.get("etag") or ""
    return Facts(info["size"] if info["size"] is not None else -1, str(tag).strip('"'))


def filesystem(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path there; raises CallError if there is no such thing."""
    protocol, rest = protocol_of(url), url.split("://", 1)[1]
    fs = _filesystem(protocol, rest.partition("/")[0])
    return fs, fs._strip_protocol(url)


@lru_cache(maxsize=64)
def _filesystem(protocol: str, host: str) -> Any:
    """One file system a process and host: without fsspec's caches of instances and listings.

    Workers are forked from a server that never opened one, so no event loop is shared.
    """
    import fsspec  # 0.05 s that no command on local files has to pay

    try:
        cls = fsspec.get_filesystem_class(protocol)
    except ValueError:
        known = nearest(protocol, [*WEB, "s3", "gs", "az", "ftp", "sftp", "file"])
        raise CallError(f"{protocol}://{host}: unknown protocol '{protocol}': {known}") from None
    except ImportError as error:
        package = PACKAGES.get(protocol)
        hint = f"pip install {package}" if package else str(error)
        raise CallError(f"{protocol}:// needs a package that is not installed: {hint}") from None
    retries, options = (
        Retries.from_environment(),
        cls._get_kwargs_from_urls(f"{protocol}://{host}/"),
    )
    options.pop("path", None)
    if protocol in ("s3", "s3a"):
        # Tried again here alone, not in three layers; two parts of 50 MB in memory at a time.
        limits = {"total_max_attempts": 1}
        patience = {"connect_timeout": retries.timeout, "read_timeout": retries.timeout}
        options |= {"config_kwargs": {**patience, "retries": limits}, "max_concurrency": 2}
    options |= {"use_listings_cache": False, "skip_instance_cache": True}
    try:
        fs = fsspec.filesystem(protocol, **options)
    except Exception as error:
        raise meaning(error, f"{protocol}://{host.rpartition('@')[2]}", protocol) from error
    if protocol in ("s3", "s3a"):
        fs.retries = 1
    return fs
