"""What the house law checks: functions over sources, so that each can be shown a broken house."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = ("pipeline", "filters", "tokenize", "model", "recipes")
FOLDERS = (*PRODUCT, "benchmarks")
ALL_FOLDERS = (*FOLDERS, "tests")
MAX_LINES = 400

# What a folder of the product may import of the others; itself always.
ARROWS = {
    "pipeline": {"filters", "tokenize", "recipes"},
    "filters": set(),
    "tokenize": set(),
    "model": {"tokenize"},
    "recipes": set(),
}
# Libraries that only these modules (or the folders below these) may import.
KEPT_APART = {
    "datatrove": (
        "pipeline.ingest.hub_reader",
        "pipeline.on_slurm",
        "pipeline.slurm_steps",
        "pipeline.step",
    ),
    "torch": ("model",),
}

Sources = dict[str, str]  # path inside the repository: text
Check = Callable[[Sources], Iterator[str]]


def read(folders: tuple[str, ...] = ALL_FOLDERS) -> Sources:
    """The Python files of some folders."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def module(path: str) -> str:
    """`pipeline/cli/__init__.py` is `pipeline.cli`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(tree: ast.AST, deep: bool = True) -> Iterator[tuple[int, str, list[str]]]:
    """Line, module and names of every import, those in functions and TYPE_CHECKING too."""
    for node in ast.walk(tree) if deep else [tree]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, []
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            yield node.lineno, name, [alias.name for alias in node.names]


def arrows(sources: Sources) -> dict[str, set[str]]:
    """Who imports whom among modules of the product, without the leading `tamis.`."""
    known = {module(path) for path in sources}
    found: dict[str, set[str]] = {}
    for path, text in sources.items():
        found[module(path)] = targets = set()
        for _, name, names in imports(ast.parse(text)):
            if not name.startswith("tamis"):
                continue
            base = name.removeprefix("tamis").removeprefix(".")
            below = {f"{base}.{one}".removeprefix(".") for one in names}
            targets |= below & known
            if not names or below - known:
                targets.add(base)
    return found


def forbidden_arrows(sources: Sources) -> Iterator[str]:
    for source, targets in arrows(sources).items():
        home = source.partition(".")[0]
        for target in sorted(targets):
            folder = target.partition(".")[0]
            from_cli = source.startswith("pipeline.cli.")
            allowed = ARROWS[home] | {home} | ({"model"} if from_cli else set())
            if folder not in allowed:
                yield f"{source} -> {target}"
            if target.startswith("pipeline.cli") and not source.startswith("pipeline.cli"):
                yield f"{source} -> {target}: the command line is imported by nothing"


def early_models(sources: Sources) -> Iterator[str]:
    """Imports of `model` that run when a command is merely looked up."""
    for path, text in sources.items():
        if path.startswith("pipeline/"):
            for node in _run_at_import(ast.parse(text)):
                for line, name, names in imports(node, deep=False):
                    for full in (name, *(f"{name}.{one}" for one in names)):
                        if f"{full}.".startswith("tamis.model."):
                            yield f"{path}:{line}: {full}"


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes outside functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _run_at_import(child)


def strays(sources: Sources) -> Iterator[str]:
    """Libraries imported where they are not to be."""
    for path, text in sources.items():
        here = f"{module(path)}."
        for line, name, _ in imports(ast.parse(text)):
            homes = KEPT_APART.get(name.partition(".")[0])
            if homes is not None and not any(here.startswith(f"{home}.") for home in homes):
                yield f"{path}:{line}: {name}"


def circles(sources: Sources) -> Iterator[str]:
    """Import circles, one of each knot: what is found is taken out and looked for again."""
    graph = {source: sorted(targets) for source, targets in arrows(sources).items()}
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]
            yield " -> ".join(circle)
            graph[circle[0]].remove(circle[1])
        else:
            return


def bare_imports(sources: Sources) -> Iterator[str]:
    for path, text in sources.items():
        for line, name, _ in imports(ast.parse(text)):
            first = name.partition(".")[0]
            if name.startswith(".") or (first in ALL_FOLDERS and name != "tokenize"):
                yield f"{path}:{line}: {name or '.'}"


def shadows(sources: Sources) -> Iterator[str]:
    """Modules and folders named like one of the standard library's.

    The folder tokenize/ is allowed: without an __init__.py Python's own module goes before it.
    """
    for path in sources:
        parts = module(path).removeprefix("tests.").split(".")
        for part in parts[parts[0] == "tokenize" and not path.endswith("/__init__.py") :]:
            if part in sys.stdlib_module_names:
                yield f"{path}: {part}"


def silent(sources: Sources) -> Iterator[str]:
    """Modules without a docstring."""
    for path, text in sources.items():
        if not ast.get_docstring(ast.parse(text)):
            yield path


def long(sources: Sources) -> Iterator[str]:
    for path, text in sources.items():
        if (lines := len(text.splitlines())) > MAX_LINES:
            yield f"{path}: {lines} lines"


UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "yaml.load", "yaml.load_all", "yaml.unsafe_load", "os.system"}
SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "yaml.SafeLoader", "yaml.CSafeLoader"}


def unsafe(sources: Sources) -> Iterator[str]:
    """Ways by which data could run as code."""
    for path, text in sources.items():
        tree = ast.parse(text)
        for line, name, names in imports(tree):
            for one in (name, *names):
                if one.partition(".")[0] in UNSAFE_MODULES:
                    yield f"{path}:{line}: {one}"
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if (name := _unsafe_call(call)) is not None:
                yield f"{path}:{call.lineno}: {name}"


def _unsafe_call(call: ast.Call) -> str | None:
    name = ast.unparse(call.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if name in ("yaml.load", "yaml.load_all"):
        loader = given.get("Loader") or (ast.unparse(call.args[1]) if call.args[1:] else "")
        return None if loader in SAFE_LOADERS else name
    if name in UNSAFE_CALLS:
        return name
    if name == "torch.load" and given.get("weights_only") != "True":
        return name
    if name.endswith(("np.load", "numpy.load")) and given.get("allow_pickle", "False") != "False":
        return name
    if name.startswith("subprocess.") and given.get("shell", "False") != "False":
        return name
    return None


MACHINE_PATH = re.compile(
    r"(?<![\w./~$}-])/(?:work|farm|mnt|srv|root|home/\w+|Users/\w+|opt/(?:pypi|wheels))(?:/|\b)"
)


def machine_paths(texts: Sources) -> Iterator[str]:
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if found := MACHINE_PATH.search(line):
                yield f"{path}:{number}: {found[0]}"


def missing_packages(sources: Sources, packages: set[str]) -> Iterator[str]:
    """Folders with modules that are not installed, and packages that have none."""
    folders = {"tamis." + path.rpartition("/")[0].replace("/", ".") for path in sources}
    yield from sorted(folders - packages)
    yield from sorted(packages - folders)
