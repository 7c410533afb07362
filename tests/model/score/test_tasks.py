"""Tasks: the formats of their authors become one form, and are answered as brute force answers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from vocabularies import small_vocabulary

from tamis.model.errors import ModelError
from tamis.model.llama import Llama
from tamis.model.score.answers import answer, lines_of
from tamis.model.score.bits import Unscorable, score_documents
from tamis.model.score.heldout import Document
from tamis.model.score.likelihood import Scorer
from tamis.model.score.tasks import TASKS, Item, items, task_files
from tamis.tokenize.vocabulary import Vocabulary

PAIR = {
    "UID": "some_paradigm",
    "linguistics_term": "agreement",
    "sentence_good": "The dog barks.",
    "sentence_bad": "The dog bark.",
}
QUERY = {"id": "1", "query": "Question: What is wet?", "choices": ["water", "a stone "], "gold": 0}
ASKED = "Question: What is wet?\nAnswer:"
CASES: list[tuple[str, dict[str, Any], str, list[str], int]] = [
    ("blimp", PAIR, "", ["The dog barks.", "The dog bark."], 0),
    ("lambada", {"text": "He saw a red house"}, "He saw a red", [" house"], 0),
    ("lambada", {"context": "He saw a ", "continuation": "house"}, "He saw a", [" house"], 0),
    ("arc_easy", QUERY, ASKED, [" water", " a stone"], 0),
    (
        "arc_easy",
        {
            "question": "What is wet?",
            "choices": {"text": ["a stone", "water"], "label": ["1", "2"]},
            "answerKey": "2",
        },
        ASKED,
        [" a stone", " water"],
        1,
    ),
    (
        "hellaswag",
        {**QUERY, "query": "Cooking: A man "},
        "Cooking: A man",
        [" water", " a stone"],
        0,
    ),
    (
        "hellaswag",
        {
            "activity_label": "Cooking",
            "ctx_a": "A man [step] stirs [title] Soup",
            "ctx_b": "he",
            "endings": ["eats.", "sleeps."],
            "label": "1",
        },
        "Cooking: A man stirs. Soup He",
        [" eats.", " sleeps."],
        1,
    ),
    ("piqa", {**QUERY, "query": "Question: What is wet?\n"}, ASKED, [" water", " a stone"], 0),
    (
        "piqa",
        {"goal": "What is wet?", "sol1": "water", "sol2": "a stone", "label": 0},
        ASKED,
        [" water", " a stone"],
        0,
    ),
    (
        "sciq",
        {
            "question": "What is wet?",
            "support": "Water is.",
            **{f"distractor{n}": f"no {n}" for n in (1, 2, 3)},
            "correct_answer": "water",
        },
        "Water is.\n" + ASKED,
        [" no 1", " no 2", " no 3", " water"],
        3,
    ),
]


@pytest.mark.parametrize(("name", "record", "context", "choices", "gold"), CASES)
def test_readers(
    tmp_path: Path, name: str, record: Any, context: str, choices: list[str], gold: int
) -> None:
    """A prompt of another form is another task, whose figures nobody can compare."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record) + "\n")
    (found,) = items(TASKS[name], [path])
    assert (found.context, list(found.choices), found.gold) == (context, choices, gold)
    assert found.place == "a.jsonl:1"
    if TASKS[name].kind.name == "cloze":
        assert list(found.lengths) == [len(one) - 1 for one in choices]


@pytest.mark.parametrize(
    ("name", "record", "said"),
    [
        ("blimp", {"sentence_good": "a"}, "no field 'sentence_bad'"),
        ("lambada", {"text": "alone"}, "no last word"),
        ("piqa", {**QUERY, "gold": 2}, "the right choice is 2, of 2"),
        ("piqa", {**QUERY, "gold": "0"}, "the right choice is '0'"),
        ("piqa", {**QUERY, "gold": -1}, "the right choice is -1"),
        ("piqa", {**QUERY, "choices": ["a"]}, "fewer than two"),
        ("piqa", {**QUERY, "choices": ["a", " "]}, "a choice without text"),
        ("arc_easy", {"question": "a"}, "no field 'choices'"),
        ("arc_easy", {"question": "a", "choices": 1, "answerKey": "A"}, "not an item of arc_easy"),
        ("hellaswag", {"ctx_a": "a", "endings": ["b", "c"], "label": ""}, "not an item"),
        ("sciq", {"question": "a", "correct_answer": "b"}, "no field 'distractor1'"),
    ],
)
def test_malformed_items_are_named(tmp_path: Path, name: str, record: Any, said: str) -> None:
    """An item passed over is an easier task, or a harder one."""
    good = CASES[[case[0] for case in CASES].index(name)][1]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(good) + "\n" + json.dumps(record) + "\n")
    with pytest.raises(ModelError, match=r"a.jsonl:2: .*" + said):
        list(items(TASKS[name], [path]))


def test_files_of_tasks(tmp_path: Path) -> None:
    """A file called otherwise is no task, and says so; a folder may hold the parts of one."""
    (tmp_path / "blimp").mkdir()
    for name in ("blimp/a.jsonl", "blimp/b.jsonl", "lambada_openai.jsonl.gz", "mmlu.jsonl"):
        (tmp_path / name).write_bytes(b"")
    found, passed = task_files([tmp_path])
    assert list(found) == ["blimp", "lambada"] and passed == ["mmlu.jsonl"]
    assert [one.name for one in found["blimp"]] == ["a.jsonl", "b.jsonl"]
    assert list(task_files([tmp_path / "blimp"])[0]) == ["blimp"]
    assert list(task_files([tmp_path], ["lambada_openai"])[0]) == ["lambada"]
    for only, said in (["piqa"], "no files of a task 'piqa'"), (["x"], "no files of a task 'x'"):
        with pytest.raises(ModelError, match=said):
            task_files([tmp_path], only)
    with pytest.raises(ModelError, match="no file is called like a task"):
        task_files([tmp_path / "mmlu.jsonl"])
    with pytest.raises(ModelError, match="are both of 'blimp'"):
        task_files([tmp_path, tmp_path / "blimp"])


def nats(model: Llama, vocabulary: Vocabulary, context: str, ending: str) -> tuple[float, bool]:
    """Of an ending that begins with a space, by itself: nats, and whether it is the likeliest."""
    before, after = vocabulary.encode(context), vocabulary.encode(ending)
    ids = torch.tensor([vocabulary.bos, *before, *after])
    with torch.inference_mode():
        found = model.logits(model(ids[None]))[0].log_softmax(-1)[len(before) : -1]
    likeliest = bool((found.argmax(1) == ids[len(before) + 1 :]).all())
    return -float(found.gather(1, ids[len(before) + 1 :, None]).sum()), likeliest


CLOZE = [
    Item("A: what?\nB:", (" the end", " an open door", " x"), 1, "", (7, 12, 1), "p:1"),
    Item("Und dann", (" war", " die ganze Stadt", " da"), 0, "", (3, 15, 2), "p:2"),
    Item("We", (" are", " say so", " do"), 2, "", (3, 6, 2), "p:3"),
]


def test_cloze_is_what_lm_eval_computes(model: Llama, vocabulary: Vocabulary) -> None:
    """acc and acc_norm have a definition that others use."""
    found = answer(Scorer.of(model), vocabulary, "piqa", TASKS["piqa"], CLOZE, 0)
    for number, item in enumerate(CLOZE):
        each = [nats(model, vocabulary, item.context, one)[0] for one in item.choices]
        normal = [n / size for n, size in zip(each, item.lengths, strict=True)]
        right = item.gold
        assert found.values["accuracy"][number] == (each.index(min(each)) == right)
        assert found.values["accuracy_norm"][number] == (normal.index(min(normal)) == right)
        bits = normal[right] / math.log(2)
        assert found.values["bits_per_character"][number] == pytest.approx(bits, rel=1e-6)
    assert found.chance == pytest.approx(1 / 3) and found.truncated == 0
    assert found.figures["accuracy"].value == pytest.approx(sum(found.values["accuracy"]) / 3)


def test_last_words(model: Llama, vocabulary: Vocabulary) -> None:
    """Bits of the word alone; the context is not scored."""
    some = [Item("He saw the", (" house",), 0), Item("und dann war", (" nacht",), 0)]
    found = answer(Scorer.of(model), vocabulary, "lambada", TASKS["lambada"], some, 0)
    for number, item in enumerate(some):
        one, greedy = nats(model, vocabulary, item.context, item.choices[0])
        assert found.values["bits"][number] == pytest.approx(one / math.log(2), rel=1e-6)
        assert found.values["accuracy"][number] == greedy


def test_pairs_are_scored_from_bos(model: Llama, vocabulary: Vocabulary) -> None:
    """The first word is a part of the sentence."""
    texts = ["The dog barks.", "The dog bark.", "Dog the barks.", "He is.", "He are."]
    some = [Item("", (one, two), 0, "ab"[two < one], place="x:1") for one in texts for two in texts]
    found = answer(Scorer.of(model), vocabulary, "blimp", TASKS["blimp"], some, 0)
    each = {one: nats(model, vocabulary, "", one)[0] for one in texts}
    points = [0.5 if a == b else float(each[a] < each[b]) for a, b in (one.choices for one in some)]
    assert found.values["accuracy"] == points  # tied: a text with itself
    assert sum(part.items for part in found.parts.values()) == 25
    assert found.figures["accuracy"].value == 0.5 and not found.above_chance["accuracy"]


def test_a_piece_across_the_boundary_is_the_endings(vocabulary: Vocabulary) -> None:
    """Split by a number of tokens, the ending would begin in the middle of nowhere."""
    word = max(vocabulary.pieces, key=lambda one: len(one) if one.isascii() else 0).decode()
    assert word[0] == " " and len(vocabulary.encode(word)) == 1
    (line,) = lines_of([Item("x" + word[:3], (word[3:],), 0)], vocabulary)
    assert vocabulary.decode(line.tokens[line.first :].tolist()) == word
    (line,) = lines_of([Item("日本", (" é", "x"), 0)], vocabulary)[:1]
    assert vocabulary.decode(line.tokens[line.first :].tolist()) == " é"


def test_a_space_before_every_text(tmp_path: Path, model: Llama) -> None:
    """Vocabularies like Llama's first put one there: it is no byte of the context."""
    other = small_vocabulary(tmp_path, prefix=True)
    some = [Item("We say", (" so",), 0), Item("", ("We say so",), 0), Item("", ("%%",), 0)]
    for item, line in zip(some, lines_of(some, other), strict=True):
        after = other.decode_bytes(line.tokens[line.first :].tolist()).decode()
        assert after == (item.choices[0] if item.context else " " + item.choices[0])
    (scored,) = score_documents(Scorer.of(model), other, iter([Document("", "", "", "", "so")]))
    assert (scored.bytes, scored.tokens) == (2, len(other.encode("so")))


def test_long_items_lose_their_beginning(model: Llama, vocabulary: Vocabulary) -> None:
    """As lm-eval cuts them: and the number of those is said."""
    long = Item("we say " * 40 + "so", (" here",), 0)
    (line,) = lines_of([long], vocabulary)
    found = answer(Scorer.of(model), vocabulary, "lambada", TASKS["lambada"], [long], 0)
    seen = torch.from_numpy(line.tokens[-49:])
    with torch.inference_mode():
        logits = model.logits(model(seen[None, :-1]))[0].log_softmax(-1)
    scored = len(line.tokens) - line.first
    one = -logits.gather(1, seen[1:, None])[-scored:].sum() / math.log(2)
    assert found.truncated == 1
    assert found.values["bits"][0] == pytest.approx(float(one), rel=1e-6)


def test_no_number_no_point(vocabulary: Vocabulary, model: Llama) -> None:
    """NaN is smaller than nothing: an argmin over it is a choice."""
    broken = Llama(model.shape).init(0)
    with torch.no_grad():
        broken.head.fill_(torch.nan)
    with pytest.raises(Unscorable, match="piqa, p:1: the model gives no number"):
        answer(Scorer.of(broken), vocabulary, "piqa", TASKS["piqa"], CLOZE, 0)
