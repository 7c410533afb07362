"""Perplexity as a measure: the same as the chain of libraries gives, and where there is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import kenlm
import numpy as np
import pyarrow as pa
import pytest
import sentencepiece
from reference import ccnet
from support import prose

from tamis.filters.ngram.model import load
from tamis.filters.ngram.perplexity import Perplexity

NASTY = [
    "a",
    "Ünïcödé „Wörter“ — und １２ Zahlen…",
    "one\ttab\x00 and\x85next line\u2028and another\r\nend",
    "x" * 5000,
    "山の上の小さな村では冬になると雪が深く積もります",
    "किताब पढ़ना अच्छा है",
    "<s> </s> <unk> <UNK> ▁ ▁▁the",
    " ".join(["bridge"] * 3000),
    "\u0301\u0301 ﬁne ㎏ İstanbul ΟΔΟΣ",
]


def measured(measure: Perplexity, texts: list[str], languages: list[str | None]) -> dict:
    """The columns of a measure over texts."""
    columns = [pa.array(texts, pa.large_string()), pa.array(languages, pa.string())]
    batch = pa.record_batch(columns, names=["text", "language"])
    return measure.measure(batch).to_pydict()


def by_libraries(folder: Path, text: str) -> float:
    """The perplexity as cc_net computes it, out of plain Python and the two libraries."""
    facts = json.loads((folder / "lm.json").read_bytes())
    model = kenlm.Model(str(folder / "lm.bin"))
    pieces = None
    if facts["tokens"] == "sentencepiece":
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
    glued = facts["form"] == "ccnet"
    lines = [ccnet.ccnet(text)] if glued else ccnet.fixed(text).split("\n")
    total, length = 0.0, 0
    for line in lines:
        words = pieces.encode_as_pieces(line) if pieces else line.split(" ")
        words = [word for word in words if word]
        if words:
            total += sum(score for score, _, _ in model.full_scores(" ".join(words)))
            length += len(words) + 1
    found = 10.0 ** (-total / length)
    return round(found, 1) if glued else found


@pytest.mark.parametrize("name", ["pieces", "glued", "words"])
def test_it_is_what_normaliser_sentencepiece_and_kenlm_say(models, name: str) -> None:
    """A model is published with its cut-offs: another number would be in another bucket."""
    texts = [text for text in prose(2, 60) + NASTY if ccnet.fixed(text)]
    ours = load(str(models[name])).perplexity(pa.array(texts, pa.large_string()))
    theirs = np.array([by_libraries(models[name], text) for text in texts])
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_a_text_counts_alone_whatever_stands_beside_it(models) -> None:
    """Texts are read many at a time, out of one buffer."""
    texts = prose(3, 40) + NASTY + ["", " \n "]
    model = load(str(models["pieces"]))
    together = model.perplexity(pa.array(["before", *texts], pa.large_string()).slice(1))
    alone = [model.perplexity(pa.array([text], pa.large_string()))[0] for text in texts]
    np.testing.assert_array_equal(together, np.array(alone))


def test_lines_apart_and_lines_glued(models) -> None:
    """cc_net deletes newlines: it reads "rain.\\nthe" as one word."""
    texts = ["the rain.\nthe bridge", "the rain.the bridge"]
    glued = load(str(models["glued"])).perplexity(pa.array(texts, pa.large_string()))
    apart = load(str(models["pieces"])).perplexity(pa.array(texts, pa.large_string()))
    assert glued[0] == glued[1] and apart[0] != apart[1]


def test_a_document_without_a_sentence_has_no_perplexity(models) -> None:
    """It is judged all the same: its language has a model."""
    found = measured(Perplexity(models={"en": str(models["pieces"])}), ["", " \n\t "], ["en", "en"])
    assert found["perplexity"] == [None, None]
    assert found["perplexity_language"] == ["en", "en"]


def test_each_language_by_its_model_and_none_without(models) -> None:
    """Another language's model would find every text surprising."""
    text = prose(4, 1)[0]
    measure = Perplexity(models={"en": str(models["pieces"]), "de": str(models["words"])})
    found = measured(measure, [text] * 4, ["en", "de", "fr", None])
    assert found["perplexity_language"] == ["en", "de", None, None]
    good = [
        load(str(models[n])).perplexity(pa.array([text], pa.large_string()))[0]
        for n in ("pieces", "words")
    ]
    assert found["perplexity"][:2] == pytest.approx(good) and found["perplexity"][2:] == [
        None,
        None,
    ]
    assert found["perplexity_bucket"] == [None] * 4, "they wait for the whole corpus"


def test_cut_offs_of_ones_own_and_of_ccnet(models) -> None:
    """Below the first is head, from the second on tail; a language without any is in none."""
    text = prose(5, 1)[0]
    value = float(load(str(models["pieces"])).perplexity(pa.array([text], pa.large_string()))[0])
    place = {"en": str(models["pieces"]), "xx": str(models["pieces"])}
    for bounds, bucket in (
        ((value + 1, value + 2), "head"),
        ((value, value + 1), "middle"),
        ((value - 1, value), "tail"),
    ):
        measure = Perplexity(models=place, cutoffs={"en": bounds})
        assert measure.buckets is None
        assert measured(measure, [text] * 2, ["en", "xx"])["perplexity_bucket"] == [bucket, None]
    assert measured(Perplexity(models=place, cutoffs="ccnet"), [text], ["en"])["perplexity_bucket"]


def test_a_second_model_of_bad_text_gives_the_ratio(models) -> None:
    """Below 1 a text is more like the good one."""
    measure = Perplexity(
        models={"en": str(models["pieces"])}, bad_models={"en": str(models["words"])}
    )
    found = measured(measure, prose(6, 3), ["en"] * 3)
    ratio = np.array(found["perplexity"]) / np.array(found["perplexity_bad"])
    np.testing.assert_allclose(found["perplexity_ratio"], ratio, rtol=1e-6)


@pytest.fixture
def published(models, tmp_path: Path) -> Path:
    """A model as CCNet published them: en.arpa.bin and en.sp.model."""
    shutil.copy(models["glued"] / "lm.bin", tmp_path / "en.arpa.bin")
    shutil.copy(models["glued"] / "sp.model", tmp_path / "en.sp.model")
    return tmp_path


def test_published_models_work_by_path(models, published: Path) -> None:
    """They are read in the form that they were made in, rounded as CCNet rounds."""
    measure = Perplexity(models=f"{published}/{{language}}.arpa.bin")
    assert set(measure.assets()) == {"models.en.lm.bin", "models.en.sp.model"}
    texts = prose(7, 5)
    expected = load(str(models["glued"])).perplexity(pa.array(texts, pa.large_string()))
    found = measured(measure, texts, ["en"] * 5)["perplexity"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert [round(value, 1) for value in expected] == list(expected)


def test_no_model_where_a_pattern_leads(tmp_path: Path) -> None:
    """A wrong folder must not mean that every language is without a model."""
    with pytest.raises(FileNotFoundError, match="no model fits"):
        Perplexity(models=f"{tmp_path}/{{language}}.arpa.bin").assets()
    with pytest.raises(FileNotFoundError, match=r"\{language\}"):
        Perplexity(models=str(tmp_path)).assets()
    with pytest.raises(ValueError, match="no models"):
        Perplexity().prepare()


def test_pieces_of_another_model_are_refused(models, published: Path, tmp_path: Path) -> None:
    """The numbers of such a pair look like perplexities."""
    own = shutil.copytree(models["pieces"], tmp_path / "mixed")
    shutil.copy(models["glued"] / "sp.model", own / "sp.model")
    with pytest.raises(ValueError, match="does not belong"):
        load(str(own))
    shutil.copy(models["words"] / "lm.bin", published / "en.arpa.bin")
    with pytest.raises(ValueError, match="do not belong together"):
        load(str(published / "en.arpa.bin"))


@pytest.mark.parametrize("keep", [0, 60, 0.5, 0.99])
def test_a_truncated_model_is_said_to_be_one(models, tmp_path: Path, keep: float) -> None:
    """A download that broke off."""
    folder = shutil.copytree(models["words"], tmp_path / "cut")
    data = (folder / "lm.bin").read_bytes()
    (folder / "lm.bin").write_bytes(data[: int(keep * len(data)) if keep < 1 else int(keep)])
    with pytest.raises(ValueError, match=r"lm\.bin"):
        load(str(folder))


def test_a_changed_model_is_found_out_before_work_begins(models, tmp_path: Path) -> None:
    """Its size is the same: only its digest tells."""
    folder = shutil.copytree(models["words"], tmp_path / "changed")
    data = bytearray((folder / "lm.bin").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "lm.bin").write_bytes(data)
    with pytest.raises(ValueError, match="changed since"):
        Perplexity(models={"en": str(folder)}).prepare()
