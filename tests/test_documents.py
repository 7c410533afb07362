"""Law 7, the README runs: every command in it and in docs/; law 8, nothing is fetched."""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from archives import http, members, warc
from backports import zstd
from support import SENTENCES, command, prose
from vocabularies import DOCUMENTS, shared_tokens, shared_vocabulary, write_tokens

from tamis.filters.kernels.compiled import cache_folder

ROOT = Path(__file__).parent.parent
# Commands that other tests or `make run` execute on this machine's own documentation, and those
# that prepare a machine.
ELSEWHERE = ("git clone", "cd tamis", "make ", "pip install")

Tamis = Callable[..., subprocess.CompletedProcess[str]]

# What a crawl has: prose that passes the rules of FineWeb, and a page in another language.
TEXTS = (
    "The old miller carried his flour across the bridge before the rain began to fall. His child "
    "had left the gate open, and the goats were in the garden with the beans. He did not scold. "
    "There would be other summers, he thought, and goats have to eat. In the evening they sat by "
    "the stove and counted what the market had paid for the last four sacks.",
    ". ".join([SENTENCES["de"]] * 5) + ".",
)
FAIR = """On the last Sunday of the month there is a fair below the castle, with cheese and pots.
Read more about it here.
A woman from the coast sells smoked eel that one smells as far as the church, and it is good.
Boys who have no money stand by the shooting gallery and explain to each other how it is done.
Read more about it here.
Nobody that I have asked could say since when there has been one, or who was to begin with it."""
PAGES = {
    "good": TEXTS[0],
    "short": "The miller had a mill, and a goat had him.",
    "braces": TEXTS[0] + "\nif (goat) { it eats the beans of the miller; }",
    "again": FAIR,
    "policy": FAIR.replace("Read more about it here.", "This fair uses cookies.", 1).replace(
        "Read more about it here.", "No goats."
    ),
    "blank": " \n ",
}
FAILED = {
    "heuristics.words": 1,  # short; blank is of no language
    "c4.curly_bracket": 1,
    "c4.sentences": 1,  # policy, of which four lines of words are left
    "fineweb.duplicate_line_chars": 1,
}
TOKENS = ("tokens", "no-dedup")  # what the page on tokenizing makes


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language in a Markdown file."""
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """The pages.jsonl that the documents speak of."""
    return write_pages(tmp_path / "pages.jsonl", 40)


def write_pages(path: Path, count: int) -> Path:
    """So many of one sentence, in four languages by turns."""
    languages = ("en", "de", "fr", "es")
    rows = [
        {"id": f"page-{n}", "text": f"{SENTENCES[languages[n % 4]]}. {n}", "source": "web"}
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run_shell(lines: str, where: Path, here: Tamis | None = None) -> str:
    """Runs the commands of a block one by one; gives what they printed.

    By `here`, if it is given: in this process, in the directory `where`.
    """
    printed = ""
    for line in lines.replace("\\\n", " ").splitlines():
        line = re.split(r"\s#", line)[0].strip()
        if not line or line.startswith(ELSEWHERE):
            continue
        assert line.startswith("tamis "), f"no test knows how to run: {line}"
        arguments = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", line)[1:]]
        if here:
            printed += here(*arguments).stdout
            continue
        done = subprocess.run(
            command(*arguments), cwd=where, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        printed += done.stdout
    return printed


@pytest.mark.usefixtures("one_thread")
def test_the_readme_runs(tmp_path: Path, here: Tamis) -> None:
    """A command in the README that does not work is the first thing a new user meets."""
    write_pages(tmp_path / "pages.jsonl", 160)  # enough for a window of the smallest model
    (tmp_path / "unseen.jsonl").write_text(json.dumps({"text": SENTENCES["en"]}))
    readme = ROOT / "README.md"
    shell = blocks(readme, "sh")
    assert shell
    for block in shell:
        run_shell(block, tmp_path, here)
    queries = blocks(readme, "python")
    assert queries
    for query in queries:
        done = subprocess.run(
            [sys.executable, "-c", query], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert "en" in done.stdout


def test_the_example_of_an_own_stage_runs(tmp_path: Path, pages: Path) -> None:
    """The way into tamis for whoever has a filter of their own."""
    docs = ROOT / "docs/stages.md"
    (tmp_path / "digits.py").write_text(blocks(docs, "python")[0])
    (tmp_path / "own.toml").write_text(blocks(docs, "toml")[0])
    printed = run_shell(blocks(docs, "sh")[0], tmp_path)
    assert "digits.prose" in printed
    ledger = json.loads((tmp_path / "corpus/ledger.json").read_text())
    assert [stage["name"] for stage in ledger["stages"]] == ["language", "digits"]
    assert ledger["stages"][1]["evaluated"]["documents"] == 20  # English and German


def test_the_page_on_perplexity_runs(tmp_path: Path, pages: Path, here: Tamis) -> None:
    """Its recipe and its commands, with good text of one's own."""
    docs = ROOT / "docs/perplexity.md"
    with gzip.open(tmp_path / "good.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in prose(1, 900))
    stage = blocks(docs, "toml")[0]
    (tmp_path / "pp.toml").write_text('[[stage]]\nkind = "language"\n\n' + stage)
    for block in blocks(docs, "sh"):
        run_shell(block, tmp_path, here)
    printed = run_shell("tamis run pp.toml pages.jsonl -o corpus", tmp_path, here)
    assert "perplexity.head_and_middle" in printed


def test_the_pages_on_tokens_run(tmp_path: Path, here: Tamis) -> None:
    """A vocabulary is learnt, a larger one of other files, and documents become tokens of it."""
    draw = random.Random(4)
    words = ["".join(draw.choices("abcdefghinorstu", k=draw.randint(2, 9))) for _ in range(120_000)]
    texts = [" ".join(words[start : start + 400]) for start in range(0, len(words), 400)]
    (tmp_path / "books").mkdir()
    (tmp_path / "books/one.txt").write_text(texts[0])
    for name, key in (("pages.jsonl", "text"), ("body.jsonl", "body")):
        rows = [json.dumps({"id": str(n), key: text}) for n, text in enumerate(texts)]
        (tmp_path / name).write_text("\n".join(rows))
    (tmp_path / "more.jsonl").write_text(json.dumps({"text": texts[1]}))
    (tmp_path / "r.toml").write_text('name = "r"\n[[stage]]\nkind = "dedup"\n')
    here("run", "r.toml", "pages.jsonl", "-o", "corpus")
    shown = run_shell(blocks(ROOT / "docs/vocabulary.md", "sh")[0], tmp_path, here)
    assert "learnt from" in shown and "By size" in shown
    (tmp_path / "larger").rename(tmp_path / "llama")
    packed = zstd.compress((tmp_path / "body.jsonl").read_bytes())
    (tmp_path / "pages.jsonl.zst").write_bytes(packed)
    shown = run_shell(blocks(ROOT / "docs/tokenize.md", "sh")[0], tmp_path, here)
    manifests = [json.loads((tmp_path / n / "tokens.json").read_text()) for n in TOKENS]
    assert [one["documents"] for one in manifests] == [len(texts) + 1, len(texts)]
    assert [one["vocabulary"]["size"] for one in manifests] == [64_000, 32_000]


@pytest.mark.usefixtures("one_thread")
def test_the_page_on_training_runs(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, here: Tamis
) -> None:
    """What it says of the files of a run, too."""
    docs = ROOT / "docs/train.md"
    (tmp_path / "tokens").symlink_to(shared_tokens(tmp_path_factory))
    write_tokens(tmp_path / "more", shared_vocabulary(tmp_path_factory), [DOCUMENTS[0]])
    run_shell(blocks(docs, "sh")[0], tmp_path, here)
    row = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])
    run = json.loads((tmp_path / "both/run.json").read_text())
    said = docs.read_text(encoding="utf-8")
    assert [key for key in (*row, *run, *run["asked"]) if f"`{key}`" not in said] == ["format"]
    assert (tmp_path / "both/branches/10240/model/config.json").exists()


def test_the_page_on_crawls_runs(tmp_path: Path, here: Tamis) -> None:
    """Whoever has an archive follows this page word for word."""
    (tmp_path / "archives").mkdir()
    pages = [f"<html><body><main><p>{text}</p></main></body></html>" for text in TEXTS]
    archive = members([warc(http(page.encode())) for page in pages])
    (tmp_path / "archives/some.warc.gz").write_bytes(archive)
    for block in blocks(ROOT / "docs/crawl.md", "sh"):
        run_shell(block, tmp_path, here)
    ledger = json.loads((tmp_path / "corpus/ledger.json").read_text())
    assert ledger["ingested"]["documents"] == len(TEXTS) and ledger["kept"]["documents"] >= 1


def test_the_page_on_heuristics_runs(tmp_path: Path, here: Tamis) -> None:
    """Two stages of one kind around one that edits the text, as users run them."""
    rows = [{"id": f"page-{n}", "text": text} for n, text in enumerate(PAGES.values())]
    (tmp_path / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    shown = run_shell(blocks(ROOT / "docs/heuristics.md", "sh")[0], tmp_path, here)
    assert "gopher_words >= 50" in shown and "FAILED" in shown
    ledger = json.loads((tmp_path / "fine/ledger.json").read_text())
    assert [one["name"] for one in ledger["stages"]] == [
        "language",
        "heuristics",
        "c4",
        "fineweb",
        "dedup",
    ]
    rules = {
        f"{one['name']}.{rule}": counts["documents"]
        for one in ledger["stages"]
        for rule, counts in one["rules"].items()
    }
    assert {rule: rules[rule] for rule in FAILED} == FAILED
    assert ledger["kept"]["documents"] == 1


def test_nothing_is_fetched(tmp_path: Path, pages: Path) -> None:
    """Law 8: a model that is downloaded in silence is a model that nobody chose."""
    guard = (
        "import socket\n"
        "connect = socket.socket.connect\n"
        "def refuse(self, address, *rest):\n"
        "    if self.family != socket.AF_UNIX:\n"
        "        raise SystemExit(f'network: {address}')\n"
        "    return connect(self, address, *rest)\n"
        "socket.socket.connect = socket.socket.connect_ex = refuse\n"
    )
    (tmp_path / "sitecustomize.py").write_text(guard)
    env = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    if folder := cache_folder():  # compiled kernels, which take half a minute
        env["TAMIS_CACHE"] = str(folder.parent)
    probe = "import socket; socket.create_connection(('127.0.0.1', 9))"
    refused = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, text=True)
    assert "network: " in refused.stderr, "the guard does not guard"
    done = subprocess.run(
        command("run", "quickstart", pages, "-o", tmp_path / "corpus"),
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    stage = json.loads((tmp_path / "corpus/signals/language/stage.json").read_text())
    assert len(stage["assets"]["model"]["sha256"]) == 64
