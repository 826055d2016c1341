"""Commands that may ask a model: each also takes ``--local-only`` and keeps to the egress policy of the folder it runs in.

app.command("teach")(bounded(teach, is_traceable=True))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, get_type_hints

import typer

from epm.cli.panels import LIMITS, OUTPUT
from epm.cli.streams import note
from epm.config import config_file

_LocalOnly = Annotated[
    bool, typer.Option("--local-only", help="Refuse every host but this machine, before anything is sent.", rich_help_panel=LIMITS)
]
_TraceLangsmith = Annotated[
    bool,
    typer.Option(
        "--trace-langsmith",
        help="Send whole traces (listings, prompts, replies) to LangSmith; nothing is traced otherwise.",
        rich_help_panel=OUTPUT,
    ),
]


def bounded(command: Callable[..., None], *, is_traceable: bool = False) -> Callable[..., None]:
    """The command with the option ``--local-only``; while it runs, no socket goes where the policy forbids.

    One that runs graphs and is traceable also takes ``--trace-langsmith``.
    """

    @wraps(command)
    def run(*args: object, local_only: bool = False, trace_langsmith: bool = False, **options: object) -> None:
        with _in_bounds(is_local_only=local_only, is_traced=trace_langsmith):
            command(*args, **options)

    hints = get_type_hints(command, include_extras=True)  # in the command's own module, where its names are known
    own = [parameter.replace(annotation=hints[name]) for name, parameter in inspect.signature(command).parameters.items()]
    added: dict[str, object] = {"local_only": _LocalOnly, **({"trace_langsmith": _TraceLangsmith} if is_traceable else {})}
    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation) for name, annotation in added.items()
    ]
    run.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {**hints, **added}
    return run


@contextmanager
def _in_bounds(*, is_local_only: bool, is_traced: bool) -> Iterator[None]:
    if not is_local_only and not is_traced and config_file(Path.cwd()) is None:
        yield
        return
    from epm.egress import load_policy
    from epm.socket_guard import guard_sockets

    policy = load_policy(Path.cwd(), is_local_only=is_local_only)
    with guard_sockets(policy):
        if not is_traced:
            yield
            return
        from epm.graph_call import TRACED, traced_to_langsmith

        with traced_to_langsmith(policy) as place:
            note(f"epm: note: sending to {place}: {TRACED} (--trace-langsmith)")
            yield
