"""tokenizer.json: the tokens of tokenizers are those of the SentencePiece library."""

from __future__ import annotations

import argparse
import json
import random
import tarfile
from pathlib import Path

import pytest
from nasty import texts
from sentencepiece import SentencePieceProcessor
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from support import prose
from tokenizers import Tokenizer

from tamis.tokenize import export
from tamis.tokenize.training import TooLarge, train

CODE = [Path(module.__file__).read_text("utf-8") for module in (argparse, tarfile)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("vocabulary")
    model = train([*prose(1, 400), *CODE, *texts(20)], 2400, ["<|pad|>"], coverage=0.98)
    export.write(model, place, {"settings": {"seed": 7}})
    return place


def differing(model: bytes, path: Path, written: list[str]) -> list[str]:
    """The texts that tokenizers and the library cut otherwise, or do not give back."""
    library = SentencePieceProcessor(model_proto=model)
    tokenizer = Tokenizer.from_file(str(path))
    found = [one.ids for one in tokenizer.encode_batch(written, add_special_tokens=False)]
    back = tokenizer.decode_batch(found, skip_special_tokens=False)
    triples = zip(written, library.encode(written), found, back, strict=True)
    return [text for text, ids, theirs, again in triples if (ids, text) != (theirs, again)]


def test_tokenizers_gives_the_same_tokens(folder: Path) -> None:
    """A model trained on our tokens would be asked questions in others."""
    model = (folder / "tokenizer.model").read_bytes()
    assert differing(model, folder / "tokenizer.json", texts(100)) == []


def test_ties_are_broken_alike(tmp_path: Path) -> None:
    """SentencePiece merges the leftmost of equal pairs, tokenizers those of the better rank."""
    draw = random.Random(2)
    for number in range(25):
        alphabet = draw.choice(["ab", "abc", "ab ", "a \n", "aab"])
        drawn = ["".join(draw.choices(alphabet, k=draw.randint(1, 40))) for _ in range(150)]
        drawn += [text[:5] * 9 for text in drawn]
        try:
            model = train(drawn, 400)
        except TooLarge as error:
            model = train(drawn, error.largest)
        place = tmp_path / str(number)
        export.write(model, place, {})
        assert differing(model, place / "tokenizer.json", drawn) == []


def test_a_document_begins_as_llamas(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    plain = tokenizer.encode("the rain", add_special_tokens=False).ids
    assert tokenizer.encode("the rain").ids == [1, *plain]
    assert tokenizer.encode("the rain", "the rain").ids == [1, *plain, 1, *plain]
    assert tokenizer.encode("<|pad|>", add_special_tokens=False).ids == [3]
    assert tokenizer.decode([1, *plain, 2]) == "the rain"


def test_the_folder_says_what_it_is(folder: Path) -> None:
    read = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(read) == set(export.FILES)
    facts = json.loads(read["vocabulary.json"])
    assert facts["specials"] == {"<unk>": 0, "<s>": 1, "</s>": 2, "<|pad|>": 3}
    assert (facts["size"], facts["settings"]) == (2400, {"seed": 7})
    config = json.loads(read["tokenizer_config.json"])
    assert config["bos_token"] == "<s>" and config["additional_special_tokens"] == ["<|pad|>"]
    assert config["model_input_names"] == ["input_ids", "attention_mask"]


def test_a_dummy_prefix_is_kept(tmp_path: Path, folder: Path) -> None:
    """Llama 2's own model puts a space before every text."""
    proto = ModelProto.FromString((folder / "tokenizer.model").read_bytes())
    proto.normalizer_spec.add_dummy_prefix = True
    export.write(proto.SerializeToString(), tmp_path, {})
    written = [text for text in texts(20) if text]
    model = proto.SerializeToString()
    assert differing(model, tmp_path / "tokenizer.json", written) == []
