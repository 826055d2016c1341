"""``mapping.toml``: how a table of pairs (perhaps with two listing tables) or one of listings is read. Written by inspect, edited by people.

A column is named as the file's header spells it; a doubled name is told apart as ``Titel #2``, a column without a name is
``column 7``, and the two rows of a merged header are joined as ``Links / Titel``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from epm.errors import ConfigError
from epm.files.rows import LISTING_FIELDS
from epm.first_problem import first_problem

TableFormat = Literal["delimited", "xlsx", "jsonl", "parquet"]
LabelWord = Literal["match", "no_match", "none"]
DecimalMark = Literal[".", ","]
DecimalStyle = Literal[".", ",", "mixed"]
"""The decimal mark of a column of prices; ``mixed`` reads each cell by itself and leaves ``1.299`` as it is written."""
OnDamage = Literal["stop", "drop"]
DEFAULT_MISSING = ("n/a", "null", "none", "nan", "-", "\\N", "#N/A", "#NV")
"""Cells that say "nothing here", compared without regard to case."""


def _character(value: object) -> object:
    if isinstance(value, str) and len(value) == 1 and value not in "\r\n":
        return value
    raise ValueError("must be one character, such as ; or a tab written as \\t")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileLayout(_Section):
    """How the bytes of a table become rows; settings that its format does not have stay at their defaults."""

    format: TableFormat = "delimited"
    encoding: str = "utf-8"
    delimiter: Annotated[str, BeforeValidator(_character)] = ","
    quote: Literal['"', "'", ""] = '"'
    sheet: str = ""
    header_rows: tuple[int, ...] = (1,)
    missing: tuple[str, ...] = DEFAULT_MISSING

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            "a".encode(value).decode(value)
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"{value!r} is no text encoding; use utf-8, cp1252, utf-16, cp949 or another name that Python knows"
            ) from error
        return value

    @field_validator("header_rows")
    @classmethod
    def _in_order(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not (1 <= len(value) <= 2) or value[0] < 1 or list(value) != sorted(set(value)):  # noqa: PLR2004 - one row, or two that are merged
            raise ValueError("must be one row number from 1, or two in order, such as [3, 4]")
        return value


class PairColumns(_Section):
    """Columns that describe the pair itself."""

    pair_id: str = ""
    label: str = ""
    relation: str = ""
    factor: str = ""
    split: str = ""


class ListingColumns(_Section):
    """Which columns hold the fields and attributes of a listing."""

    decimal: DecimalStyle = "."
    columns: dict[str, str] = Field(default_factory=dict)
    attributes: dict[str, str] = Field(default_factory=dict)

    @field_validator("columns")
    @classmethod
    def _listing_fields(cls, value: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(value).difference(LISTING_FIELDS))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no listing field; use one of {', '.join(LISTING_FIELDS)}, or put it under attributes")
        return {name: column for name, column in value.items() if column}


class SideMapping(ListingColumns):
    """Where one side's listing stands: columns of the pairs table, or a table of its own that ``key`` points into."""

    table: str = ""
    key: str = ""
    file: FileLayout | None = None

    @model_validator(mode="after")
    def _whole(self) -> SideMapping:
        if bool(self.table) != bool(self.key):
            raise ValueError("table and key belong together: the listing table, and the column of the pairs table that holds its ids")
        return self


class Mapping(_Section):
    """The whole of a ``mapping.toml`` for a table of pairs."""

    version: Literal[1] = 1
    kind: Literal["pairs"] = "pairs"
    damaged_identifiers: OnDamage = "stop"
    file: FileLayout = FileLayout()
    pair: PairColumns = PairColumns()
    left: SideMapping
    right: SideMapping
    labels: dict[str, LabelWord] = Field(default_factory=dict)


class ListingMapping(_Section):
    """The whole of a ``mapping.toml`` for a table of single listings."""

    version: Literal[1] = 1
    kind: Literal["listings"] = "listings"
    damaged_identifiers: OnDamage = "stop"
    file: FileLayout = FileLayout()
    listing: ListingColumns


def load_mapping(path: Path | str) -> Mapping | ListingMapping:
    """The mapping of a TOML file, of pairs unless its ``kind`` says listings.

    Raises:
        ConfigError: the file is absent, no TOML, or holds a setting that does not exist or is not allowed.
    """
    source = Path(path)
    try:
        settings = tomllib.loads(source.read_text(encoding="utf-8-sig"))
        kind = settings.get("kind", "pairs")
        if kind not in ("pairs", "listings"):
            raise ConfigError(f"the mapping {str(path)!r} is not valid: kind {kind!r} is not allowed: use pairs or listings")
        mapping = (ListingMapping if kind == "listings" else Mapping).model_validate(settings)
    except OSError as error:
        raise ConfigError(f"cannot read the mapping {str(path)!r}: {error.strerror}; write one with: epm data inspect FILE") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the mapping {str(path)!r} is no TOML ({error}); mend that place") from error
    except ValidationError as error:
        raise ConfigError(f"the mapping {str(path)!r} is not valid: {first_problem(error)}") from error
    _require_columns(path, mapping)
    return mapping


def _require_columns(path: Path | str, mapping: Mapping | ListingMapping) -> None:
    sections: dict[str, ListingColumns] = (
        {"listing": mapping.listing} if isinstance(mapping, ListingMapping) else {"left": mapping.left, "right": mapping.right}
    )
    for name, section in sections.items():
        if not section.columns.get("title"):
            raise ConfigError(
                f"the mapping {str(path)!r} has no {name}.columns.title: name the column that holds the title, every listing needs one"
            )
        if isinstance(section, SideMapping) and section.table and not section.columns.get("id"):
            raise ConfigError(
                f"the mapping {str(path)!r} has no {name}.columns.id: name the column of {section.table!r} that {name}.key points to"
            )


def parse_label_map(text: str) -> dict[str, LabelWord]:
    """The label words of ``ja=match,nein=no_match``.

    Raises:
        ConfigError: an entry without ``=``, or one whose right side is no label.
    """
    words: dict[str, LabelWord] = {}
    for entry in text.split(","):
        word, joint, label = entry.rpartition("=")
        if not joint or not word.strip() or label.strip() not in {"match", "no_match", "none"}:
            raise ConfigError(
                f"label map entry {entry!r} is not allowed: write WORD=match, WORD=no_match or WORD=none, separated by commas"
            )
        words[word.strip()] = label.strip()  # type: ignore[assignment]  # checked in the line above
    return words
