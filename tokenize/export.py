"""A vocabulary's folder: the model, and the files by which other libraries read the same tokens.

tokenizer.model is what sentencepiece and llama.cpp read; tokenizer.json, with its two small
companions, what tokenizers and transformers read; vocabulary.json says what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tamis.tokenize.vocabulary import BYTE, CONTROL, MODEL, NORMAL, SPACE, Vocabulary, load

FACTS = "vocabulary.json"
FILES = (MODEL, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", FACTS)
_NO_LIMIT = 10**30
"""The length of a model's context, as transformers writes one that it does not know."""


def write(model: bytes, folder: Path, facts: Mapping[str, Any]) -> Vocabulary:
    """Fills an empty folder with the files of a vocabulary, and reads it.

    facts go into vocabulary.json after the size and the digest. TokensError for a model that is not
    lossless.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(model)
    vocabulary = load(folder)
    described = {
        "format": 1,
        "size": vocabulary.size,
        "sha256": vocabulary.digest,
        "specials": specials(vocabulary),
        **facts,
    }
    contents = (tokenizer(vocabulary), *_companions(vocabulary), described)
    for name, content in zip(FILES[1:], contents, strict=True):
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
    return vocabulary


def specials(vocabulary: Vocabulary) -> dict[str, int]:
    """The special tokens, by name: those that stand for no text."""
    kinds = enumerate(vocabulary.kinds)
    return {vocabulary.names[n]: n for n, kind in kinds if kind not in (NORMAL, BYTE)}


def tokenizer(vocabulary: Vocabulary) -> dict[str, Any]:
    """tokenizer.json: the same vocabulary in the words of Hugging Face's tokenizers."""
    prefix = [{"type": "Prepend", "prepend": SPACE}] if vocabulary.prefix else []
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    words = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if vocabulary.prefix else []
    unknown = vocabulary.names[vocabulary.unknown] if vocabulary.unknown >= 0 else None
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(vocabulary),
        "normalizer": {"type": "Sequence", "normalizers": [*prefix, spaces]},
        "pre_tokenizer": None,
        "post_processor": _template(vocabulary),
        "decoder": {
            "type": "Sequence",
            "decoders": [words, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {name: place for place, name in enumerate(vocabulary.names)},
            "merges": [f"{left} {right}" for left, right in merges(vocabulary)],
        },
    }


def merges(vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """The pairs that become a piece, those of better pieces first.

    SentencePiece merges any two neighbours that together are a piece, so every split of a piece
    into two others is a pair; of those of one piece the longest left half comes first.
    """
    scores = vocabulary.scores.tolist()
    normal = [n for n, kind in enumerate(vocabulary.kinds) if kind == NORMAL]
    known = {vocabulary.names[n] for n in normal}
    pairs = (
        (-scores[n], -len(left), left, right)
        for n in normal
        for left, right in _splits(vocabulary.names[n])
        if left in known and right in known
    )
    return [(left, right) for *_, left, right in sorted(pairs)]


def _splits(name: str) -> Iterator[tuple[str, str]]:
    for place in range(1, len(name)):
        yield name[:place], name[place:]


def _added(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    return [{"id": place, **_token(name)} for name, place in specials(vocabulary).items()]


def _token(name: str) -> dict[str, Any]:
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"content": name, **plain, "special": True}


def _template(vocabulary: Vocabulary) -> dict[str, Any] | None:
    """What puts the beginning of a document before texts, as Llama's does."""
    if vocabulary.bos < 0:
        return None
    name = vocabulary.names[vocabulary.bos]
    single, pair = ([_special(name, n), _sequence(n)] for n in (0, 1))
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, *pair],
        "special_tokens": {name: {"id": name, "ids": [vocabulary.bos], "tokens": [name]}},
    }


def _special(name: str, kind: int) -> dict[str, Any]:
    return {"SpecialToken": {"id": name, "type_id": kind}}


def _sequence(kind: int) -> dict[str, Any]:
    return {"Sequence": {"id": "AB"[kind], "type_id": kind}}


def _companions(vocabulary: Vocabulary) -> tuple[dict[str, Any], dict[str, Any]]:
    """tokenizer_config.json and special_tokens_map.json, as transformers 4 and 5 read them."""
    named = {"bos": vocabulary.bos, "eos": vocabulary.eos, "unk": vocabulary.unknown}
    roles = {f"{n}_token": vocabulary.names[place] for n, place in named.items() if place >= 0}
    control = [n for n, kind in enumerate(vocabulary.kinds) if kind == CONTROL]
    others = [vocabulary.names[n] for n in control if n not in named.values()]
    roles_and_others = roles | ({"additional_special_tokens": others} if others else {})
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **roles_and_others,
        "added_tokens_decoder": {
            str(place): _token(name) for name, place in specials(vocabulary).items()
        },
        "add_bos_token": vocabulary.bos >= 0,
        "add_eos_token": False,
        "add_prefix_space": vocabulary.prefix,  # llama.cpp's converter would take it for true
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": _NO_LIMIT,
    }
    return config, roles_and_others
