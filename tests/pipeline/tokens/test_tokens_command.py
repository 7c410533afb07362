"""tamis tokens: what is said of a folder, of documents in it, and of what is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reference import trainers
from vocabularies import (
    DOCUMENTS,
    Doc,
    facts,
    shared_tokens,
    shared_vocabulary,
    small_vocabulary,
    write_manifest,
    write_shard,
    write_tokens,
)

from tamis.pipeline.tokens.described import lengths
from tamis.tokenize.tokens import Tokens
from tamis.tokenize.vocabulary import Vocabulary

Tamis = Callable[..., subprocess.CompletedProcess[str]]
FLAT = [doc for some in DOCUMENTS for doc in some]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_tokens(tmp_path_factory)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return shared_vocabulary(tmp_path_factory)


def test_info(here: Tamis, folder: Path, small: Vocabulary) -> None:
    """Counts by source, the vocabulary, and how long documents are."""
    said = json.loads(here("tokens", "info", folder, "--json", "--check").stdout)
    assert said["documents"] == len(FLAT) and said["faults"] == []
    assert said["bytes_per_token"] == said["bytes"] / said["tokens"]
    assert said["vocabulary"]["sha256"] == small.digest
    for one in said["lengths"]:
        sizes = [len(small.encode(doc.text)) + 2 for doc in FLAT]
        assert one["documents"] == sum(one["from"] <= size <= one["to"] for size in sizes)
    assert sum(one["documents"] for one in said["lengths"]) == len(FLAT)
    shown = here("tokens", "info", folder).stdout
    words = sum(doc.source == "web" for doc in FLAT)
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("web ")]
    assert row[1] == str(words) and row[-1] == (
        f"{said['sources']['web']['bytes'] / said['sources']['web']['tokens']:.3f}"
    )
    for word in ("400 pieces", "shuffled, seed 0", "BOS and EOS", "2 bytes a token", "####"):
        assert word in shown


def test_lengths_by_powers_of_two(tmp_path: Path, small: Vocabulary) -> None:
    root = write_tokens(tmp_path / "tokens", small, [])
    sizes = [0, 0, 1, 2, 3, 4, 7, 8, 31]
    some = [Doc(str(n), "", "web") for n in range(len(sizes))]
    ids, ends = np.zeros(sum(sizes), np.uint16), np.cumsum(sizes)
    write_manifest(root, small, [write_shard(root, "00000", small, some, ids, ends)])
    found = [(one["from"], one["to"], one["documents"]) for one in lengths(Tokens.open(root))]
    assert found == [(0, 0, 2), (1, 1, 1), (2, 3, 2), (4, 7, 2), (8, 15, 1), (16, 31, 1)]


def test_a_damaged_file_is_named(here: Tamis, folder: Path, tmp_path: Path) -> None:
    """With --check, or at once where it is cut; exit code 1, and no traceback."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "00002.ds"
    data = path.read_bytes()
    path.write_bytes(data[:8] + bytes([data[8] ^ 1]) + data[9:])
    assert here("tokens", "info", copy).stderr == ""
    said = here("tokens", "info", copy, "--check", "--json", expect=1)
    assert "00002.ds of shard 00002 has SHA-256" in said.stderr
    assert len(json.loads(said.stdout)["faults"]) == 1
    path.write_bytes(data[:-2])
    for command in (
        ("info", copy),
        ("show", copy),
        ("convert", copy, "-o", "x", "--format", "olmo"),
    ):
        assert "shard 00002 is not whole" in here("tokens", *command, expect=1).stderr
    assert "no folder of tokens" in here("tokens", "info", tmp_path, expect=2).stderr


def test_show_a_document(here: Tamis, folder: Path, small: Vocabulary) -> None:
    """By number or id: its text, and where it begins and ends."""
    for arguments, number in ((["5"], 5), ([], 0), (["--id", FLAT[50].id], 50)):
        doc = FLAT[number]
        heading, text = here("tokens", "show", folder, *arguments).stdout.split("\n", 1)
        assert text == f"[<s>]{doc.text}[</s>]\n"
        assert heading.startswith(f"--- document {number} (")
        assert f"source {doc.source}, {len(doc.text.encode())} bytes" in heading
    (said,) = json.loads(here("tokens", "show", folder, "5", "--pieces", "--json").stdout)
    assert said["ids"] == [small.bos, *small.encode(FLAT[5].text), small.eos]
    pieces = said["text"].split("\u2502")
    assert len(pieces) == len(said["ids"]) and "".join(pieces[1:-1]) == FLAT[5].text


def test_show_by_a_vocabulary_that_puts_a_space_first(here: Tamis, tmp_path: Path) -> None:
    """The text is shown, and the space only where pieces are asked for."""
    vocabulary = small_vocabulary(tmp_path / "prefixed", prefix=True)
    root = write_tokens(tmp_path / "tokens", vocabulary, [[Doc("x", " A bridge", "web")]])
    assert here("tokens", "show", root).stdout.split("\n")[1] == "[<s>] A bridge[</s>]"
    pieces = here("tokens", "show", root, "--pieces").stdout.split("\n")[1].split("\u2502")
    assert "".join(pieces) == "[<s>]  A bridge[</s>]"
    (part,) = json.loads(
        here("tokens", "show", root, "--window", 1, "--length", 3, "--json").stdout
    )
    assert part["first"] == 3 and vocabulary.decode_bytes(part["ids"]).decode() == part["text"]


def test_show_a_window(here: Tamis, folder: Path) -> None:
    """The parts of documents in it are all of its tokens."""
    opened = Tokens.open(folder)
    every = np.concatenate(list(opened.blocks())).tolist()
    for number in (0, 3, len(every) // 300 - 1):
        arguments = ("--window", number, "--length", 300, "--json")
        parts = json.loads(here("tokens", "show", folder, *arguments).stdout)
        ids = [one for part in parts for one in part["ids"]]
        assert ids == every[300 * number : 300 * number + 300]
        for part in parts:
            document = opened.document(part["document"]).ids.tolist()
            assert document[part["first"] :][: len(part["ids"])] == part["ids"]
            assert part["ids"]
    said = here("tokens", "show", folder, "--window", 3, "--length", 300).stdout
    assert said.count("--- document") > 1 and "(from token " in said


def test_nothing_is_obeyed_by_a_terminal(here: Tamis, tmp_path: Path, small: Vocabulary) -> None:
    """Texts, ids and sources are of strangers; bytes that are no text are shown as such."""
    text = "a\x1b[31m red\x07\u202e <s> \\ é\nnext"
    root = write_tokens(tmp_path / "tokens", small, [[Doc("x", text, "we\x1b[2Jb")]])
    shown = here("tokens", "show", root).stdout
    assert "a\\x1b[31m red\\x07\\x202e <s> \\ é\nnext[</s>]" in shown
    assert "source we\\x1b[2Jb" in shown
    assert "\x1b" not in here("tokens", "info", root).stdout
    byte = small.names.index("<0xC3>")
    ids = np.array([1, byte, small.names.index("<0x41>"), 0], np.uint16)
    made = write_shard(root, "00000", small, [Doc("x", "", "web")], ids, np.array([4]))
    write_manifest(root, small, [made])
    assert here("tokens", "show", root).stdout.split("\n")[1] == "[<s>]\\xc3A[<unk>]"
    path = root / "00000.ds"
    path.write_bytes(np.array([1, 400, 2, 2], "<u2").tobytes())
    write_manifest(root, small, [{**made, "files": {**made["files"], "ds": facts(path)}}])  # type: ignore[dict-item]
    said = here("tokens", "show", root, expect=1).stderr
    assert "00000.ds has token 400, beyond the vocabulary of 400" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "TOKENS", 67), "it has 67, counted from 0"),
        (("show", "TOKENS", "--id", "nobody"), "no document of id 'nobody'"),
        (("show", "TOKENS", 3, "--id", "1-3"), "name one of N, --id and --window"),
        (("show", "TOKENS", "--window", 99999), "no window 99,999 of 1,024"),
        (("show", "TOKENS", "--window", -1), "no window"),
        (("convert", "TOKENS", "-o", "TOKENS", "--format", "olmo"), "there already"),
        (("convert", "TOKENS", "-o", "x", "--format", "gguf"), "gguf"),
        (("show", "nowhere"), "no folder of tokens"),
    ],
)
def test_calls_that_cannot_be(
    here: Tamis, folder: Path, arguments: tuple[object, ...], said: str
) -> None:
    """Exit code 2, and what could be asked instead."""
    call = [folder if one == "TOKENS" else one for one in arguments]
    assert said in here("tokens", *call, expect=2).stderr


def test_convert(here: Tamis, folder: Path, tmp_path: Path, small: Vocabulary) -> None:
    said = here("tokens", "convert", folder, "-o", "out", "--format", "megatron").stderr
    assert "tokens written to out as megatron reads them" in said
    documents = trainers.megatron(tmp_path / "out/tokens")
    assert [small.decode(ids) for ids in documents] == [doc.text for doc in FLAT]
    here("tokens", "convert", folder, "-o", "olmo", "--format", "olmo")
    assert (tmp_path / "olmo/00000.csv.gz").exists()
