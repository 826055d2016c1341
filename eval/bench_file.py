"""``bench.toml``: the rows of a bench, each matcher with its own model, price, identity rule and way of asking.

    [[row]]
    name = "small model, family rule"     # how the table calls it; default: the matcher and its model
    matcher = "multi-agent-rag"           # NAME or NAME:ARG, as after --matcher
    model = "openai/gpt-4o-mini"
    price = "0.15,0.60"                   # USD for a million tokens, IN,OUT; or base_model = "…"
    identity = "family"

    [row.prompt]
    structured = "md-json"
    reply_tokens = 800

Whatever a row leaves open is what the command line says. Paths count from the current folder, as they do there.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from epm.errors import ConfigError
from epm.first_problem import first_problem
from epm.gateway.misplaced import refuse_misplaced_keys
from epm.gateway.request import StructuredMode

_Text = Annotated[str, Field(min_length=1)]
_Seconds = Annotated[float, Field(ge=1, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PromptOptions(_Part):
    """How a row's model is asked."""

    structured: StructuredMode | None = None
    reply_tokens: _Count | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None


class BenchFileRow(_Part):
    """One row; ``None`` is left open."""

    matcher: _Text
    name: _Text | None = None
    model: _Text | None = None
    api_base: _Text | None = None
    api_key_env: _Text | None = None
    api_version: _Text | None = None
    azure_ad_token_env: _Text | None = None
    price: _Text | None = None
    base_model: _Text | None = None
    identity: _Text | None = None
    timeout_s: _Seconds | None = None
    item_timeout_s: _Seconds | None = None
    rpm: _Count | None = None
    tpm: _Count | None = None
    prompt: PromptOptions = PromptOptions()


@dataclass(frozen=True, slots=True)
class BenchFile:
    """The rows of a file, in its order, and the hash of its bytes."""

    rows: tuple[BenchFileRow, ...]
    sha: str


def load_bench_file(path: Path) -> BenchFile:
    """What a file plans.

    Raises:
        ConfigError: the file cannot be read, has no row, or a row is wrong; names the row and the setting.
    """
    try:
        content = path.read_bytes()
        tables = tomllib.loads(content.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error}; give a TOML file with a [[row]] for each matcher") from error
    found = tables.get("row")
    if set(tables) != {"row"} or not isinstance(found, list) or not found:
        raise ConfigError(f"{str(path)!r} holds {sorted(tables)}; it must hold one [[row]] or more, and nothing beside them")
    rows = tuple(_row(table, f"{str(path)!r}, row {number}") for number, table in enumerate(found, start=1))
    return BenchFile(rows, hashlib.sha256(content).hexdigest())


def _row(table: object, place: str) -> BenchFileRow:
    if isinstance(table, dict):
        try:
            refuse_misplaced_keys(table)
        except ConfigError as error:
            raise ConfigError(f"{place}: {error}") from error
    try:
        row = BenchFileRow.model_validate(table)
    except ValidationError as error:
        is_of_prompt = error.errors(include_url=False)[0]["loc"][:1] == ("prompt",)
        part, allowed = ("[row.prompt]", PromptOptions) if is_of_prompt else ("[[row]]", BenchFileRow)
        raise ConfigError(f"{place}: {first_problem(error)}; settings of {part} are {', '.join(allowed.model_fields)}") from error
    if row.price is not None and row.base_model is not None:
        raise ConfigError(f"{place}: price {row.price!r} and base_model {row.base_model!r} both say what the model costs; give one of them")
    return row
