"""The reference curve: one pinned run of the 1M preset on text that every installation has.

    python tests/reference_curve.py

writes tests/model/reference_curve.json anew: the losses of 40 steps in float32 on the docstrings of
torch, whose version is pinned, and the digests of that text and of the tokens it became.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from trainings import CPU, SMALL, losses, trained
from vocabularies import Doc, write_tokens

from tamis.tokenize import training
from tamis.tokenize.vocabulary import MODEL, load

CURVE = Path(__file__).parent / "model/reference_curve.json"
FILES = ("_torch_docs.py", "_tensor_docs.py", "nn/functional.py")
SETTINGS = replace(
    SMALL,
    preset="1M",
    tokens=40 * 2048,
    context=512,
    batch_tokens=2048,
    learning_rate=0.003,
    warmup=16 * 2048,
    checkpoint_every=1000,
)


def documents() -> list[Doc]:
    """The docstrings in these files of torch."""
    root = Path(torch.__file__).parent
    found = []
    for name in FILES:
        for text in re.findall(r'"""(.{100,}?)"""', (root / name).read_text("utf-8"), re.DOTALL):
            found.append(Doc(f"{name} {len(found)}", text, "torch"))
    return found


def digest(documents: list[Doc]) -> str:
    """Of the text."""
    return hashlib.sha256("\0".join(one.text for one in documents).encode()).hexdigest()


def run(folder: Path) -> dict[str, Any]:
    """Learns a vocabulary, encodes, trains; digests and losses."""
    some = documents()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(training.train([one.text for one in some], 4096, threads=1))
    tokens = write_tokens(folder / "tokens", load(folder), [some])
    trained(tokens, folder / "run", SETTINGS, place=CPU)
    return {
        "torch": torch.__version__.partition("+")[0],
        "text": digest(some),
        "tokens": hashlib.sha256((tokens / "00000.ds").read_bytes()).hexdigest(),
        "losses": [round(loss, 6) for _, loss, _ in losses(folder / "run")],
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        CURVE.write_text(json.dumps(run(Path(place)), indent=1) + "\n", encoding="utf-8")
