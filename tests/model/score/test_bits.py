"""Bits per byte: exact, of raw bytes, and refused where they would be a lie."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from support import prose

from tamis.model.errors import ModelError
from tamis.model.llama import Llama
from tamis.model.score.bits import Unscorable, domains, score_documents
from tamis.model.score.heldout import By, Document, documents, heldout_files
from tamis.model.score.likelihood import Scorer
from tamis.tokenize.vocabulary import Vocabulary


def made(*texts: str) -> list[Document]:
    return [Document(f"x.jsonl:{n}", f"id{n}", "x", f"g{n % 3}", t) for n, t in enumerate(texts)]


def test_bits_are_those_of_all_tokens_over_raw_bytes(model: Llama, vocabulary: Vocabulary) -> None:
    """Bytes counted on tokens, a token left out or EOS counted: figures nobody can compare."""
    texts = ["Grüße an alle.", "a\tb  c\n\n", "日本 \U0001f40d", ""]
    scored = list(score_documents(Scorer.of(model), vocabulary, iter(made(*texts))))
    for text, one in zip(texts, scored, strict=True):
        ids = torch.tensor([[vocabulary.bos, *vocabulary.encode(text)]])
        with torch.inference_mode():
            found = model.logits(model(ids)).log_softmax(-1)
        nats = -found[0, :-1].gather(1, ids[0, 1:, None]).sum()
        assert one.nats == pytest.approx(float(nats), rel=1e-6)
        assert (one.bytes, one.tokens) == (len(text.encode()), ids.shape[1] - 1)
    found, macro = domains(scored, 0)
    total = sum(one.nats for one in scored) / math.log(2) / sum(one.bytes for one in scored)
    assert found["x"].bits.value == macro.value == pytest.approx(total)
    assert (found["x"].documents, found["x"].empty, found["x"].groups) == (3, 1, 3)
    assert found["x"].few_groups


def test_long_documents_by_portions(
    model: Llama, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read at once is no business of the figures."""
    texts = prose(5, 12)
    scorer = Scorer.of(model, 32, 8)
    once = list(score_documents(scorer, vocabulary, iter(made(*texts))))
    monkeypatch.setattr("tamis.model.score.bits._CHARACTERS", 100)
    again = list(score_documents(scorer, vocabulary, iter(made(*texts))))
    assert max(one.tokens for one in once) > 100
    assert [one.id for one in again] == [one.id for one in once]
    assert [one.nats for one in again] == pytest.approx([one.nats for one in once], rel=1e-6)


def test_domains_weigh_the_same(model: Llama, vocabulary: Vocabulary) -> None:
    """A large domain would be all of the mean."""
    some = made(*prose(6, 19))
    some = [
        dataclasses.replace(one, domain="ab"[n > 0], group=one.id) for n, one in enumerate(some)
    ]
    scored = list(score_documents(Scorer.of(model), vocabulary, iter(some)))
    found, macro = domains(scored, 0)
    values = [found[name].bits.value for name in "ab"]
    assert macro.value == pytest.approx(np.mean(values)) and values[0] != values[1]
    assert macro.low is None and found["b"].bits.low is not None  # "a" is one document
    assert domains(scored[1:], 0)[0]["b"] == found["b"]


def test_a_vocabulary_that_loses_something_is_refused(model: Llama, vocabulary: Vocabulary) -> None:
    """What a vocabulary drops costs no bits: the worst one would win."""
    pieces = [b"" if one == b"\t" else one for one in vocabulary.pieces]
    lossy = dataclasses.replace(vocabulary, pieces=tuple(pieces))
    some = iter(made("fine", "a\tb"))
    with pytest.raises(Unscorable, match=r"x.jsonl:1 \(id 'id1'\): the vocabulary .* loses"):
        list(score_documents(Scorer.of(model), lossy, some))
    unknown = dataclasses.replace(vocabulary, unknown=vocabulary.encode("q")[-1])
    with pytest.raises(Unscorable, match=r"x.jsonl:0"):
        list(score_documents(Scorer.of(model), unknown, iter(made("q"))))


def test_what_cannot_be_scored_is_named(model: Llama, vocabulary: Vocabulary) -> None:
    """A NaN in a mean is a mean without a document to look at."""
    with pytest.raises(Unscorable, match=r"x.jsonl:0.*a lone surrogate \(character 1"):
        list(score_documents(Scorer.of(model), vocabulary, iter(made("a\ud800"))))
    broken = Llama(model.shape).init(0)
    with torch.no_grad():
        broken.head[vocabulary.encode("q")[-1]] = torch.nan
    with pytest.raises(Unscorable, match=r"x.jsonl:0 \(id 'id0'\): the model gives nan"):
        list(score_documents(Scorer.of(broken), vocabulary, iter(made("q"))))
    with pytest.raises(ModelError, match="domain 'x' has no document with a byte"):
        domains(list(score_documents(Scorer.of(model), vocabulary, iter(made("")))), 0)


def test_held_out_files(tmp_path: Path) -> None:
    """A host, a package or a document: what shares its chance has to be drawn together."""
    (tmp_path / "web.jsonl").write_text(
        '{"text": "a", "url": "https://One.example/x", "id": "1"}\n'
        '{"text": "b", "package": "zlib", "source": "man"}\n'
        '{"text": "c", "url": "http://[broken", "group": 0}\n'
        '{"text": "d"}\n'
    )
    found = list(documents(tmp_path / "web.jsonl", By.file))
    assert [one.group for one in found] == ["one.example", "zlib", "0", "web.jsonl:4"]
    assert [one.id for one in found][:2] == ["1", "web.jsonl:2"]
    assert {one.domain for one in found} == {"web"}
    with pytest.raises(ModelError, match=r"web.jsonl:1: no field 'source'"):
        list(documents(tmp_path / "web.jsonl", By.source))
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\n{"text": 1}\n')
    with pytest.raises(ModelError, match=r"bad.jsonl:2: no field 'text'"):
        list(documents(tmp_path / "bad.jsonl", By.file))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "web.jsonl.gz").write_bytes(b"")
    with pytest.raises(ModelError, match="two files are called 'web'"):
        heldout_files([tmp_path, tmp_path / "more"], By.file)
    assert len(heldout_files([tmp_path, tmp_path / "more"], By.source)) == 3
