"""The rows of ``epm bench --plan``: what the file says of each, and what the options say where it says nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from epm.cli.asked_model import asked_model
from epm.cli.asking import Asking
from epm.cli.money import Money
from epm.errors import ConfigError

if TYPE_CHECKING:
    from epm.eval.bench_file import BenchFileRow
    from epm.eval.bench_plan import PlannedRow
    from epm.gateway.request import ModelSettings

_ASKING = ("api_base", "api_key_env", "api_version", "azure_ad_token_env", "timeout_s", "item_timeout_s", "rpm", "tpm")


def planned_rows(
    path: Path, *, model: str | None, identity: str, asking: Asking, money: Money
) -> tuple[list[PlannedRow], str]:  # fmt: skip
    """The rows of a bench file, filled by the options, and the file's hash.

    Raises:
        ConfigError: the file or an option is wrong, or an option has nothing to do here.
    """
    from epm.eval.bench_file import load_bench_file

    if money.estimate is not None:
        raise ConfigError(
            f"--estimate {money.estimate} speaks of one model, and each row of {str(path)!r} has its own: estimate with --matcher"
        )
    file = load_bench_file(path)
    planned = [
        _planned(row, f"{str(path)!r}, row {number}", model=model, identity=identity, asking=asking, money=money)
        for number, row in enumerate(file.rows, start=1)
    ]
    asking.require_use(next((row.model.name for row in planned if row.model is not None), None))
    return planned, file.sha


def _planned(row: BenchFileRow, place: str, *, model: str | None, identity: str, asking: Asking, money: Money) -> PlannedRow:
    from epm.eval.bench_plan import PlannedRow
    from epm.identity import load_identity_rule

    try:
        rule = load_identity_rule(row.identity or identity)
        asked = _model_name(row, model)
        settings = None if asked is None else _settings(row, asked, asking, money)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error
    return PlannedRow(row.matcher, settings, rule, row.name, asking.timeout_s if row.timeout_s is None else row.timeout_s)


def _model_name(row: BenchFileRow, model: str | None) -> str | None:
    """The model that a row asks, ``None`` where its matcher asks none.

    Raises:
        ConfigError: the row names a model in vain, or two.
    """
    from epm.matching import ASKS_A_MODEL, ASKS_THE_MODEL, named_model
    from epm.registry import MATCHERS

    name = row.matcher.partition(":")[0]
    if name in MATCHERS and name not in (*ASKS_A_MODEL, *ASKS_THE_MODEL):
        if row.model is not None:
            raise ConfigError(f"matcher {row.matcher!r} asks no model: remove model = {row.model!r}")
        return None
    named = named_model([row.matcher])
    if named is not None and row.model not in {None, named}:
        raise ConfigError(f"matcher {row.matcher!r} and model {row.model!r} name two models; give one of them")
    return row.model or named or model


def _settings(row: BenchFileRow, asked: str, asking: Asking, money: Money) -> ModelSettings:
    own = {name: value for name in _ASKING if (value := getattr(row, name)) is not None}
    prompt = {name: value for name in ("structured", "reply_tokens") if (value := getattr(row.prompt, name)) is not None}
    priced = money if (row.price or row.base_model) is None else replace(money, price=row.price, base_model=row.base_model)
    settings = asked_model(asked, replace(asking, **own, **prompt), priced)
    return settings if row.prompt.temperature is None else replace(settings, temperature=row.prompt.temperature)
