"""Commands that may ask a model: each also takes ``--local-only`` and keeps to the egress policy of the folder it runs in.

app.command("teach")(bounded(teach))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, get_type_hints

import typer

from epm.config import config_file

_LocalOnly = Annotated[bool, typer.Option("--local-only", help="Refuse every host but this machine, before anything is sent.")]


def bounded(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the option ``--local-only``; while it runs, no socket goes where the policy forbids."""

    @wraps(command)
    def run(*args: object, local_only: bool = False, **options: object) -> None:
        if not local_only and config_file(Path.cwd()) is None:
            command(*args, **options)
            return
        from epm.egress import load_policy
        from epm.socket_guard import guard_sockets

        with guard_sockets(load_policy(Path.cwd(), is_local_only=local_only)):
            command(*args, **options)

    hints = get_type_hints(command, include_extras=True)  # in the command's own module, where its names are known
    own = [parameter.replace(annotation=hints[name]) for name, parameter in inspect.signature(command).parameters.items()]
    added = inspect.Parameter("local_only", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_LocalOnly)
    run.__signature__ = inspect.Signature([*own, added])  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {**hints, "local_only": _LocalOnly}
    return run
