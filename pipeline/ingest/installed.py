"""The inputs that `installed:` stands for: the documentation that came with this machine.

Everything here was installed by somebody who may read it, and nothing has to be downloaded: long
descriptions, docs, licences, changelogs, docstrings, translations and man pages.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable, Iterator
from csv import Error as CsvError
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from os import scandir
from pathlib import Path, PurePosixPath
from stat import S_ISREG

import orjson

from tamis.pipeline.ingest.inputs import Input
from tamis.pipeline.ingest.kinds import is_skipped, kind, uncompressed

SYSTEM_ROOT = Path("/usr/share")
_METADATA_FOLDERS = (".dist-info", ".egg-info")


@dataclass(frozen=True)
class _Found:
    """A file that a walk came upon, before it is known to be there and to be new."""

    name: str
    path: Path
    format: str
    source: str
    package: str
    is_link: bool = False


def list_installed(system_root: Path = SYSTEM_ROOT) -> list[Input]:
    """Every input that `installed:` stands for, sorted by name, each real file once."""
    found = [*_python_distributions(), *_standard_library(), *_system(system_root)]
    # A file is called by its own name rather than by that of a link to it.
    found.sort(key=lambda one: (one.is_link, one.name))
    return sorted(_real_files(found), key=lambda item: item.name)


def _real_files(found: Iterable[_Found]) -> Iterator[Input]:
    """The files that exist and are not empty, without those seen before."""
    seen_paths: set[str] = set()
    seen_names: set[str] = set()
    folders: dict[Path, Path] = {}  # resolved once each: resolving is a stat per component
    for one in found:
        folder = one.path.parent
        try:
            one.name.encode()
            if folder not in folders:
                folders[folder] = folder.resolve()
            real = folders[folder] / one.path.name
            # Only a walk knows what is a link; a distribution's list does not.
            if one.is_link or real.is_symlink():
                real = real.resolve()
            state = real.stat()
        except (OSError, RuntimeError, ValueError):  # gone, a loop of links, no UTF-8 name
            continue
        path = str(real)
        if path in seen_paths or one.name in seen_names:
            continue
        if not S_ISREG(state.st_mode) or not state.st_size:
            continue
        seen_paths.add(path)
        seen_names.add(one.name)
        compression = uncompressed(real.name)[1]
        yield Input(one.name, path, state.st_size, one.format, compression, one.source, one.package)


def _python_distributions() -> Iterator[_Found]:
    """What the installed Python distributions brought along."""
    for distribution in distributions():
        try:
            name = distribution.metadata["Name"]
            paths = [PurePosixPath(path) for path in distribution.files or ()]
        except (TypeError, KeyError, ValueError, OSError, CsvError):
            continue  # a folder that an interrupted installation left behind
        root = Path(str(distribution.locate_file("")))
        if name and not _is_being_worked_on(distribution, root):
            yield from _python_files(name, root, paths)


def _is_being_worked_on(distribution: Distribution, root: Path) -> bool:
    """Whether this is a project's own tree: an editable install, or an egg-info beside its code.

    tamis itself never counts: the corpus of a machine does not change with the tool that reads it.
    """
    if distribution.metadata["Name"] == "tamis":
        return True
    try:
        origin = orjson.loads(distribution.read_text("direct_url.json") or "{}")
        editable = bool(origin.get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError):
        editable = False
    return editable or any((root / name).exists() for name in ("pyproject.toml", "setup.py"))


def _standard_library() -> Iterator[_Found]:
    """The modules that came with Python itself."""
    root = Path(sysconfig.get_path("stdlib"))
    paths = (PurePosixPath(path.relative_to(root).as_posix()) for path, _ in _files_under(root))
    yield from _python_files("python", root, list(paths))


def _python_files(package: str, root: Path, paths: list[PurePosixPath]) -> Iterator[_Found]:
    compiled = {path.with_suffix("") for path in paths if path.suffix == ".mo"}
    for path in paths:
        what = _python_kind(path, compiled)
        if what:
            # A list may reach out of site-packages (../../share/doc): the name need not say so.
            inside = "/".join(part for part in path.parts if part != "..")
            yield _Found(f"installed:{package}/{inside}", root / path, *what, package)


def _python_kind(path: PurePosixPath, compiled: set[PurePosixPath]) -> tuple[str, str] | None:
    """The format and source of a distribution's file; `compiled`: which catalogues have a .mo."""
    if path.is_absolute() or any(is_skipped(part) for part in path.parts[:-1] if part != ".."):
        return None
    if path.suffix == ".py":
        return "docstrings", "docstrings"
    if path.suffix == ".mo" or (path.suffix == ".po" and path.with_suffix("") not in compiled):
        return "catalogue", "catalogue"
    in_metadata = any(part.endswith(_METADATA_FOLDERS) for part in path.parts[:-1])
    if in_metadata and path.name in ("METADATA", "PKG-INFO"):
        return "description", "description"
    source = kind(path)
    # What else lies there (top_level.txt, RECORD) is for installers.
    return ("text", source) if source and not (in_metadata and source == "docs") else None


def _system(root: Path) -> Iterator[_Found]:
    """What the operating system's packages brought along."""
    yield from _system_docs(root / "doc")
    yield from _system_catalogues(root / "locale")
    yield from _man_pages(root / "man")


def _system_docs(root: Path) -> Iterator[_Found]:
    for path, is_link in _files_under(root):
        inside = PurePosixPath(path.relative_to(root).as_posix())
        source = kind(inside.with_name(uncompressed(inside.name)[0]))
        if source and len(inside.parts) > 1:
            source = "system-docs" if source == "docs" else source
            name = f"installed:system/doc/{inside}"
            yield _Found(name, path, "text", source, inside.parts[0], is_link)


def _system_catalogues(root: Path) -> Iterator[_Found]:
    files = list(_files_under(root))
    compiled = {path.with_suffix("") for path, _ in files if path.suffix == ".mo"}
    for path, is_link in files:
        if path.suffix == ".mo" or (path.suffix == ".po" and path.with_suffix("") not in compiled):
            name = f"installed:system/locale/{path.relative_to(root).as_posix()}"
            yield _Found(name, path, "catalogue", "catalogue", path.stem, is_link)


def _man_pages(root: Path) -> Iterator[_Found]:
    """The sources of man pages: man1/ls.1.gz and de/man1/ls.1.gz, not formatted ones (cat1)."""
    for path, is_link in _files_under(root):
        page, dot, section = uncompressed(path.name)[0].rpartition(".")
        if path.parent.name.startswith("man") and dot and section[:1].isalnum():
            name = f"installed:system/man/{path.relative_to(root).as_posix()}"
            # git-add and git-commit, gcloud_x and gcloud_y are cut from the same cloth.
            family = page.replace("_", "-").partition("-")[0] or page
            yield _Found(name, path, "man", "man", family, is_link)


def _files_under(root: Path) -> Iterator[tuple[Path, bool]]:
    """Every file below a folder and whether it is a link; links to folders are not followed."""
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with scandir(folder) as entries:
                found = list(entries)
        except OSError:  # there is no such folder, or it is not ours to read
            continue
        for entry in found:
            if not entry.is_dir(follow_symlinks=False):
                yield folder / entry.name, entry.is_symlink()
            elif not is_skipped(entry.name):
                folders.append(folder / entry.name)
