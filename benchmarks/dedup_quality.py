"""How well deduplication finds what it should, against theory and against other libraries.

    python benchmarks/dedup_quality.py DATA [--datatrove PYTHON] [--out FILE]

1. Thousands of real documents: exact similarities of all pairs, and which pairs share a band, over
   many seeds, against the S-curve; the same of datasketch (same shingles) and datatrove (its own).
2. neardup: precision and recall on the labelled pairs, by threshold, verification and parameters.
3. Gutenberg: editions of the same book.

DATA is a directory with text_en/, neardup/ and raw_formats/; PYTHON has datatrove and spaCy.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow.parquet as pq
from datasketch import MinHash
from dedup_shown import DRAWING, drawing, report
from measuring import tamis
from numba import njit
from texts import DEFAULT_DATA, SCRATCH, fresh

from tamis.filters.minhash import Signer, base_hashes
from tamis.filters.minhash_settings import Banding, Shingling
from tamis.pipeline import recipe as recipes
from tamis.pipeline.corpus import Corpus
from tamis.pipeline.dedup.jobs import Mark, first_round
from tamis.pipeline.dedup.work import Work

Values = npt.NDArray[Any]
TEXTS = ("rated_common_crawl_docs", "dirty_usenet_mini_newsgroups", "dirty_email_spamassassin")
LONGEST = 20_000  # characters of a document of those; all of neardup is taken
A_TENTH = 3_000  # pairs of each tenth of similarity
SEEDS = {"tamis, 32 bits": 40, "tamis, 64 bits": 40, "datasketch": 10, "datatrove": 10}
VARIANTS: dict[str, tuple[float, tuple[str, ...]]] = {
    "default, exact": (0.7, ()),
    "default, estimate": (0.7, ('verify="estimate"',)),
    "fineweb, exact": (0.7, ('parameters="fineweb"',)),
    "dclm, exact": (0.7, ('parameters="dclm"',)),
    "refinedweb, exact": (0.7, ('parameters="refinedweb"',)),
    "20 x 6, exact": (0.7, ("bands=20", "rows=6")),
    "20 x 6, estimate": (0.7, ("bands=20", "rows=6", 'verify="estimate"')),
    "40 x 4, exact": (0.5, ("bands=40", "rows=4")),
    "40 x 4, estimate": (0.5, ("bands=40", "rows=4", 'verify="estimate"')),
    "30 x 5, exact": (0.6, ("bands=30", "rows=5")),
    "14 x 8, exact": (0.8, ()),
    "14 x 8, estimate": (0.8, ('verify="estimate"',)),
    "9 x 13, exact": (0.9, ("bands=9", "rows=13")),
}


class Pairs(NamedTuple):
    """Pairs of documents with their similarity."""

    left: Values
    right: Values
    similarity: Values


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as file:
        yield from map(orjson.loads, file)


def texts(data: Path) -> list[str]:
    """The documents of which all pairs are compared."""
    found = [record["text"] for record in lines(data / "neardup" / "documents.jsonl.gz")]
    for name in TEXTS:
        all_of = (record["text"] for record in lines(data / "text_en" / f"{name}.jsonl.gz"))
        found += [text for text in all_of if len(text) <= LONGEST]
    return found


def arrow(documents: Sequence[str]) -> tuple[Values, Values]:
    data = [text.encode() for text in documents]
    ends = np.concatenate([[0], np.cumsum([len(text) for text in data])]).astype(np.int64)
    return np.frombuffer(b"".join(data), np.uint8), ends


@njit(cache=False)  # type: ignore[untyped-decorator]
def _counted(document: Values, starts: Values, members: Values, first: int, counts: Values) -> None:
    """Adds to counts[j] the shingles that document `first` shares with each later one."""
    for shingle in document:
        for place in range(starts[shingle], starts[shingle + 1]):
            if members[place] > first:
                counts[members[place]] += 1


def all_pairs(values: Values, ends: Values, least: float = 0.1) -> Pairs:
    """All pairs of sets that are at least so similar, by an inverted index."""
    sizes = np.diff(ends)
    _, shingle = np.unique(values, return_inverse=True)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    order = np.argsort(shingle, kind="stable")
    members = owner[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(shingle))])
    found = []
    for row in range(len(sizes)):
        counts = np.zeros(len(sizes), np.int64)
        _counted(shingle[ends[row] : ends[row + 1]], starts, members, row, counts)
        others = np.flatnonzero(counts)
        alike = counts[others] / (sizes[row] + sizes[others] - counts[others])
        others, alike = others[alike >= least], alike[alike >= least]
        found.append((np.full(len(others), row), others, alike))
    return Pairs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def drawn(pairs: Pairs) -> Pairs:
    """Some of each tenth."""
    draw = np.random.default_rng(0)
    tenth = np.minimum((pairs.similarity * 10).astype(int), 9)
    chosen = []
    for value in range(1, 10):
        there = np.flatnonzero(tenth == value)
        chosen.append(draw.permutation(there)[:A_TENTH])
    rows = np.sort(np.concatenate(chosen))
    return Pairs(*(part[rows] for part in pairs))


def meet(signatures: Values, pairs: Pairs, bands: int = 14, rows: int = 8) -> Values:
    """Whether the two documents of each pair share a band."""
    cut = signatures.reshape(len(signatures), bands, rows)
    met: Values = (cut[pairs.left] == cut[pairs.right]).all(axis=2).any(axis=1)
    return met


def tamis_meets(documents: Sequence[str], pairs: Pairs, bits: Any, seeds: int) -> Values:
    data, ends = arrow(documents)
    return np.array(
        [
            meet(Signer(Shingling(), Banding(bits=bits, seed=seed)).sign(data, ends)[0], pairs)
            for seed in range(seeds)
        ]
    )


def datasketch_meets(documents: Sequence[str], pairs: Pairs, seeds: int) -> Values:
    """The same shingles, its own permutations."""
    used = np.unique([pairs.left, pairs.right])
    hashes = {row: base_hashes(documents[row], Shingling()).tolist() for row in used.tolist()}
    found = []
    for seed in range(1, seeds + 1):
        signatures = np.zeros((len(documents), 112), np.uint64)
        model = MinHash(112, seed=seed, hashfunc=int, scheme="legacy")
        for row, values in hashes.items():
            one = MinHash(112, hashfunc=int, scheme="legacy", permutations=model.permutations)
            one.update_batch(values)
            signatures[row] = one.hashvalues
        found.append(meet(signatures, pairs))
    return np.array(found)


def datatrove_meets(
    documents: Sequence[str], pairs: Pairs, seeds: int, python: str
) -> tuple[Values, Values]:
    """Similarities by its own shingles, and whether they meet, by seed."""
    used = np.unique([pairs.left, pairs.right])
    place = np.searchsorted(used, np.stack([pairs.left, pairs.right], axis=1))
    asked = {
        "texts": [documents[row] for row in used.tolist()],
        "pairs": place.tolist(),
        "seeds": list(range(1, seeds + 1)),
    }
    path = SCRATCH / "dedup-quality" / "pairs.json"
    path.write_bytes(orjson.dumps(asked))
    found = json.loads(_call([python, _script(), "meet", path]))
    return np.array(found["similarity"]), np.array(found["met"])


def by_tenth(similarity: Values, met: Values, parts: int = 10) -> list[dict[str, float]]:
    """Per tenth of similarity, or other part: pairs, the share that met over all seeds, and the
    curve's. The error of the share is that of seeds as they fell out, since pairs that share
    documents are no independent trials.
    """
    expected, found = Banding().found(similarity), []
    part = np.minimum((similarity * parts + 1e-9).astype(int), parts - 1)
    for value in range(parts // 10, parts):
        mine = part == value
        if not mine.any():
            continue
        shares, curve = met[:, mine].mean(axis=1), float(expected[mine].mean())
        found.append(
            {
                "from": value / parts,
                "similarity": float(similarity[mine].mean()),
                "pairs": int(mine.sum()),
                "found": float(shares.mean()),
                "curve": curve,
                "binomial_error": float(np.sqrt(curve * (1 - curve) / met[:, mine].size)),
                "error": float(shares.std(ddof=1) / np.sqrt(len(shares))),
            }
        )
    return found


def curve(data: Path, python: str) -> dict[str, Any]:
    """The shares of pairs that share a band, of every library."""
    documents = texts(data)
    sets = Signer(Shingling(), Banding()).sets(*arrow(documents))
    pairs = all_pairs(sets.values, sets.offsets)
    some, alike = drawn(pairs), {}
    alike["tamis, 32 bits"] = (some.similarity, tamis_meets(documents, some, 32, 40))
    alike["tamis, 64 bits"] = (some.similarity, tamis_meets(documents, some, 64, 40))
    alike["datasketch"] = (
        some.similarity,
        datasketch_meets(documents, some, SEEDS["datasketch"]),
    )
    try:
        alike["datatrove"] = datatrove_meets(documents, some, SEEDS["datatrove"], python)
    except subprocess.CalledProcessError as error:
        print(f"no datatrove: {error.stderr[-300:]}", file=sys.stderr)
    return {
        "documents": len(documents),
        "pairs": len(pairs.left),
        "seeds": SEEDS,
        "tenths": {name: by_tenth(*found) for name, found in alike.items()},
        "points": {name: by_tenth(*found, 20) for name, found in alike.items()},
    }


class Here:
    """Runs phases in this process."""

    def run(self, phase: Any, quiet: bool = False) -> None:
        class Guard:
            def __getattr__(self, name: str) -> Any:
                return lambda *_, **__: nullcontext()

        for units in phase.tasks:
            for unit in units:
                phase.work(unit, Guard())


def ingested(name: str, documents: Sequence[dict[str, Any]]) -> Path:
    """A corpus of documents in their order."""
    folder = fresh(SCRATCH / "dedup-quality" / name)
    folder.mkdir(parents=True)
    path = folder / "texts.jsonl"
    path.write_bytes(b"".join(orjson.dumps(document) + b"\n" for document in documents))
    recipe = folder / "recipe.toml"
    recipe.write_text('[[stage]]\nkind = "dedup"\n')
    _call(tamis("ingest", path, "-o", folder / "corpus", "--recipe", recipe))
    return folder / "corpus"


def clusters(root: Path, changes: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """The cluster of every document in one, by id; and the group that bands joined it to."""
    corpus = Corpus.open(root)
    recipe = recipes.load(str(root / "recipe.toml"), [f"dedup.{change}" for change in changes])
    for part in ("signals/dedup", "records/dedup"):
        fresh(root / part)
    (root / "signals/dedup").mkdir()
    runner, joined = Here(), {}
    for job in first_round(corpus.root, recipe, "dedup"):
        job.prepare(runner)
        if isinstance(job, Mark):
            joined = _joined(job.state.first(), job.state.signed())
        if (phase := job.phase()) is not None:
            runner.run(phase)
        if not isinstance(job, Mark):
            job.settle(runner)
    found: dict[str, int] = {}
    for shard in corpus.shards:
        ids = pq.read_table(corpus.documents(shard.name), columns=["id"])["id"].to_pylist()
        marked = pq.read_table(corpus.signals("dedup/first", shard.name))
        cluster = marked["duplicate_cluster"].to_pylist()
        found |= {name: of for name, of in zip(ids, cluster, strict=True) if of is not None}
    return found, joined


def _joined(work: Work, signed: Any) -> dict[str, int]:
    batch = work.read("members")
    rows = batch.column("row").to_numpy()
    return dict(zip(signed.ids(rows), batch.column("component").to_pylist(), strict=True))


def scores(pairs: Sequence[dict[str, Any]], of: dict[str, int], least: float) -> dict[str, Any]:
    """Precision, recall and F1 of the pairs in one cluster; a pair is true from `least` on."""
    there = [(of.get(pair["a"], -1) == of.get(pair["b"], -2), pair) for pair in pairs]
    true = sum(pair["jaccard_word5"] >= least for _, pair in there)
    said = [pair["jaccard_word5"] for found, pair in there if found]
    right = sum(value >= least for value in said)
    precision, recall = right / max(1, len(said)), right / max(1, true)
    return {
        "true": true,
        "found": len(said),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-9, precision + recall),
        "false": sorted(round(value, 2) for value in said if value < least),
    }


def labelled(data: Path, python: str) -> list[dict[str, Any]]:
    """What each variant makes of the labelled pairs."""
    documents = list(lines(data / "neardup" / "documents.jsonl.gz"))
    pairs = list(lines(data / "neardup" / "pairs.jsonl.gz"))
    root = ingested("neardup", [{"id": d["id"], "text": d["text"]} for d in documents])
    rows = []
    for name, (least, changes) in VARIANTS.items():
        found, joined = clusters(root, [*changes, f"similarity={least}"])
        rows.append({"name": name, "threshold": least, **scores(pairs, found, least)})
        rows[-1]["joined by bands"] = scores(pairs, joined, least)
        rows[-1]["recall of the curve"] = _by_curve(pairs, least, changes)
    try:
        theirs = _datatrove(root.parent / "texts.jsonl", [d["id"] for d in documents], python)
    except subprocess.CalledProcessError as error:
        print(f"no datatrove: {error.stderr[-300:]}", file=sys.stderr)
    else:
        rows.append({"name": "datatrove, 14 x 8", "threshold": 0.7, **scores(pairs, theirs, 0.7)})
    return rows


def _by_curve(pairs: Sequence[dict[str, Any]], least: float, changes: Sequence[str]) -> float:
    """The recall of a pair at a time, that no third document joins."""
    given = dict(change.split("=") for change in changes)
    sets = {"fineweb": (14, 8), "dclm": (93, 15), "refinedweb": (450, 20)}
    bands, rows = sets.get(given.get("parameters", "").strip('"'), (14, 8))
    banding = Banding(int(given.get("bands", bands)), int(given.get("rows", rows)))
    alike = [p["jaccard_word5"] for p in pairs if p["jaccard_word5"] >= least]
    return float(banding.found(alike).mean())


def _datatrove(path: Path, ids: Sequence[str], python: str) -> dict[str, int]:
    out = fresh(SCRATCH / "dedup-quality" / "datatrove")
    found = json.loads(_call([python, _script(), "stage", path, "--", out]))
    return {ids[int(place)]: cluster for place, cluster in found["clusters"][0].items()}


def books(data: Path) -> dict[str, Any]:
    """The clusters of editions, by near-duplicates and by containment."""
    folder = data / "raw_formats" / "gutenberg"
    with (folder / "editions.tsv").open() as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    documents = []
    for row in table:
        raw = gzip.decompress((folder / row["file"]).read_bytes())
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")
        documents.append({"id": row["file"], "text": text})
    root, found = ingested("books", documents), {}
    for name, changes in {
        "minhash": (),
        "containment": ('methods=["containment"]',),
        "both": ('methods=["minhash","containment"]',),
    }.items():
        of, _ = clusters(root, changes)
        found[name] = {row["file"]: of.get(row["file"]) for row in table}
    return found


def _script() -> Path:
    return Path(__file__).with_name("datatrove_dedup.py")


def _call(command: list[str | Path]) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return done.stdout.strip().rpartition("\n")[2]


def main() -> None:
    """Measures all, prints the tables, writes the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=DEFAULT_DATA)
    parser.add_argument("--datatrove", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--only", nargs="*", default=["curve", "labelled", "books"])
    parser.add_argument("--out", type=Path, default=SCRATCH / "dedup-quality.json")
    asked = parser.parse_args()
    (SCRATCH / "dedup-quality").mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    if "books" in asked.only:
        found["books"] = books(asked.data)
    if "labelled" in asked.only:
        found["labelled"] = labelled(asked.data, asked.datatrove)
    if "curve" in asked.only:
        found["curve"] = curve(asked.data, asked.datatrove)
        DRAWING.write_text(drawing(found["curve"].pop("points")), encoding="utf-8")
    asked.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(report(found))


if __name__ == "__main__":
    main()
