"""The options of ingest: what a recipe's [ingest] table and the command line may say."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tamis.filters.sources.web.page import Extractor
from tamis.pipeline.storage.web import public

SIDES = ("heldout", "reference")


class IngestOptions(BaseModel):
    """How inputs become documents. A key may be dotted to reach into nested objects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = None
    """The source of every document; otherwise what the input or its records say."""
    text_key: str = "text"
    id_key: str = "id"
    url_key: str = "url"
    date_key: str = "date"
    source_key: str = "source"
    html_key: str = "html"
    """A page in place of a text: read as HTML where a record has no text."""
    html_base64_key: str = "html_b64"
    """The same for pages whose bytes are no UTF-8."""
    extractor: Extractor = "resiliparse"
    """What turns HTML into text."""
    format: str | None = None
    """Of every input, for names that do not say it or lie."""
    prefix: str = ""
    """What goes before every line of a list of inputs (@FILE) that is no URL itself."""
    encoding: str = "utf-8"
    """Of plain text, Markdown, CSV and TSV; JSON and Parquet are always UTF-8."""
    delimiter: str | None = None
    """Of CSV; otherwise the file's ending or its header line says it."""
    max_document_bytes: Annotated[int, Field(gt=0)] = 50_000_000
    """A longer record becomes an error row and is never held whole."""
    shard_bytes: Annotated[int, Field(ge=0)] = 0
    """About how much text goes into one shard; 0 lets the size of all inputs decide."""
    set_aside: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Shares of hosts or packages that go to heldout/ and reference/ instead of the corpus."""
    seed: int = 0
    """Of the draw of what is set aside."""

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError(f"unknown encoding '{value}'") from None
        return value

    @field_validator("prefix")
    @classmethod
    def _no_secrets(cls, value: str) -> str:
        if public(value) != value:
            raise ValueError("a password or a query would be written down: leave it out")
        return value

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        value = {"tab": "\t", "\\t": "\t"}.get(value or "", value)
        if value is not None and (len(value) != 1 or value in '"\r\n\0'):
            raise ValueError("a delimiter is one character, or tab")
        return value

    @field_validator("set_aside")
    @classmethod
    def _known_sides(cls, value: dict[str, float]) -> dict[str, float]:
        if wrong := set(value) - set(SIDES):
            raise ValueError(f"'{sorted(wrong)[0]}' is not one of {', '.join(SIDES)}")
        if sum(value.values()) > 1:
            raise ValueError("the shares add up to more than 1")
        return {side: value[side] for side in SIDES if side in value}
