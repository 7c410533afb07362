"""Law 6, the house stands: the arrows, no circles, nothing that shadows Python, no secret doors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from house import (
    ALL_FOLDERS,
    FOLDERS,
    MAX_LINES,
    PRODUCT,
    ROOT,
    Check,
    Sources,
    arrows,
    bare_imports,
    circles,
    early_models,
    forbidden_arrows,
    long,
    machine_paths,
    missing_packages,
    read,
    shadows,
    silent,
    strays,
    unsafe,
)

# A small house for each law: the check has to find exactly this fault, or it guards nothing.
BROKEN: list[tuple[Check, Sources, list[str]]] = [
    (
        forbidden_arrows,
        {
            "filters/a.py": "from tamis.pipeline import b",
            "pipeline/b.py": "def f():\n    from tamis.model.c import C",
            "pipeline/cli/d.py": "from tamis.model.c import C\nfrom tamis.filters.a import A",
            "pipeline/e.py": "import tamis.pipeline.cli.d",
            "model/c.py": "from tamis.tokenize.f import F",
            "tokenize/f.py": "from tamis.model import c",
        },
        [
            "filters.a -> pipeline.b",
            "pipeline.b -> model.c",
            "pipeline.e -> pipeline.cli.d: the command line is imported by nothing",
            "tokenize.f -> model.c",
        ],
    ),
    (
        early_models,
        {
            "pipeline/cli/a.py": "def f():\n    from tamis.model.c import C",
            "pipeline/cli/b.py": "class B:\n    if True:\n        from tamis.model.c import C",
            "pipeline/cli/c.py": "from tamis import model",
        },
        [
            "pipeline/cli/b.py:3: tamis.model.c",
            "pipeline/cli/b.py:3: tamis.model.c.C",
            "pipeline/cli/c.py:1: tamis.model",
        ],
    ),
    (
        strays,
        {
            "pipeline/step.py": "import datatrove.executor",
            "pipeline/step2.py": "from datatrove import x",
            "model/a.py": "import torch",
            "filters/b.py": "def f():\n    import torch.nn",
        },
        ["pipeline/step2.py:1: datatrove", "filters/b.py:2: torch.nn"],
    ),
    (
        circles,
        {
            "pipeline/a.py": "from tamis.pipeline import b",
            "pipeline/b.py": "def f():\n    from tamis.pipeline.c import C",
            "pipeline/c.py": "if TYPE_CHECKING:\n    import tamis.pipeline.a",
            "pipeline/d.py": "from tamis.pipeline.a import A",
        },
        ["pipeline.a -> pipeline.b -> pipeline.c -> pipeline.a"],
    ),
    (
        bare_imports,
        {
            "pipeline/a.py": "import pipeline.b\nimport tokenize\nimport numpy",
            "tests/b.py": "from tokenize.c import d\nfrom . import x\nfrom tests import y",
        },
        [
            "pipeline/a.py:1: pipeline.b",
            "tests/b.py:1: tokenize.c",
            "tests/b.py:2: .",
            "tests/b.py:3: tests",
        ],
    ),
    (
        shadows,
        {
            "pipeline/signals.py": "",
            "pipeline/queue.py": "",
            "tokenize/shards.py": "",
            "tokenize/types.py": "",
            "tokenize/__init__.py": "",
            "tests/tokenize/test_shards.py": "",
            "tests/random.py": "",
            "filters/html/__init__.py": "",
        },
        [
            "pipeline/queue.py: queue",
            "tokenize/types.py: types",
            "tokenize/__init__.py: tokenize",
            "tests/random.py: random",
            "filters/html/__init__.py: html",
        ],
    ),
    (silent, {"a.py": '"""What it is."""', "b.py": "x = 1  # no docstring"}, ["b.py"]),
    (
        long,
        {"a.py": "x\n" * MAX_LINES, "b.py": "x\n" * (MAX_LINES + 1)},
        [f"b.py: {MAX_LINES + 1} lines"],
    ),
    (
        unsafe,
        {
            "a.py": "import pickle\nfrom multiprocessing.reduction import pickle",
            "b.py": "eval('1')\nyaml.safe_load(t)\nyaml.load(t, Loader=yaml.SafeLoader)",
            "c.py": "yaml.load(t)\nyaml.load(t, yaml.Loader)\ntorch.load(f, weights_only=True)",
            "d.py": "torch.load(f)\ntorch.load(f, weights_only=False)\nmodel.eval()",
            "e.py": "np.load(f, allow_pickle=True)\nsubprocess.run(x, shell=True)\nexec(x)",
        },
        [
            "a.py:1: pickle",
            "a.py:2: pickle",
            "b.py:1: eval",
            "c.py:1: yaml.load",
            "c.py:2: yaml.load",
            "d.py:1: torch.load",
            "d.py:2: torch.load",
            "e.py:1: np.load",
            "e.py:2: subprocess.run",
            "e.py:3: exec",
        ],
    ),
    (
        machine_paths,
        {
            "a.md": "see " + "/home/" + "anna/x",
            "b.md": "see https://example.org/home/page and $HOME/opt/x and docs/home/x",
            "c.py": "path = '/" + "work/main'",
        },
        ["a.md:1: " + "/home/" + "anna/", "c.py:1: /" + "work/"],
    ),
]


@pytest.mark.parametrize(("check", "house", "faults"), BROKEN, ids=[c.__name__ for c, *_ in BROKEN])
def test_a_broken_house_is_seen(check: Check, house: Sources, faults: list[str]) -> None:
    """A check that cannot fail would let its law be broken for ever."""
    assert list(check(house)) == faults


def stands(faults: Iterator[str]) -> None:
    """Fails with one line for each fault."""
    found = list(faults)
    assert not found, "\n" + "\n".join(found)


def test_an_unlisted_folder_is_seen() -> None:
    """As above, for the list of packages."""
    house = {"pipeline/a.py": "", "pipeline/new/b.py": ""}
    assert list(missing_packages(house, {"tamis.pipeline", "tamis.gone"})) == [
        "tamis.pipeline.new",
        "tamis.gone",
    ]


def test_the_house_is_read() -> None:
    """If the folders moved and nothing were read, every check below would pass."""
    graph = arrows(read(PRODUCT))
    assert {"pipeline.rules", "pipeline.schema"} <= graph["pipeline.recipe"]
    assert "pipeline.recipe" in graph["pipeline.cli.run"]
    assert "tests/laws/test_house.py" in read()


def test_no_arrow_but_those_drawn() -> None:
    """With an arrow from filters/ to pipeline/, text could no longer be judged without a corpus."""
    stands(forbidden_arrows(read(PRODUCT)))


def test_models_are_imported_inside_commands_only() -> None:
    """Every `tamis --help` would wait for torch, and machines without it could do nothing."""
    stands(early_models(read(PRODUCT)))


def test_libraries_are_kept_apart() -> None:
    """datatrove at large could never be replaced; torch outside model/ costs every worker."""
    stands(strays(read(PRODUCT)))


def test_no_import_circle() -> None:
    """Modules in a circle can only be understood, tested and moved together."""
    stands(circles(read(PRODUCT)))


def test_no_bare_import_of_our_own() -> None:
    """`import pipeline` from the root loads a second copy, with classes unequal to the first's."""
    stands(bare_imports(read()))


def test_the_standard_library_is_not_shadowed() -> None:
    """A `queue.py` breaks whatever imports Python's own from that folder, far from the cause."""
    stands(shadows(read()))
    assert not (ROOT / "tokenize" / "__init__.py").exists(), "it shadows Python's tokenize"
    assert not (ROOT / "__init__.py").exists(), "pytest and pip would take the root for a package"


def test_every_folder_is_installed() -> None:
    """A folder that is not listed is missing from the wheel, and no test run here would notice."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = settings["tool"]["setuptools"]["packages"]
    assert packages == sorted(set(packages))
    stands(missing_packages(read(PRODUCT), set(packages)))


def test_every_module_says_what_it_is() -> None:
    """The first line is what a reader decides by."""
    stands(silent(read()))


def test_no_file_is_long() -> None:
    """Past 400 lines a file is more than one thing."""
    stands(long(read()))


def test_data_never_runs_as_code() -> None:
    """A corpus, a recipe or a model from elsewhere could take over the machine."""
    stands(unsafe(read(FOLDERS)))


def test_nothing_names_this_machine() -> None:
    """A path of somebody's machine is a file that exists nowhere else."""
    kinds = ("*.py", "*.toml", "*.md", "*.lock", "*.json", "*.yml", "*.yaml", "*.sh")
    paths = {path for kind in kinds for path in ROOT.glob(kind)}
    paths |= {
        p for folder in (*ALL_FOLDERS, "docs") for k in kinds for p in (ROOT / folder).rglob(k)
    }
    paths |= {ROOT / "Makefile", ROOT / ".ci" / "run"}
    texts = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in sorted(paths)}
    assert "Makefile" in texts
    stands(machine_paths(texts))


def test_the_lock_holds_versions_and_nothing_else() -> None:
    """A host, a path or a hash in it would not install on the next machine."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert lines and [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*settings["dependencies"], *settings["optional-dependencies"]["dev"]]
    names = {_plain(re.match(r"[\w.-]+", one)[0]) for one in wanted}  # type: ignore[index]
    assert names <= {_plain(line.partition("==")[0]) for line in lines}, "run `make lock`"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
