"""``epm doctor``: whether a model can teach and judge, and what to set for it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.asked_model import asked_model
from epm.cli.asking import Endpoint, ReplyTokens, TimeoutS
from epm.cli.bounded import bounded
from epm.cli.money import Pricing
from epm.cli.option_groups import with_options
from epm.cli.panels import MODEL, OUTPUT, PanelCommand
from epm.config import DEFAULT_REPLY_TOKENS, DEFAULT_TIMEOUT_S
from epm.errors import ConfigError

if TYPE_CHECKING:
    from epm.agents.doctor import Diagnosis


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("doctor", cls=PanelCommand)(bounded(with_options(endpoint=Endpoint, pricing=Pricing)(doctor)))


def doctor(
    *,
    model: Annotated[str, typer.Option(help="A litellm name such as openai/gpt-4o-mini or azure/my-deployment, or @NAME of a profile in epm.toml.", rich_help_panel=MODEL)],
    reply_tokens: ReplyTokens = DEFAULT_REPLY_TOKENS, timeout_s: TimeoutS = DEFAULT_TIMEOUT_S,
    endpoint: Endpoint, pricing: Pricing,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Ask a model for one structured answer in each mode, one repair and one tool call; say what works and what to set.

    Sends an invented example, nothing of yours. Exit 2 if no structured mode works.
    """
    from epm.agents.doctor import examine
    from epm.session import open_session
    from epm.sync import run_sync

    settings = replace(asked_model(model, endpoint, pricing), timeout_s=timeout_s, max_tokens=reply_tokens)
    with open_session(store=None, model=settings, is_probe=True) as session:
        diagnosis = run_sync(examine(session.gateway, settings))
    found = {**asdict(diagnosis), "is_usable": diagnosis.is_usable}
    typer.echo(json.dumps(found) if as_json else render_diagnosis(diagnosis))
    if not diagnosis.is_usable:
        msg = f"model {settings.name!r} cannot be used: neither structured mode works"
        raise ConfigError(msg)


def render_diagnosis(diagnosis: Diagnosis) -> str:
    """The findings as lines of text, with what to set at the end."""
    lines = []
    for check in diagnosis.checks:
        lines.append(f"{'ok  ' if check.is_ok else 'FAIL'}  {check.name}: {check.detail}")
        if check.remedy is not None:
            lines.append(f"      {check.remedy}")
    if diagnosis.structured is not None:
        lines.append(f"use: --structured {diagnosis.structured.value}")
    return "\n".join(lines)
