"""Options that several commands share, said once so that they read and work alike everywhere."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.config import DEFAULT_STORE
from epm.errors import ConfigError

if TYPE_CHECKING:
    from epm.matcher import MatchContext


class BadRow(StrEnum):
    """What to do with a bad input row."""

    STOP = "stop"
    SKIP = "skip"


Model = Annotated[str | None, typer.Option(help="Model for matchers that ask one: rules, or a litellm name.")]
ApiBase = Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")]
ApiKeyEnv = Annotated[str | None, typer.Option(help="Name of the environment variable that holds the key.")]
Identity = Annotated[str, typer.Option(help="What counts as the same: strict, family, per-unit or a .toml file.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Read the first N pairs only.")]
OnBadRow = Annotated[BadRow, typer.Option(help="Stop at a bad row, or skip and count it.")]
Store = Annotated[
    Path | None, typer.Option(help="Run store; holds the model's calls, so it needs a model.", show_default=str(DEFAULT_STORE))
]
StoreUrl = Annotated[str, typer.Option(help="Run store: a file or a database URL.")]


def matching_context(
    specs: list[str], *, model: str | None, api_base: str | None, api_key_env: str | None, identity: str, store: Path | None
) -> AbstractContextManager[MatchContext]:
    """The context in which the matchers of a command run.

    Raises:
        ConfigError: the identity rule is unknown, or the matchers name several models.
    """
    from epm.gateway.request import ModelSettings
    from epm.identity import load_identity_rule
    from epm.matching import named_model, open_context

    settings = named_model(specs) if model is None else ModelSettings(model, api_base=api_base, api_key_env=api_key_env)
    if store is not None and settings is None:
        typer.echo(f"epm: note: nothing is written to {str(store)!r}: it holds a model's calls, and no model is asked here", err=True)
    return open_context(specs, model=settings, identity=load_identity_rule(identity), store=store)


def refuse_total_failure(n_failed: int, n_items: int, hint: str) -> None:
    """Nothing, when at least one item was decided: a script must not take a run without any result for a success.

    Raises:
        ConfigError: every item failed.
    """
    if n_items and n_failed == n_items:
        raise ConfigError(f"all {n_items} items failed: check --model, --api-base and --api-key-env; {hint}")
