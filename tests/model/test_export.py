"""A model's folder: what transformers makes of it, and what is said of one that is broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Tamis
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from vocabularies import padded

from tamis.model.errors import ModelError
from tamis.model.export import CONFIG, WEIGHTS, export, load
from tamis.model.llama import Llama
from tamis.model.presets import Shape
from tamis.tokenize.export import FILES
from tamis.tokenize.vocabulary import Vocabulary

SHAPE = Shape(64, 2, 4, 2, 16, 192, 400, 64, True)
TEXTS = ("", "The river  is\n\twide. ", "naïve 漢字 🙂 <s>", " 12345")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, vocabulary: Vocabulary) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "model"
    export(Llama(SHAPE).init(0), vocabulary, folder)
    return folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "model")


def change(folder: Path, **fields: Any) -> None:
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_transformers_gives_our_logits(
    shape: Shape, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    model = Llama(shape).init(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 0.1 / shape.std if weight.dim() > 1 else 1.1
    export(model, vocabulary, tmp_path / "model")
    other = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    ids = torch.randint(shape.vocabulary, (2, 60), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(
            model.logits(model(ids)), other(ids).logits, atol=1e-5, rtol=1e-5
        )
    assert other.config.rms_norm_eps == shape.eps
    assert other.config.rope_parameters["rope_theta"] == shape.theta
    assert other.config.head_dim == shape.head and other.dtype == torch.float32
    assert (other.config.bos_token_id, other.config.eos_token_id) == (1, 2)
    assert other.config.pad_token_id is None


def test_transformers_gives_our_tokens(exported: Path, vocabulary: Vocabulary) -> None:
    theirs = AutoTokenizer.from_pretrained(exported)
    for text in TEXTS:
        plain = text.replace("<s>", "")
        assert theirs(plain)["input_ids"] == [vocabulary.bos, *vocabulary.encode(plain)]
        assert theirs.decode(vocabulary.encode(plain)) == plain
    assert len(theirs) == vocabulary.size and theirs.eos_token_id == vocabulary.eos


def test_read_back_bit_for_bit(exported: Path, vocabulary: Vocabulary) -> None:
    model, loaded = load(exported)
    assert model.shape == SHAPE and loaded.digest == vocabulary.digest
    for one, two in zip(model.parameters(), Llama(SHAPE).init(0).parameters(), strict=True):
        assert torch.equal(one, two)
    assert {path.name for path in exported.iterdir()} == {
        *FILES,
        WEIGHTS,
        CONFIG,
        "generation_config.json",
    }
    assert "lm_head.weight" not in load_file(exported / WEIGHTS)


def test_bfloat16_halves_the_file(exported: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    export(Llama(SHAPE).init(0), vocabulary, tmp_path / "model", "bfloat16")
    sizes = [(folder / WEIGHTS).stat().st_size for folder in (exported, tmp_path / "model")]
    assert 0.5 < sizes[1] / sizes[0] < 0.51
    model, _ = load(tmp_path / "model")
    assert torch.equal(model.head, Llama(SHAPE).init(0).head.bfloat16().float())


def test_an_older_model_is_replaced_and_nothing_else(vocabulary: Vocabulary, copy: Path) -> None:
    (copy / "stale").touch()
    export(Llama(SHAPE).init(1), vocabulary, copy)
    assert not (copy / "stale").exists() and [one.name for one in copy.parent.iterdir()] == [
        "model"
    ]
    other = copy.parent / "thesis"
    other.mkdir()
    (other / "chapter").touch()
    with pytest.raises(ModelError, match="something else"):
        export(Llama(SHAPE).init(1), vocabulary, other)
    assert (other / "chapter").exists()


def test_a_failed_export_leaves_the_old(
    vocabulary: Vocabulary, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tamis.model.export.save_file", full)
    with pytest.raises(OSError):
        export(Llama(SHAPE).init(1), vocabulary, copy)
    assert torch.equal(load(copy)[0].head, Llama(SHAPE).init(0).head)


def test_the_size_of_the_vocabulary(vocabulary: Vocabulary, tmp_path: Path) -> None:
    larger = padded(vocabulary, tmp_path / "larger", 410)
    with pytest.raises(ModelError, match=r"for 400 tokens, the vocabulary .* has 410"):
        export(Llama(SHAPE).init(0), larger, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def cut(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) * 2 // 3])


def tensors(edit: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        there = load_file(folder / WEIGHTS)
        edit(there)
        save_file(there, folder / WEIGHTS)

    return do


def longer(folder: Path) -> None:
    data = (folder / FILES[0]).read_bytes()
    padded(load(folder)[1], folder, 401)
    assert (folder / FILES[0]).read_bytes() != data


Q = "model.layers.1.self_attn.q_proj.weight"
BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no weights": (lambda f: (f / WEIGHTS).unlink(), "No such file"),
    "no config": (lambda f: (f / CONFIG).unlink(), "has no config.json: name a model's folder"),
    "no vocabulary": (lambda f: (f / FILES[0]).unlink(), "tokenizer.model: No such file"),
    "cut": (cut, "cut short or damaged"),
    "few bytes": (lambda f: (f / WEIGHTS).write_bytes(b"x"), "has 1 bytes, too few"),
    "noise": (lambda f: (f / WEIGHTS).write_bytes(b"\xff" * 600_000), "damaged"),
    "missing": (tensors(lambda t: t.pop(Q)), "has 19 tensors, 1 fewer than the 20 of 2 layers"),
    "renamed": (tensors(lambda t: t.update(x=t.pop(Q))), f"has no tensor {Q}"),
    "added": (tensors(lambda t: t.update(x=t[Q] + 1)), "beyond this Llama's, the tensor x"),
    "shape": (tensors(lambda t: t.update({Q: t[Q][:60].clone()})), r"is \[60, 64\], by config"),
    "NaN": (tensors(lambda t: t[Q].fill_(float("nan"))), "no finite numbers"),
    "other vocabulary": (longer, "of 400 tokens, the folder's has 401"),
    "no JSON": (lambda f: (f / CONFIG).write_text("{"), "is no JSON"),
    "deep JSON": (lambda f: (f / CONFIG).write_text("[" * 9999), "is no JSON"),
    "a list": (lambda f: (f / CONFIG).write_text("[]"), "is no JSON object"),
    "other type": (lambda f: change(f, model_type="gpt2"), "model_type is 'gpt2'"),
    "biases": (lambda f: change(f, attention_bias=True), "attention_bias is True"),
    "gelu": (lambda f: change(f, hidden_act="gelu"), "hidden_act is 'gelu'"),
    "stretched": (lambda f: change(f, rope_parameters={"rope_type": "llama3"}), "stretched"),
    "odd rope": (lambda f: change(f, rope_parameters="yes"), "stretched"),
    "text": (lambda f: change(f, hidden_size="64"), "hidden_size is '64'"),
    "fraction": (lambda f: change(f, num_hidden_layers=2.0), "num_hidden_layers is 2.0"),
    "true": (lambda f: change(f, num_hidden_layers=True), "num_hidden_layers is True"),
    "NaN theta": (lambda f: change(f, rope_theta=float("nan")), "rope_theta is nan"),
    "negative": (lambda f: change(f, intermediate_size=-192), "ffn is -192"),
    "heads": (lambda f: change(f, num_attention_heads=3), "3 heads cannot share 2"),
    "absurd": (lambda f: change(f, hidden_size=1 << 30), "too few for the 2,084,132,880,384"),
    "endless": (lambda f: change(f, hidden_size=10**4000), "hidden_size is 1000"),
    "many layers": (lambda f: change(f, num_hidden_layers=1 << 30), "too few"),
    "thin layers": (
        lambda f: change(f, num_hidden_layers=8000, hidden_size=2, head_dim=2, intermediate_size=1),
        "has 20 tensors, 71982 fewer",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_folders(copy: Path, name: str) -> None:
    do, said = BROKEN[name]
    do(copy)
    with pytest.raises(ModelError, match=said) as error:
        load(copy)
    assert str(copy) in str(error.value)


def test_the_command(here: Tamis, exported: Path, tmp_path: Path) -> None:
    """A run's model or a folder, in another type; the call of neither is explained."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    assert "no model yet" in here("export", run, "-o", "out", expect=2).stderr
    shutil.copytree(exported, run / "model")
    here("export", run, "-o", "out", "--dtype", "bfloat16")
    assert load(tmp_path / "out")[0].shape == SHAPE
    assert "is no folder" in here("export", "nowhere", "-o", "out", expect=2).stderr
    assert "no config.json" in here("export", tmp_path, "-o", "out", expect=2).stderr
