"""The options of every command that asks a model: where it is served, how it is asked, how much at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.panels import LIMITS, MODEL, OUTPUT
from epm.cli.streams import note
from epm.config import DEFAULT_CONCURRENCY, DEFAULT_ITEM_TIMEOUT_S, DEFAULT_REPLY_TOKENS, DEFAULT_TIMEOUT_S
from epm.errors import ConfigError
from epm.gateway.request import ModelSettings, StructuredMode

TimeoutS = Annotated[
    float, typer.Option(min=1, help="Seconds for one attempt at one call; slow servers need more.", rich_help_panel=LIMITS)
]
ReplyTokens = Annotated[
    int,
    typer.Option(
        min=1,
        help="Most tokens of one reply, thinking included; another number is another run. --max-tokens is the cap.",
        rich_help_panel=LIMITS,
    ),
]


@dataclass(frozen=True)
class Endpoint:
    """Where a model is served, which variable holds what opens it, and how hard it is to think there."""

    api_base: Annotated[
        str | None,
        typer.Option(
            help="Address of an OpenAI-compatible server, or of an Azure resource: https://NAME.openai.azure.com.",
            rich_help_panel=MODEL,
        ),
    ] = None
    api_key_env: Annotated[str | None, typer.Option(help="Name of the environment variable that holds the key.", rich_help_panel=MODEL)] = (
        None
    )
    api_version: Annotated[str | None, typer.Option(help="API version of azure/DEPLOYMENT, such as 2024-10-21.", rich_help_panel=MODEL)] = (
        None
    )
    azure_ad_token_env: Annotated[
        str | None,
        typer.Option(help="Name of the environment variable that holds an Entra token, instead of a key.", rich_help_panel=MODEL),
    ] = None
    reasoning_effort: Annotated[
        str | None,
        typer.Option(
            metavar="EFFORT",
            help="How hard a model that thinks unseen is to think: none, minimal, low, medium, high; another is another run.",
            rich_help_panel=MODEL,
        ),
    ] = None

    def settings(self, model: str) -> ModelSettings:
        """The model at this place."""
        return ModelSettings(
            model, api_base=self.api_base, api_key_env=self.api_key_env, api_version=self.api_version,
            azure_ad_token_env=self.azure_ad_token_env, reasoning_effort=self.reasoning_effort,
        )  # fmt: skip


@dataclass(frozen=True)
class Cassette:
    """A file that the model's replies are written to, or that answers in the model's place."""

    record: Annotated[
        Path | None,
        typer.Option(
            help="Add everything the command is answered to this cassette; one that is there is added to, never changed.",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Let this cassette answer for --model, strictly: nothing is sent, no key is needed, nothing costs.",
            rich_help_panel=MODEL,
        ),
    ] = None

    def of(self, model: ModelSettings) -> ModelSettings:
        """The model, answered for by the cassette if there is one to replay."""
        return model if self.replay is None else replace(model, replay=str(self.replay.resolve()))

    def require_use(self, model: str | None) -> None:
        """Nothing, when the cassette has a part to play; on stderr, that it holds something already.

        Raises:
            ConfigError: there is no model to record or to answer for, or the replies of a cassette are to be recorded.
        """
        asked = "--record" if self.replay is None else "--replay"
        if self.record is not None and self.replay is not None:
            raise ConfigError(
                f"--record {str(self.record)!r} and --replay {str(self.replay)!r} exclude each other: a replay hears nothing new"
            )
        if (self.record or self.replay) is not None and model is None:
            raise ConfigError(
                f"{asked} {str(self.record or self.replay)!r} is for the replies of a model, and none is asked here: name it with --model"
            )
        if self.record is not None and self.record.is_file():
            note(f"epm: note: cassette {str(self.record)!r} is there already and is added to")


@dataclass(frozen=True)
class Asking(Cassette, Endpoint):
    """Where a model is served, how it is asked for structure, and the bounds on time and traffic."""

    structured: Annotated[
        StructuredMode,
        typer.Option(help="How answers are asked for: 'epm doctor' says which way a model knows.", rich_help_panel=MODEL),
    ] = StructuredMode.JSON_SCHEMA
    concurrency: Annotated[int, typer.Option(min=1, help="Most items, and calls, at work at a time.", rich_help_panel=LIMITS)] = (
        DEFAULT_CONCURRENCY
    )
    reply_tokens: ReplyTokens = DEFAULT_REPLY_TOKENS
    timeout_s: TimeoutS = DEFAULT_TIMEOUT_S
    item_timeout_s: Annotated[
        float,
        typer.Option(
            min=1, help="Seconds for all calls, waits and repairs of one item; then it fails as 'timeout'.", rich_help_panel=LIMITS
        ),
    ] = DEFAULT_ITEM_TIMEOUT_S
    rpm: Annotated[
        int | None,
        typer.Option(min=1, help="Hard cap of calls a minute; without it the server's limit is found out.", rich_help_panel=LIMITS),
    ] = None
    tpm: Annotated[int | None, typer.Option(min=1, help="Hard cap of tokens a minute.", rich_help_panel=LIMITS)] = None

    def settings(self, model: str) -> ModelSettings:
        """The model at this place, asked this way."""
        found = self.of(super().settings(model))
        return replace(
            found, structured=self.structured, max_tokens=self.reply_tokens, timeout_s=self.timeout_s, item_timeout_s=self.item_timeout_s,
            rpm=self.rpm, tpm=self.tpm,
        )  # fmt: skip
