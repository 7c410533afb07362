"""A model's folder, as Hugging Face's LlamaForCausalLM has it: written, and read back.

model.safetensors has the weights, config.json the shape, and the vocabulary's files the tokens.
What is read may be a stranger's: nothing is allocated before config and file agree.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tamis.model.errors import ModelError
from tamis.model.llama import Llama
from tamis.model.presets import Shape
from tamis.tokenize.errors import TokensError
from tamis.tokenize.export import FACTS, write
from tamis.tokenize.vocabulary import Vocabulary
from tamis.tokenize.vocabulary import load as load_vocabulary

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
LARGEST = 1 << 20
"""Bytes of a config.json; more is refused."""
MOST = 1 << 31
"""No size in a config is as large."""
_FIELDS = {
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head": "head_dim",
    "ffn": "intermediate_size",
    "vocabulary": "vocab_size",
    "context": "max_position_embeddings",
    "tied": "tie_word_embeddings",
    "theta": "rope_theta",
    "eps": "rms_norm_eps",
}
_TYPES: dict[str, tuple[type, ...]] = {"tied": (bool,), "theta": (int, float), "eps": (int, float)}
# What Llama has no other of; where a config is silent, transformers' default is the same.
_ONLY = {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False}


def export(model: Llama, vocabulary: Vocabulary, folder: Path, dtype: str = "float32") -> None:
    """Writes a model's folder, which is there whole or not at all.

    dtype: of the weights, float32 or bfloat16. An exported folder of that name is replaced;
    ModelError for anything else that is there, and for a vocabulary of another size.
    """
    if model.shape.vocabulary != vocabulary.size:
        raise ModelError(
            f"the model is for {model.shape.vocabulary} tokens, the vocabulary {vocabulary.path} "
            f"has {vocabulary.size}"
        )
    if folder.exists() and not (folder / CONFIG).exists() and not _empty(folder):
        raise ModelError(f"{folder} holds something else: choose another folder")
    draft, old = (folder.with_name(f".{folder.name}.{what}") for what in ("draft", "old"))
    for leftover in (draft, old):
        shutil.rmtree(leftover, ignore_errors=True)
    _write_vocabulary(vocabulary, draft)
    weights = {
        name: one.detach().to(DTYPES[dtype]).cpu() for name, one in model.state_dict().items()
    }
    save_file(
        {name: one.contiguous() for name, one in weights.items()},
        draft / WEIGHTS,
        metadata={"format": "pt"},
    )
    _write_json(draft / CONFIG, config(model.shape, vocabulary, dtype))
    _write_json(draft / "generation_config.json", _generation(vocabulary))
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def config(shape: Shape, vocabulary: Vocabulary, dtype: str) -> dict[str, Any]:
    """config.json, with every field that transformers would fill with a default of its own.

    RoPE's base and the type are written twice: as transformers 4 reads them, and as 5 does.
    """
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **{theirs: getattr(shape, ours) for ours, theirs in _FIELDS.items()},
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.theta},
        "rope_scaling": None,
        **_ONLY,
        "attention_dropout": 0.0,
        "pretraining_tp": 1,
        "initializer_range": shape.std,
        "use_cache": True,
        **_specials(vocabulary),
        "dtype": dtype,
        "torch_dtype": dtype,
    }


def load(folder: Path) -> tuple[Llama, Vocabulary]:
    """The model of a folder, in float32 on the CPU, and its vocabulary.

    ModelError for what is missing, cut short, of other shapes than its config says, or no Llama.
    """
    shape = read_shape(folder)
    try:
        vocabulary = load_vocabulary(folder)
    except TokensError as error:
        raise ModelError(str(error)) from None
    if vocabulary.size != shape.vocabulary:
        raise ModelError(
            f"{folder}: {CONFIG} has a vocabulary of {shape.vocabulary} tokens, the folder's has "
            f"{vocabulary.size}"
        )
    return _read_weights(folder / WEIGHTS, shape), vocabulary


def read_shape(folder: Path) -> Shape:
    """What a folder's config.json says; ModelError for what is no Llama of ours."""
    path = folder / CONFIG
    read = _read_config(path)
    if read.get("model_type") != "llama":
        raise ModelError(f"{path}: model_type is {read.get('model_type')!r}, not 'llama'")
    for name, only in _ONLY.items():
        if read.get(name, only) != only:
            raise ModelError(f"{path}: {name} is {read[name]!r}; this Llama has {only!r} only")
    rope = read.get("rope_parameters") or read.get("rope_scaling") or {}
    rope = rope if isinstance(rope, dict) else {"rope_type": rope}
    if (kind := rope.get("rope_type", rope.get("type", "default"))) != "default":
        raise ModelError(f"{path}: RoPE is stretched ({kind!r}), which this Llama does not do")
    read.setdefault("rope_theta", rope.get("rope_theta"))
    for name, like in (("num_key_value_heads", "num_attention_heads"), ("tie_word_embeddings", "")):
        read.setdefault(name, read.get(like, False))  # as transformers does
    values = {ours: read.get(theirs) for ours, theirs in _FIELDS.items()}
    for ours, value in values.items():
        if not _sound(value, _TYPES.get(ours, (int,))):
            raise ModelError(f"{path}: {_FIELDS[ours]} is {value!r}")
    try:
        return Shape(**values)  # type: ignore[arg-type]
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _sound(value: Any, allowed: tuple[type, ...]) -> bool:
    """Whether a value of a config is of its type, and no number that nothing has."""
    right = isinstance(value, allowed) and isinstance(value, bool) == (bool in allowed)
    return right and -MOST < value < MOST


def _read_config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path} has more than {LARGEST} bytes: it describes no model")
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{path.parent} has no {CONFIG}: name a model's folder or a run of `tamis train`"
        ) from None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise ModelError(f"{path} is no JSON object")
    return read


def _read_weights(path: Path, shape: Shape) -> Llama:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}: weights are read from one such file") from None
    if size < shape.parameters:  # not even a byte each
        raise ModelError(
            f"{path} has {size:,} bytes, too few for the {shape.parameters:,} parameters of "
            f"{CONFIG}: copy it again, or it is of another model"
        )
    try:
        with safe_open(path, framework="pt") as file:
            _check_tensors(path, file, shape)
            return _filled(path, file, shape)
    except SafetensorError as error:
        raise ModelError(f"{path} is cut short or damaged ({error}): copy it again") from None


def _check_tensors(path: Path, file: Any, shape: Shape) -> None:
    there = set(file.keys())
    expected = 9 * shape.layers + (2 if shape.tied else 3)
    if len(there) < expected:
        raise ModelError(
            f"{path} has {len(there)} tensors, {expected - len(there)} fewer than the {expected} "
            f"of {shape.layers} layers"
        )
    with torch.device("meta"):
        wanted = Llama(shape).state_dict()
    if wrong := sorted(wanted.keys() - there) or sorted(there - wanted.keys()):
        what = "has no" if wrong[0] in wanted else "has, beyond this Llama's, the"
        raise ModelError(f"{path} {what} tensor {wrong[0]}")
    for name, one in wanted.items():
        found = file.get_slice(name).get_shape()
        if found != list(one.shape):
            raise ModelError(f"{path}: {name} is {found}, by {CONFIG} it is {list(one.shape)}")


def _filled(path: Path, file: Any, shape: Shape) -> Llama:
    with torch.device("meta"):
        model = Llama(shape)
    model.to_empty(device="cpu")
    with torch.no_grad():
        for name, one in model.state_dict().items():
            one.copy_(file.get_tensor(name))
            if not bool(one.isfinite().all()):
                raise ModelError(f"{path}: {name} has values that are no finite numbers")
    return model.eval()


def _write_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Its files, with what its vocabulary.json said beyond the model itself."""
    data = vocabulary.path.read_bytes()
    try:
        facts = json.loads(vocabulary.path.with_name(FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        facts = {}
    known = isinstance(facts, dict) and facts.get("sha256") == vocabulary.digest
    written = write(data, folder, facts if known else {})
    if written.digest != vocabulary.digest:
        raise ModelError(f"{vocabulary.path} is another vocabulary than the model was trained with")


def _specials(vocabulary: Vocabulary) -> dict[str, int | None]:
    ids = {"bos_token_id": vocabulary.bos, "eos_token_id": vocabulary.eos, "pad_token_id": -1}
    return {name: place if place >= 0 else None for name, place in ids.items()}


def _generation(vocabulary: Vocabulary) -> dict[str, Any]:
    return {**_specials(vocabulary), "do_sample": True, "temperature": 0.8, "top_p": 0.95}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
