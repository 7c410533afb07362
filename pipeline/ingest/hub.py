"""Hugging Face datasets: what `hf://user/name[@revision][/config][:split]` stands for.

The revision is resolved to a commit once, when the ingest is planned, and is part of the input's
path from then on: a branch that moves afterwards changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from tamis.pipeline.errors import CallError, nearest
from tamis.pipeline.ingest.inputs import Input

SCHEME = "hf://"
_FORM = "hf://user/name[@revision][/config][:split]"
_URL = re.compile(
    r"hf://(?:datasets/)?([\w.-]{1,96}/[\w.-]{1,96})"
    r"(?:@(refs/convert/[\w.-]+|refs/pr/\d+|[^/:@]+))?(?:/([^/:@]+))?(?::([\w.-]+))?"
)


@dataclass(frozen=True)
class Dataset:
    """One split of a dataset, as far as it was named."""

    repository: str
    revision: str | None
    config: str | None
    split: str | None

    def __str__(self) -> str:
        safe = "/" if (self.revision or "").startswith("refs/") else ""
        at = f"@{quote(self.revision, safe=safe)}" if self.revision else ""
        config = f"/{quote(self.config, safe='')}" if self.config else ""
        return f"{SCHEME}{self.repository}{at}{config}{f':{self.split}' if self.split else ''}"


def parse(url: str) -> Dataset:
    """The dataset that a URL names; raises CallError for anything else."""
    match = _URL.fullmatch(url)
    if match is None:
        raise CallError(
            f"{url}: a dataset is {_FORM}, such as hf://HuggingFaceFW/fineweb/sample-10BT:train; "
            "a slash within a revision is %2F; a single file is read by its https:// address"
        )
    repository, *others = match.groups()
    return Dataset(repository, *(unquote(one) if one else None for one in others))


def load_datasets() -> Any:
    """The `datasets` library, quiet, and asking nobody but the Hub.

    It takes a second to import. By default it counts downloads at another host, whatever the Hub.
    Raises CallError where it is not installed.
    """
    try:
        import datasets
        from huggingface_hub import logging, utils
    except ImportError as error:
        raise CallError(
            f"hf:// needs the library datasets ({error}): pip install 'tamis[hf]'"
        ) from None
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    datasets.config.TORCH_AVAILABLE = False  # it would be loaded for a counter: 2 s of every worker
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    utils.disable_progress_bars()  # type: ignore[attr-defined]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return datasets


def list_dataset(url: str) -> Input:
    """The split of a dataset that a URL stands for, at the commit that its revision is now.

    Raises CallError where there is no such dataset, revision, configuration or split, or several of
    which none was named.
    """
    asked, datasets = parse(url), load_datasets()
    with _explained(url, datasets.config.HF_ENDPOINT):
        commit, sizes = _commit(url, asked)
        config = _config(url, asked, datasets, commit)
        builder = datasets.load_dataset_builder(address(asked), config, revision=commit)
        files = builder.config.data_files or {}
    splits = {str(split): list(paths) for split, paths in files.items()}
    split = _chosen(url, "split", asked.split, list(splits), None)
    found = Dataset(asked.repository, commit, config, split)
    size = sum(sizes.get(name, 0) for name in inside(found, splits[split]))
    name = f"{found.repository}/{config}/{split}"
    return Input(name, str(found), size, "hub", parts=len(splits[split]))


def address(dataset: Dataset) -> str:
    """What the library calls a dataset on the Hub, whatever directory of that name is here."""
    return f"hf://datasets/{dataset.repository}"


def inside(dataset: Dataset, files: Iterable[str]) -> list[str]:
    """The paths of files within the dataset's repository.

    Raises CallError where its card names files elsewhere, on this machine even: no user did.
    """
    root = f"hf://datasets/{dataset.repository}@{dataset.revision}/"
    for file in files:
        if not file.startswith(root):
            raise CallError(f"{dataset}: not all of its data is in its repository: {file}")
    return [file.removeprefix(root) for file in files]


def pinned(arguments: Sequence[str], inputs: Sequence[Input]) -> dict[str, Input]:
    """What each hf:// argument of an earlier ingest stood for: it stands for it still."""
    asked = [argument for argument in arguments if argument.startswith(SCHEME)]
    found = [source for source in inputs if source.format == "hub"]
    return dict(zip(asked, found, strict=True)) if len(asked) == len(found) else {}


def _commit(url: str, asked: Dataset) -> tuple[str, dict[str, int]]:
    """The commit that a revision is now, and the size of every file there."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionNotFoundError

    api = HfApi(library_name="tamis")
    try:
        info = api.dataset_info(
            asked.repository, revision=asked.revision, files_metadata=True, timeout=100
        )
    except RevisionNotFoundError:
        refs = api.list_repo_refs(asked.repository, repo_type="dataset")
        names = [ref.name for ref in (*refs.branches, *refs.tags)]
        raise CallError(
            f"{url}: no revision '{asked.revision}'; {nearest(asked.revision or '', names)}"
        ) from None
    sizes = {one.rfilename: one.size or 0 for one in info.siblings or []}
    return str(info.sha), sizes


def _config(url: str, asked: Dataset, datasets: Any, commit: str) -> str:
    """The configuration that is named, or the only one, or the one that the dataset prefers."""
    names = datasets.get_dataset_config_names(address(asked), revision=commit)
    default = datasets.get_dataset_default_config_name(address(asked), revision=commit)
    return _chosen(url, "configuration", asked.config, names, default)


def _chosen(
    url: str, what: str, asked: str | None, names: Sequence[str], default: str | None
) -> str:
    """The one that is asked for, or the only one; otherwise nothing is guessed."""
    if asked in names:
        return str(asked)
    if asked is not None:
        raise CallError(f"{url}: no {what} '{asked}'; {nearest(asked, names)}")
    if default is None and len(names) == 1:
        default = names[0]
    if default is None:
        raise CallError(f"{url}: which {what}? {', '.join(sorted(names))} (write {_FORM})")
    return default


@contextmanager
def _explained(url: str, endpoint: str) -> Iterator[None]:
    """Turns what the libraries raise into a line for the user."""
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        yield
    except CallError:
        raise
    except OfflineModeIsEnabled:
        raise CallError(f"{url}: HF_HUB_OFFLINE is set: unset it to read from the Hub") from None
    except RepositoryNotFoundError:  # which a gated one is, too
        raise CallError(
            f"{url}: no such dataset at {endpoint}, or it is private or gated: look at its page, "
            "ask for access there, and log in with `hf auth login` or HF_TOKEN"
        ) from None
    except Exception as error:  # noqa: BLE001 - half a dozen libraries' errors, one for the user
        problem = str(error).strip().split("\n")[0]
        raise CallError(f"{url}: {endpoint}: {type(error).__name__}: {problem}") from None
