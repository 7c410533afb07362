"""tamis lm: n-gram language models, trained, described, and asked for the perplexity of texts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import orjson
import pyarrow as pa
import typer
from pydantic import TypeAdapter, ValidationError

from tamis.pipeline.cli import options as o
from tamis.pipeline.cli.tables import out, print_json, printable, say, simple
from tamis.pipeline.errors import CallError, WorkError, from_os
from tamis.pipeline.ingest.options import IngestOptions
from tamis.pipeline.texts import batches, documents, temporary_corpus

lm = typer.Typer(no_args_is_help=True, help="N-gram language models: train, info, score.")

InputsArgument = Annotated[
    list[str], typer.Argument(metavar="INPUT", help="Whatever ingest reads: files, URLs, ...")
]
TextKeyOption = Annotated[str | None, typer.Option(help="Field of the text; may be dotted.")]
ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model's folder, or NAME.bin with NAME.sp.model.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(lm, name="lm")


@lm.command()
def train(
    inputs: InputsArgument,
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The model.")],
    order: Annotated[int, typer.Option(min=2, max=6, help="The longest n-grams.")] = 5,
    tokens: Annotated[str, typer.Option(help="sentencepiece or words.")] = "sentencepiece",
    vocabulary: Annotated[int, typer.Option(min=16, help="Pieces, at most.")] = 65_536,
    form: Annotated[
        str, typer.Option(help="Of normalised text: fixed, or ccnet, which glues lines.")
    ] = "fixed",
    memory: Annotated[str, typer.Option(help="For the estimation: 512M, 4G.")] = "1G",
    lmplz: Annotated[
        bool, typer.Option("--lmplz", help="Let KenLM's lmplz estimate, if it is on PATH.")
    ] = False,
    arpa: Annotated[bool, typer.Option(help="Write lm.arpa too.")] = True,
    text_key: TextKeyOption = None,
    workers: o.WorkersOption = None,
    json: o.JsonOption = False,
) -> None:
    """Learns a model from text: pieces and an interpolated modified Kneser-Ney estimate."""
    from tamis.filters.ngram import model_training, settings

    made = _settings(
        settings.Training, order=order, tokens=tokens, vocabulary=vocabulary, form=form
    )
    program = shutil.which("lmplz") if lmplz else ""
    if lmplz and not program:
        say("tamis: lmplz is not on PATH: estimating without it")
    if folder.exists() and any(folder.iterdir()):
        raise CallError(f"{folder} is not empty: a model wants a folder of its own")
    room = _bytes(memory)
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        with temporary_corpus(inputs, _options(text_key), workers, json) as corpus:
            facts = model_training.train(
                lambda: (b.column("text") for b in batches(documents(corpus), ["text"])),
                made,
                draft,
                room,
                program or "",
                arpa,
                sources=[{k: one[k] for k in ("name", "sha256")} for one in corpus.manifest.inputs],
            )
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except ValueError as error:
        raise WorkError(f"no model of {', '.join(inputs)}: {error}") from error
    except OSError as error:
        raise from_os(error, f"cannot write {folder}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _show(folder, facts, json)


@lm.command()
def info(model: ModelArgument, json: o.JsonOption = False) -> None:
    """Says what a model is: tokens, n-grams, what it was made from."""
    loaded = _load(model)
    facts = {
        **loaded.facts,
        "order": loaded.ngrams.order,
        "counts": list(loaded.ngrams.counts),
    }
    _show(model, facts, json)


@lm.command()
def score(
    model: ModelArgument,
    inputs: InputsArgument,
    text_key: TextKeyOption = None,
    id_key: Annotated[str | None, typer.Option(help="Field of the id.")] = None,
    workers: o.WorkersOption = None,
    json: o.JsonOption = False,
) -> None:
    """Prints the perplexity and the number of tokens of every document, and a summary."""
    loaded = _load(model)
    everything: list[Any] = []
    with temporary_corpus(inputs, _options(text_key, id_key), workers, quiet=True) as corpus:
        for batch in batches(documents(corpus), ["id", "text"]):
            logs, lengths = loaded.score(batch.column("text"))
            values = loaded.perplexities(logs, lengths)
            everything.append(values)
            for line in _lines(batch.column("id"), values, lengths, json):
                typer.echo(line)
    values = np.concatenate(everything) if everything else np.zeros(0)
    known = values[~np.isnan(values)]
    if len(known):
        quartiles = [f"{value:,.1f}" for value in np.quantile(known, [0.25, 0.5, 0.75])]
        say(f"{len(known):,} documents, quartiles of perplexity {', '.join(quartiles)}")
    else:
        say("no document with a sentence in it")


def _lines(ids: pa.Array, values: Any, lengths: Any, json: bool) -> Iterator[str]:
    for one, value, length in zip(ids.to_pylist(), values.tolist(), lengths.tolist(), strict=True):
        known = None if np.isnan(value) else round(value, 4)
        if json:
            record = {"id": one, "perplexity": known, "tokens": length}
            yield orjson.dumps(record).decode()
        else:
            yield f"{'' if known is None else known}\t{length}\t{printable(one)}"


def _load(model: Path) -> Any:
    from tamis.filters.ngram.model import load

    try:
        return load(str(model))
    except FileNotFoundError as error:
        raise CallError(str(error)) from error
    except ValueError as error:
        raise CallError(f"{model} cannot be used: {error}") from error


def _settings(kind: Any, **given: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise CallError(f"--{first['loc'][0]}: {first['msg'].lower()}") from None


def _options(text_key: str | None, id_key: str | None = None) -> IngestOptions:
    return o.ingest_options(IngestOptions(), {"text_key": text_key, "id_key": id_key})


def _bytes(text: str) -> int:
    """The bytes that 512M or 4G stands for."""
    number, unit = text[:-1], text[-1:].upper()
    sizes = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    if unit not in sizes or not number.isdigit() or int(number) * sizes[unit] < 1 << 25:
        raise CallError(f"--memory {text}: write 512M or 4G, 32M at least")
    return int(number) * sizes[unit]


def _show(place: Path, facts: dict[str, Any], json: bool) -> None:
    if json:
        print_json(facts)
        return
    rows = [["tokens", f"{facts['tokens']}, form {facts['form']}"]]
    rows += [[f"{n}-grams", f"{count:,}"] for n, count in enumerate(facts["counts"], 1)]
    if text := facts.get("text"):
        rows.append(["made of", f"{text['sentences']:,} sentences, {text['tokens']:,} tokens"])
    rows += [
        [f"order {n}", f"fixed discounts: {why}"] for n, why in facts.get("fell_back", {}).items()
    ]
    rows += [
        [name, f"{file['bytes'] / 1e6:,.1f} MB"] for name, file in facts.get("files", {}).items()
    ]
    out().print(simple(f"Model {place}", [("", False), ("", False)], rows))
