"""Inputs by URL: files, folders and globs of a store, files of the web, lists of all of these.

Planning may look at listings and asks every server once what it has; nothing is read yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from tamis.pipeline.errors import CallError
from tamis.pipeline.ingest import hub, inputs
from tamis.pipeline.ingest.inputs import KNOWN, Input, Unreadable, kind_of, pass_over
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.ingest.streams import Source, whole
from tamis.pipeline.storage.location import WEB, Remote, location, protocol_of, remote, size
from tamis.pipeline.storage.web import Facts, public

ASKED_AT_ONCE = 16
LIST_BYTES = 1 << 28
_SIGNS = "*?["


class Named:
    """What an argument stands for: `@LIST`, a URL, a dataset, or a path of this machine."""

    def __init__(
        self, options: IngestOptions, dataset: Callable[[str], Input] = hub.list_dataset
    ) -> None:
        self.format, self.prefix, self.dataset = options.format, options.prefix, dataset

    def __call__(self, argument: str, skipped: Counter[str]) -> list[Input]:
        """The inputs of an argument; raises CallError where there is nothing to be read."""
        if argument.startswith("@"):
            return self._listed(argument)
        if argument.startswith(hub.SCHEME):
            return [self.dataset(argument)]
        if "://" not in argument:
            return inputs.local(argument, skipped, self.format)
        place = location(argument)
        if isinstance(place, Path):
            return inputs.local(str(place), skipped, self.format)
        if protocol_of(argument) in WEB:
            return [self._of_the_web(argument)]
        return self._of_a_store(argument, remote(place), skipped)

    def _of_the_web(self, url: str) -> Input:
        path = urlsplit(url).path
        if path.endswith("/") or not path or "*" in path:
            raise CallError(
                f"{public(url)}: HTTP has no directories that can be listed: name the files, or "
                "put their URLs into a file and name that, as @FILE"
            )
        return self._asked(url, path.rpartition("/")[2])

    def _of_a_store(self, argument: str, place: Remote, skipped: Counter[str]) -> list[Input]:
        if not any(sign in argument for sign in _SIGNS):
            try:
                return [self._asked(argument, place.name, place.facts())]
            except FileNotFoundError:
                return self._below(place, _found(place), skipped)
        fixed = argument
        if any(sign in argument.split("/")[2] for sign in _SIGNS):
            raise CallError(f"{argument}: a glob begins after the bucket, as in s3://bucket/*.gz")
        while any(sign in fixed for sign in _SIGNS):
            fixed = fixed.rpartition("/")[0]
        pattern = argument.removeprefix(fixed).lstrip("/")
        pattern += "/*" if pattern.endswith("**") else ""
        return self._below(Remote(fixed), _found(Remote(fixed), pattern), skipped)

    def _below(self, root: Remote, found: dict[str, Facts], skipped: Counter[str]) -> list[Input]:
        """Files in the order in which a local directory of them would be read."""
        made = []
        for name in sorted(found, key=lambda name: name.split("/")):
            if any(part.startswith(".") for part in name.split("/")):
                skipped["hidden"] += 1
            elif kind := kind_of(name, self.format):
                made.append(_input(f"{root.url}/{name}", name, kind, found[name]))
            else:
                pass_over(name, skipped)
        return made

    def _asked(self, url: str, name: str, known: Facts | None = None) -> Input:
        """The input at a URL, whose server is asked for its size; raises CallError."""
        kind = kind_of(name, self.format)
        if kind is None:
            raise CallError(f"{public(url)}: unknown kind of file (see --format); {KNOWN}")
        try:
            return _input(url, name, kind, known or remote(location(url)).facts())
        except FileNotFoundError as error:
            raise CallError(f"{public(url)}: {_missing(error)}") from error

    def _listed(self, argument: str) -> list[Input]:
        """The inputs that the lines of a file name, in their order, asked for all at once."""
        where = argument[1:]
        lines = list(_lines(where))
        if not lines:
            raise CallError(f"{public(argument)}: the list is empty")
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            return list(pool.map(lambda line: self._line(line, where), lines))

    def _line(self, line: str, where: str) -> Input:
        if "://" in line:
            parts = urlsplit(public(line))
            url, name = line, f"{parts.netloc}{parts.path}"
        else:
            url, name = f"{self.prefix}{line}" if self.prefix else _beside(line, where), line
        if protocol_of(url):
            made = self._asked(url, urlsplit(url).path.rpartition("/")[2])
        else:
            if not Path(url).is_file():
                raise CallError(f"{url}: no such file (in the list {public(where)})")
            (made,) = inputs.local(url, Counter(), self.format)
        return replace(made, name=name)


def secrets(arguments: Sequence[str], found: Sequence[Input]) -> list[Input]:
    """Inputs that were saved without passwords and queries, with those of the same arguments."""
    known: dict[str, list[str]] = {}
    for argument in arguments:
        lines = _lines(argument[1:]) if argument.startswith("@") else [argument]
        for url in lines:
            if "://" in url and public(url) != url:
                known.setdefault(public(url), []).append(url)
    return [
        replace(one, secret=known[one.path].pop(0)) if known.get(one.path) else one for one in found
    ]


def _lines(where: str) -> Iterator[str]:
    """The lines of a list, plain or compressed, but blank ones and comments."""
    name = urlsplit(where).path.rpartition("/")[2] if "://" in where else where
    compression = (kind_of(name, "text") or ("", ""))[1]
    try:
        place = location(where)
        facts = place.facts() if isinstance(place, Remote) else Facts(size(place))
        data = whole(Source(_input(where, name, ("text", compression), facts)), LIST_BYTES)
        text = data.decode()
    except (OSError, Unreadable, UnicodeDecodeError) as error:
        raise CallError(f"{public(where)}: cannot be read as a list of inputs: {error}") from None
    for line in text.splitlines():
        if (line := line.strip()) and not line.startswith("#"):
            yield line


def _beside(line: str, where: str) -> str:
    """A relative line of a list, as a name beside the list."""
    if "://" not in where:
        return str(Path(where).parent / line)
    if protocol_of(where) in WEB:
        return urljoin(where, line)
    return f"{where.rpartition('/')[0]}/{line}"


def _missing(error: FileNotFoundError) -> str:
    """What a web server said, or that there is nothing."""
    said = str(error)
    return said if said[:3].isdigit() else "no such file or directory"


def _found(place: Remote, pattern: str = "") -> dict[str, Facts]:
    try:
        return place.files(pattern)
    except FileNotFoundError as error:
        raise CallError(f"{place}: no such file or directory") from error


def _input(url: str, name: str, kind: tuple[str, str], facts: Facts) -> Input:
    shown = public(url) if "://" in url else str(Path(url).absolute())
    secret = url if shown != url and "://" in url else ""
    made = Input(name, shown, facts.bytes, *kind)
    return replace(made, tag=facts.tag, ranges=facts.ranges, secret=secret)
