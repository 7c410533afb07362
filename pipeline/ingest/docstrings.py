"""Python source to one document: all of its docstrings, each under its qualified name."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from tamis.pipeline.ingest.inputs import Unreadable

_Described = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")  # in source order


def documents(data: bytes) -> list[tuple[str, dict[str, object]]]:
    """The docstrings of a module as one document; none where it has no docstring.

    The module's own comes first and without a name: a file does not say what it is imported as.

    Raises:
        Unreadable: not Python as this version of it reads Python.
    """
    paragraphs = []
    for name, node in _described(_parse(data)):
        docstring = ast.get_docstring(node)
        if docstring and docstring.strip():
            paragraphs.append(f"{name}\n{docstring}" if name else docstring)
    if not paragraphs:
        return []
    # "\ud800" is a legal escape in a string and an illegal character in UTF-8.
    text = "\n\n".join(paragraphs).encode("utf-8", "replace").decode("utf-8")
    return [(text, {"docstrings": len(paragraphs)})]


def _parse(data: bytes) -> ast.Module:
    """The module's syntax tree, whatever encoding its first lines declare."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its authors' invalid escapes are not our warnings
            return ast.parse(data)
    except (SyntaxError, ValueError, LookupError) as error:  # ValueError: NUL bytes
        raise Unreadable("invalid_python", f"{error}: not Python 3 source") from error
    except (RecursionError, MemoryError) as error:
        raise Unreadable("invalid_python", "nested too deeply to be parsed") from error


def _described(module: ast.Module) -> Iterator[tuple[str, _Described]]:
    """Everything that can have a docstring, in source order, with its qualified name.

    A stack rather than recursion: how deeply foreign code nests is its own affair.
    """
    stack: list[tuple[str, ast.AST]] = [("", module)]
    while stack:
        scope, node = stack.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            scope = f"{scope}.{node.name}" if scope else node.name
            yield scope, node
        elif isinstance(node, ast.Module):
            yield scope, node
        inner = [child for block in _BLOCKS for child in getattr(node, block, ())]
        stack.extend((scope, child) for child in reversed(inner))
