"""Law 7: docs/tokens.md runs, word for word."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from vocabularies import docs, write_tokens

from tamis.tokenize.vocabulary import Vocabulary

PAGE = (Path(__file__).parents[2] / "docs/tokens.md").read_text(encoding="utf-8")
Tamis = Callable[..., subprocess.CompletedProcess[str]]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, small: Vocabulary) -> Path:
    """The folder that the page speaks of."""
    return write_tokens(tmp_path / "tokens", small, [docs(1, 60), docs(2, 60)])


def test_its_commands(here: Tamis, folder: Path) -> None:
    """Whoever has tokens looks at them with these."""
    (block,) = blocks("sh")
    lines = [line.partition("#")[0] for line in block.splitlines()]
    said = [here(*shlex.split(line)[1:]) for line in lines]
    assert "as it was written" in said[1].stderr and "[<s>]" in said[2].stdout
    made = [(folder.parent / name).exists() for name in ("for-megatron", "for-olmo")]
    assert made == [True, True]


def test_its_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trainer begins as a copy of this."""
    (block,) = blocks("python")
    monkeypatch.chdir(folder.parent)
    exec(compile(block, "docs/tokens.md", "exec"), {})
    assert re.match("The first window is of (web|books):\n", capsys.readouterr().out)
