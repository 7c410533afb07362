"""Whether other libraries cut texts into the same tokens as SentencePiece: docs/vocabulary.md.

Compares, on nasty texts and on lines of files if any are named, a vocabulary's tokenizer.model in
the SentencePiece library with tokenizer.json in tokenizers and in transformers (with and without a
model's config.json beside it) and with a GGUF file, made with the gguf package as llama.cpp's
convert_hf_to_gguf.py makes one, in llama.cpp. A library that is not installed is passed over.

    python benchmarks/vocabulary_elsewhere.py DIR [FILE.jsonl.gz...]
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import sentencepiece

Ids = list[int]
Encode = Callable[[list[str]], list[Ids]]
Decode = Callable[[list[Ids]], list[str]]
LONGEST = 5_000
"""Characters of a line of a file."""
LINES = 2_000
"""Of each file."""
SPECIAL = ("<s>", "</s>", "<unk>")


def nasty(draws: int) -> list[str]:
    """The texts of tests/nasty.py, read by its path: transformers takes tests/kernels.py for its
    own `kernels` if that folder is on the path."""
    path = Path(__file__).resolve().parents[1] / "tests/nasty.py"
    spec = importlib.util.spec_from_file_location("nasty", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: list[str] = module.texts(draws)
    return made


def lines(paths: Sequence[Path]) -> Iterator[str]:
    """Texts of files, without special tokens and without SentencePiece's own space."""
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line, _ in zip(file, range(LINES), strict=False):
                text = json.loads(line).get("text")
                if isinstance(text, str) and not any(s in text for s in (*SPECIAL, "\u2581")):
                    yield text[:LONGEST]


def by_tokenizers(folder: Path) -> tuple[Encode, Decode]:
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return (
        lambda texts: [one.ids for one in made.encode_batch(texts, add_special_tokens=False)],
        lambda ids: made.decode_batch(ids, skip_special_tokens=False),
    )


def by_transformers(folder: Path) -> tuple[Encode, Decode]:
    from transformers import AutoTokenizer

    made: Any = AutoTokenizer.from_pretrained(folder)
    bos = made.bos_token_id
    begun = made(["a", "b c"])["input_ids"]
    assert begun == [[bos, *ids] for ids in made(["a", "b c"], add_special_tokens=False).input_ids]
    return (
        lambda texts: made(texts, add_special_tokens=False)["input_ids"],
        lambda ids: [made.decode(one) for one in ids],
    )


def by_transformers_with_a_model(folder: Path) -> tuple[Encode, Decode]:
    """As in the folder of a model, whose config.json says llama."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(folder, place, dirs_exist_ok=True)
        config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
        (Path(place) / "config.json").write_text(json.dumps(config))
        return by_transformers(Path(place))


def by_llama_cpp(folder: Path) -> tuple[Encode, Decode]:
    from llama_cpp import Llama

    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        _write_gguf(folder, file.name)
        made = Llama(file.name, vocab_only=True, verbose=False)
    encoded = made.tokenize(b"a")
    assert encoded[0] == made.token_bos() and encoded[1:] == made.tokenize(b"a", add_bos=False)

    def decode(ids: list[Ids]) -> list[str]:
        # Pieces by themselves: the binding takes a space off the beginning.
        pieces = {n: made._model.token_get_text(n) for n in range(made.n_vocab())}
        return [_text([pieces[n] for n in one]) for one in ids]

    return (
        lambda texts: [made.tokenize(t.encode(), add_bos=False, special=False) for t in texts],
        decode,
    )


def _text(pieces: list[str]) -> str:
    parts = (
        bytes([int(piece[3:5], 16)])
        if piece.startswith("<0x") and len(piece) == 6
        else piece.replace("\u2581", " ").encode()
        for piece in pieces
    )
    return b"".join(parts).decode()


def _write_gguf(folder: Path, path: str) -> None:
    """A GGUF file of a vocabulary alone, from the files that the converter reads."""
    import gguf

    library = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    special = {int(place) for place in config["added_tokens_decoder"]}
    ids = range(library.vocab_size())
    kind = gguf.TokenType
    kinds = [
        kind.CONTROL if n in special else kind.BYTE if library.is_byte(n) else kind.NORMAL
        for n in ids
    ]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(8)
    writer.add_block_count(1)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([library.id_to_piece(n).encode() for n in ids])
    writer.add_token_scores([-1000.0 if n in special else library.get_score(n) for n in ids])
    writer.add_token_types(kinds)
    gguf.SpecialVocab(folder, load_merges=False, n_vocab=len(ids)).add_to_gguf(writer)
    if "add_prefix_space" in config:
        writer.add_add_space_prefix(config["add_prefix_space"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


LIBRARIES: dict[str, tuple[str, str, Callable[[Path], tuple[Encode, Decode]]]] = {
    "tokenizers": ("tokenizers", "tokenizers", by_tokenizers),
    "transformers": ("transformers", "transformers", by_transformers),
    "transformers, beside a model": ("transformers", "transformers", by_transformers_with_a_model),
    "llama.cpp": ("llama_cpp", "llama-cpp-python", by_llama_cpp),
}


def compare(folder: Path, name: str, texts: list[str]) -> None:
    """Prints one row: how many texts have other tokens there, and how many are not given back."""
    module, package, make = LIBRARIES[name]
    if importlib.util.find_spec(module) is None:
        print(f"| {name} | not installed | | | |")
        return
    encode, decode = make(folder)
    if name == "llama.cpp":
        texts = [text for text in texts if "\0" not in text]  # its strings end there
    library = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    ours, theirs = library.encode(texts), encode(texts)
    differ = [text for text, a, b in zip(texts, ours, theirs, strict=True) if a != b]
    lost = [text for text, back in zip(texts, decode(theirs), strict=True) if text != back]
    version = metadata.version(package)
    print(f"| {name} | {version} | {len(texts):,} | {len(differ)} | {len(lost)} |")
    for text in sorted(differ + lost, key=len)[:5]:
        print(f"    {text!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--draws", type=int, default=2_000)
    asked = parser.parse_args()
    texts = [*nasty(asked.draws), *lines(asked.files)]
    texts = [text for text in texts if not any(s in text for s in SPECIAL)]
    print(f"sentencepiece {metadata.version('sentencepiece')}, {asked.folder.name}")
    print("| library | version | texts | other tokens | not given back |")
    print("|---|---|---:|---:|---:|")
    for name in LIBRARIES:
        compare(asked.folder, name, texts)


if __name__ == "__main__":
    main()
