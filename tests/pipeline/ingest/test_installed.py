"""The listing of `installed:` on a made-up system, on made-up distributions, and on this one."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from tamis.pipeline.ingest import installed
from tamis.pipeline.ingest.inputs import Input
from tamis.pipeline.ingest.installed import list_installed


def put(path: Path, text: str = "some text\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def no_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No distributions and an empty standard library."""
    monkeypatch.setattr(installed, "distributions", lambda: iter(()))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "nowhere"))


def by_name(inputs: list[Input]) -> dict[str, Input]:
    named = {one.name: one for one in inputs}
    assert len(named) == len(inputs)
    return named


@pytest.mark.usefixtures("no_python")
def test_system_files_become_inputs_with_source_package_and_format(tmp_path: Path) -> None:
    root = tmp_path / "share"
    put(root / "doc/bash/README.gz")
    put(root / "doc/bash/copyright")
    put(root / "doc/bash/changelog.Debian.gz")
    put(root / "doc/bash/RelNotes/1.2.txt")
    put(root / "doc/git/howto/rebase.txt.gz")
    put(root / "locale/fr/LC_MESSAGES/coreutils.mo")
    put(root / "man/de/man1/ls.1.gz")
    put(root / "man/man3/Foo::Bar.3pm")
    found = {
        one.name.removeprefix("installed:system/"): (
            one.source,
            one.package,
            one.format,
            one.compression,
        )
        for one in list_installed(root)
    }
    assert found == {
        "doc/bash/README.gz": ("system-docs", "bash", "text", "gz"),
        "doc/bash/copyright": ("licence", "bash", "text", ""),
        "doc/bash/changelog.Debian.gz": ("changelog", "bash", "text", "gz"),
        "doc/bash/RelNotes/1.2.txt": ("changelog", "bash", "text", ""),
        "doc/git/howto/rebase.txt.gz": ("system-docs", "git", "text", "gz"),
        "locale/fr/LC_MESSAGES/coreutils.mo": ("catalogue", "coreutils", "catalogue", ""),
        "man/de/man1/ls.1.gz": ("man", "ls", "man", "gz"),
        "man/man3/Foo::Bar.3pm": ("man", "Foo::Bar", "man", ""),
    }


@pytest.mark.usefixtures("no_python")
def test_what_is_no_prose_is_left_out(tmp_path: Path) -> None:
    root = tmp_path / "share"
    for name in (
        "manual.html",
        "logo.png",
        "example.c",
        "Makefile",
        "install-sh",
        "AUTHORS",
        "wordlist.txt",
        "requirements.txt",
        "tests/README",
        ".hidden/README.md",
        "data/table.txt",
        "README.pdf",
    ):
        put(root / "doc/thing" / name)
    put(root / "doc/empty/README", "")
    put(root / "doc/stray.txt")
    put(root / "man/cat1/ls.1")
    put(root / "man/man1/index.db.gz").rename(root / "man/man1/whatis")
    assert list_installed(root) == []


@pytest.mark.usefixtures("no_python")
def test_a_po_file_counts_only_where_no_mo_lies_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "locale/fr/LC_MESSAGES"
    for name in ("both.mo", "both.po", "only.po"):
        put(folder / name)
    assert [one.name.rpartition("/")[2] for one in list_installed(tmp_path)] == [
        "both.mo",
        "only.po",
    ]


@pytest.mark.usefixtures("no_python")
def test_a_linked_file_is_listed_once_by_its_own_name(tmp_path: Path) -> None:
    root = tmp_path / "share"
    real = put(root / "doc/zebra/README")
    (root / "doc/ant").mkdir()
    (root / "doc/ant/README").symlink_to(real)
    (root / "doc/ant/NEWS").symlink_to(tmp_path / "missing")
    (root / "doc/bee").symlink_to(root / "doc/zebra")
    (root / "doc/ant/TODO").symlink_to(root / "doc/ant/TODO")
    outside = put(tmp_path / "elsewhere/FAQ.txt")
    (root / "doc/ant/FAQ").symlink_to(outside)
    inputs = list_installed(root)
    assert [one.name for one in inputs] == [
        "installed:system/doc/ant/FAQ",
        "installed:system/doc/zebra/README",
    ]
    assert inputs[0].path == str(outside.resolve())


@pytest.mark.usefixtures("no_python")
def test_a_machine_without_the_folders_has_no_inputs(tmp_path: Path) -> None:
    assert list_installed(tmp_path / "share") == []


def distribution(site: Path, name: str, files: list[str], **extra: str) -> metadata.Distribution:
    """A distribution as pip leaves it, with these files and further ones in its dist-info."""
    folder = site / f"{name}-1.0.dist-info"
    put(folder / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\nIt sifts.\n")
    for path in files:
        put(site / path)
    for path, text in extra.items():
        put(folder / path.replace("__", "."), text)
    written = [path.relative_to(site).as_posix() for path in folder.iterdir()]
    put(folder / "RECORD", "".join(f"{path},,\n" for path in [*files, *written, "gone/README.md"]))
    return metadata.Distribution.at(folder)


def test_distributions_are_listed_by_their_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_python: None
) -> None:
    site = tmp_path / "lib/site"
    files = [
        "sieve/core.py",
        "sieve/tests/test_core.py",
        "sieve/README.rst",
        "sieve/NOTICE",
        "sieve/CHANGES.txt",
        "sieve/locale/de/LC_MESSAGES/sieve.mo",
        "sieve/locale/de/LC_MESSAGES/sieve.po",
        "sieve/history.so",
        "sieve-1.0.dist-info/licenses/LICENSE-MIT",
        "sieve-1.0.dist-info/top_level.txt",
        "../share/doc/sieve/guide.md",
    ]
    one = distribution(site, "sieve", files)
    monkeypatch.setattr(installed, "distributions", lambda: iter((one, one)))
    inputs = by_name(list_installed(tmp_path / "share-of-system"))
    assert {name: item.source for name, item in inputs.items()} == {
        "installed:sieve/sieve/core.py": "docstrings",
        "installed:sieve/sieve/README.rst": "docs",
        "installed:sieve/sieve/NOTICE": "licence",
        "installed:sieve/sieve/CHANGES.txt": "changelog",
        "installed:sieve/sieve/locale/de/LC_MESSAGES/sieve.mo": "catalogue",
        "installed:sieve/sieve-1.0.dist-info/licenses/LICENSE-MIT": "licence",
        "installed:sieve/sieve-1.0.dist-info/METADATA": "description",
        "installed:sieve/share/doc/sieve/guide.md": "docs",
    }
    assert {item.package for item in inputs.values()} == {"sieve"}
    assert inputs["installed:sieve/sieve/core.py"].bytes == len("some text\n")


def test_editable_and_broken_distributions_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_python: None
) -> None:
    origin = json.dumps({"url": "file:///somewhere", "dir_info": {"editable": True}})
    editable = distribution(tmp_path / "a", "mine", ["mine.py"], direct_url__json=origin)
    checkout = distribution(tmp_path / "b", "tree", ["tree.py"])
    put(tmp_path / "b/pyproject.toml")
    (tmp_path / "c/left-1.0.dist-info").mkdir(parents=True)
    broken = metadata.Distribution.at(tmp_path / "c/left-1.0.dist-info")
    itself = distribution(tmp_path / "d", "tamis", ["tamis.py"])
    fine = distribution(tmp_path / "e", "fine", ["fine.py"])
    everything = (editable, checkout, broken, itself, fine)
    monkeypatch.setattr(installed, "distributions", lambda: iter(everything))
    assert {one.package for one in list_installed(tmp_path / "share")} == {"fine"}


def test_this_machine() -> None:
    """What is installed here, whatever it is: at least Python itself and the test's own tools."""
    inputs = list_installed()
    assert [one.name for one in inputs] == sorted(one.name for one in inputs)
    names = by_name(inputs)
    assert len({one.path for one in inputs}) == len(inputs)
    decoder = names["installed:python/json/decoder.py"]
    assert (decoder.format, decoder.source, decoder.package) == ("docstrings",) * 2 + ("python",)
    assert names["installed:numpy/numpy/ma/core.py"].package == "numpy"
    assert any(one.source == "description" and one.package == "numpy" for one in inputs)
    assert not any("/tests/" in name or "__pycache__" in name for name in names)
    assert not any(one.package == "tamis" for one in inputs)
    assert not any(name.startswith("installed:/") or ".." in name.split("/") for name in names)
    assert {one.source for one in inputs} <= {
        "description",
        "docs",
        "licence",
        "changelog",
        "docstrings",
        "catalogue",
        "man",
        "system-docs",
    }
