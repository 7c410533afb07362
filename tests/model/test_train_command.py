"""tamis train as its user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Tamis
from trainings import losses
from vocabularies import docs, shared_tokens, shared_vocabulary, write_tokens

SMALL = ("--preset", "300k", "--context", "64", "--batch-tokens", "512", "--tokens", "2048")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_tokens(tmp_path_factory)


def test_json_and_words(here: Tamis, tokens: Path, tmp_path: Path) -> None:
    asked = ("train", tokens, "-o", "run", *SMALL, "--dtype", "fp32")
    done = here(*asked)
    assert done.stderr.startswith("cpu (1 threads), fp32 over float32 weights, not compiled, SDPA")
    assert "4 steps of 512 tokens: 1 ranks x 1 x 8 windows of 64" in done.stderr
    assert "nats a token after 2,048 tokens" in done.stderr and not done.stdout
    again = here(*asked, "--json")
    result = json.loads(again.stdout)
    assert result["done"] and result["steps"] == 4
    assert result["loss"] == losses(tmp_path / "run")[-1][1]


def test_weights_of_sources_and_folders(
    here: Tamis, tokens: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By the shares that were asked for, and repeats are said."""
    other = write_tokens(tmp_path / "other", shared_vocabulary(tmp_path_factory), [docs(9, 30)])
    here("train", tokens, "-o", "a", *SMALL, "--sources", "books=1,web=3")
    data = json.loads((tmp_path / "a/run.json").read_text())["asked"]["data"]["components"]
    assert [one["sources"] for one in data] == [["books"], ["web"]]
    assert data[1]["count"] == 3 * data[0]["count"]
    done = here("train", f"{tokens}=1", f"{other}=7", "-o", "b", *SMALL, "--tokens", "32k")
    data = json.loads((tmp_path / "b/run.json").read_text())["asked"]["data"]["components"]
    assert data[1]["count"] == 7 * data[0]["count"]
    assert "other is read" in done.stderr and "more than 4" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--device", "cuda"), "no GPU that torch can use: take --device cpu"),
        (("--device", "abacus"), "no device 'abacus'"),
        (("--preset", "6M"), "there is no preset '6M'"),
        (("--decay-at", "a/2"), "expected shares of the tokens"),
        (("--tokens", "some"), "--tokens some: expected a number"),
        (("--sources", "books"), "expected NAME=WEIGHT"),
        (("--sources", "poems=1"), "has no source poems: it has books, code, web"),
        (
            ("--context", "50000", "--batch-tokens", "50k", "--tokens", "50k"),
            "too few for a window",
        ),
    ],
)
def test_calls_that_cannot_be(
    options: tuple[str, ...], message: str, here: Tamis, tokens: Path, tmp_path: Path
) -> None:
    done = here("train", tokens, "-o", "run", *SMALL, *options, expect=2)
    assert message in done.stderr and not (tmp_path / "run").exists()


def test_what_is_no_tokens(here: Tamis, tmp_path: Path) -> None:
    assert "tokens.json" in here("train", tmp_path, "-o", "run", expect=2).stderr


def test_a_loss_that_is_no_number(here: Tamis, tokens: Path) -> None:
    done = here("train", tokens, "-o", "run", *SMALL, "--learning-rate", "1e30", expect=1)
    assert "step 2: the loss is" in done.stderr
